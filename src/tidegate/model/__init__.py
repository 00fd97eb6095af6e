"""The nouns: frozen, slotted, self-explaining values that every other room speaks in.

In: nothing. Out: types. All numbers are fixed-point integers (see `tidegate.units`), all times nanoseconds since the Unix epoch.
Values that arrive from outside are checked where they arrive (config, feeds, API, `gate.intake`); inside the house a noun is believed.
"""
