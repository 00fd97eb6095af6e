"""The engine: the only mutable sequence. One writer takes one command at a time, in journal order.

In: market batches from a feed, proposals, and the operator's commands. Out: journaled events, orders to a venue, read models.
"""
