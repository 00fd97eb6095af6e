"""Wire formats: what each venue and vendor sends, read exactly. One file a source.

In: bytes as they came (or JSON decoded from text, never through floats), our receipt time, and facts about the market. Out: market events,
the half-facts that need a memory (`Depth`, `OiPoint`), or an outcome that says why there are none (`outcome.py`). No network, clock or disk
in here; the few objects with a memory (`LocalBook`, `Forward`, `SlotTimes`) are told the time by their caller. Every number
comes from decimal text (`fields.py`); nothing a venue sends can make a parser raise. Source: reference/apis.md; its traps are tests.
"""
