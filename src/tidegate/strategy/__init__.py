"""The strategy room: what each strategy looks for, and what it asks for when it sees it.

In: the `Tape` of an asset at the close of a 30 s bar (SOL: also at a fee reading) and the strategy's own folded state. Out: the next state
and perhaps a `Proposal`. Strategies propose on their trigger and never judge guards: the gate does, so that vetoes are seen. INVARIANT: R1
"""
