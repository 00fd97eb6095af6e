"""The command line: what people type, and what they see. Nothing here decides anything.

In: arguments. Out: words on a terminal (plain text when piped) and an exit code: 0 good, 1 a check failed, 2 bad usage or config.
"""
