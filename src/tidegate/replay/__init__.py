"""The replay room: what a run amounts to, and the same numbers again from the journal alone.

In: a finished or running engine, or the path of a journal. Out: report numbers, differences, decisions made again, and the probe and intent
files that put questions to the gate where a tape is too coarse for scalps. Nothing here prints.
"""
