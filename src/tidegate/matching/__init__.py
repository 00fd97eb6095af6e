"""Fill rules, written once: book walks, fees, lots, resting orders along a price path, barriers, funding, the random-entry control.

In: instruments, orders, books, prints, bars. Out: executions, fills, outcomes. Pure: the paper venue, the random-entry control, the shadow
ledger and replay all share it, so that a hypothetical trade is judged by the very rules that a paper trade met. INVARIANT: R5
"""
