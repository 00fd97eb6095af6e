"""The gate: the only room that says yes. Pure.

In: an intent, a snapshot, a session and limits. Out: a Decision with every Finding, Approvals built from it, exit approvals, and the kill
switch's events. Start at `decide.py`, then read `checks.py`: the table of contents of every rule.
"""
