"""The orders room: ids, life cycle, brackets and reconciliation of orders, as pure functions.

In: approvals, trades, orders and what the venue said. Out: orders to place, amend or cancel, and named differences. Nothing is sent here.
"""
