"""Feeds: where market events come from.

In: a scenario's acts, recorded files (later: the venues' live streams). Out: batches of `MarketEvent`s of one instant each, in time order,
and a `FeedDescription` that says what the feed provides, what it lacks and which approximations it makes. Bad input is refused with file,
line and reason, or quarantined and counted; it is never passed on.
"""
