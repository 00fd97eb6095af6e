"""Venues: where approved orders go. In: orders with the gate's approval, market events (paper). Out: what became of them, as events."""
