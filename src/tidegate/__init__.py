"""Tidegate: strategies and agents propose, one risk gate decides, a venue executes, the journal remembers."""

__version__ = "0.1.0"
