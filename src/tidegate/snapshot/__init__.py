"""The snapshot room: market events in, one consistent view of the market out, every part with source and ages, or Missing.

In: `MarketEvent`s in time order. Out: `Snapshot`s for the gate, a `Tape` an asset for the strategies, marks for the session.
Accumulators only: no clock, no I/O. The same events give the same views, for ever.
"""
