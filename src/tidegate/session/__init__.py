"""The session room: risk state and run totals as pure folds of journaled events.

In: `model.event.Event` values, in journal order. Out: `model.session.Session`, `session.totals.Totals`, and the hash that proves two equal.
"""
