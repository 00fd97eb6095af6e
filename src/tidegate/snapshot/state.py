"""The market as known now: every asset's state, the slow readings, and the snapshot of one instant.

In: `MarketEvent`s in time order. Out: `Snapshot`, marks, single readings. What runs backward in time, names an unknown asset or is not a
usable book is not taken: it is counted in `ignored` by cause, with the last one in `last_ignored`. INVARIANT: F1 F4 F7
"""

from __future__ import annotations

from collections.abc import Iterable

from tidegate.model.instrument import InstrumentKind
from tidegate.model.limits import Limits
from tidegate.model.observation import Bar, Book, Channel, Liquidation, MarketEvent, Observation, TradePrint
from tidegate.model.snapshot import AssetView, BookView, LegView, Missing, PairView, Reading, Snapshot
from tidegate.snapshot.asset_state import AssetState
from tidegate.snapshot.assumptions import SOURCE, Assumptions
from tidegate.snapshot.bands import BandBook, BandSettings
from tidegate.snapshot.books import assumed_view
from tidegate.snapshot.fees import received_at
from tidegate.snapshot.spot import RATED, in_usd, leg_of, rate_of
from tidegate.units import Nanoseconds

OTHERS_MAX = 64
NOT_HEARD = Missing("never received")
UNKNOWN_ASSET = Missing("unknown asset")
FOR_EVER_NS: Nanoseconds = 2**62
# Module constants: an enum's member costs several times as much to look up, and these are asked at every decision.
_PRICE, _BOOK, _LIQUIDATIONS = Channel.PRICE, Channel.BOOK, Channel.LIQUIDATIONS
_PRIORITY_FEE, _HEALTH_FACTOR, _RATE = Channel.PRIORITY_FEE, Channel.HEALTH_FACTOR, Channel.RATE
_Slot = tuple[Channel, str, str]


class MarketState:
    """Accumulates market events; assembles what is known at one instant.

    One instrument is the tape of its asset: its perpetual on the execution venue, or, where the limits list none, the first one heard. Other
    instruments of the asset (spot books, another venue) keep a price of their own and leave the tape alone; the marks of listed perpetuals
    fall back on the asset's price while they have none. Rates between currencies belong to no asset; one of another currency is ignored.
    """

    __slots__ = (
        "_assets",
        "_assumptions",
        "_grace_ns",
        "_latest",
        "_limits",
        "_others",
        "_perpetuals",
        "_rate_may_lag_ns",
        "_readings",
        "_tapes",
        "ignored",
        "last_ignored",
    )

    def __init__(self, limits: Limits, assumptions: Assumptions, bands: BandSettings) -> None:
        self._limits = limits
        self._assumptions = assumptions
        self._grace_ns = max((bounds.value_grace_ns for bounds in limits.stale.values()), default=0)
        self._perpetuals = limits.perpetuals()
        names = {**dict.fromkeys(limits.assets), **dict.fromkeys(each.asset for each in limits.instruments.values())}
        self._assets = {name: self._new_asset(name, bands) for name in names}
        self._tapes: dict[str, AssetState] = {}
        self._others: dict[str, AssetState] = {}
        self._readings: dict[_Slot, Observation] = {}
        self._latest: dict[tuple[Channel, str], Observation] = {}
        self._rate_may_lag_ns = _rate_may_lag_ns(limits)
        self.ignored: dict[str, int] = {}
        self.last_ignored: MarketEvent | None = None

    def _new_asset(self, name: str, bands: BandSettings) -> AssetState:
        book = BandBook(bands, always_static=self._assumptions.bands_static) if name == bands.asset else None
        return AssetState(name, self._limits.assets.get(name), book, self._assumptions.get("liquidations", name))

    def asset(self, asset: str) -> AssetState:
        """Return the rolling state of one asset. Raises KeyError for an asset the limits do not know."""
        return self._assets[asset]

    @property
    def assets(self) -> tuple[str, ...]:
        """Return the assets known, in the order of the limits."""
        return tuple(self._assets)

    # Events

    def apply(self, event: MarketEvent) -> None:
        """Take one event. Events come in time order; one that runs backward is ignored and counted."""
        if type(event) is Bar:
            state = self._tapes.get(event.instrument_id) or self._tape_for(event.instrument_id, event.asset)
            if state is None or not state.on_bar(event):
                self._ignore(event, "unknown instrument" if state is None else "bar: time went backward")
            return
        self._apply_other(event)

    def _apply_other(self, event: MarketEvent) -> None:
        """Take what is not a bar. Told apart by `type`, which on a Struct costs a fraction of `isinstance` or a class pattern."""
        if type(event) is Book:
            state = self._tapes.get(event.instrument_id) or self._tape_for(event.instrument_id, event.asset)
            refused = "unknown instrument" if state is None else state.on_book(event)
            if refused:
                self._ignore(event, f"book: {refused}")
        elif type(event) is TradePrint:
            state = self._tapes.get(event.instrument_id) or self._tape_for(event.instrument_id, event.asset)
            if state is None or not state.on_print(event):
                self._ignore(event, "unknown instrument" if state is None else "trade: time went backward")
        elif type(event) is Observation:
            self._observe(event)
        elif type(event) is Liquidation:
            known = self._assets.get(event.asset)
            if known is None:
                self._ignore(event, "liquidation: unknown asset")
            else:
                known.squeezes.take_liquidation(event)
        else:
            raise TypeError(f"{type(event).__name__} is not a market event")

    def _tape_for(self, instrument_id: str, asset: str) -> AssetState | None:
        """Decide, at the first event of an instrument, which state it feeds."""
        if instrument_id in self._others:
            return self._others[instrument_id]
        state = self._assets.get(asset)
        if state is None:
            return None
        if not self._is_spot(instrument_id) and self._perpetuals.setdefault(asset, instrument_id) == instrument_id:
            self._tapes[instrument_id] = state
            return state
        if len(self._others) >= OTHERS_MAX:
            return None
        self._others[instrument_id] = AssetState(asset, None, None, None)
        return self._others[instrument_id]

    def _is_spot(self, instrument_id: str) -> bool:
        listed = self._limits.instruments.get(instrument_id)
        return listed is not None and listed.kind is InstrumentKind.SPOT

    def _observe(self, reading: Observation) -> None:
        state = self._assets.get(reading.asset)
        if state is None and reading.channel is not Channel.HEALTH_FACTOR and not _is_rate(reading):
            self._ignore(reading, f"{reading.channel}: unknown asset")
            return
        slot = (reading.channel, reading.asset, reading.venue)
        last = self._readings.get(slot)
        if last is not None and (reading.observed_ns < last.observed_ns or reading.received_ns < last.received_ns):
            self._ignore(reading, f"{reading.channel}: time went backward")
            return
        self._readings[slot] = reading
        self._latest[reading.channel, reading.asset] = reading
        if state is not None:
            self._route(reading, state)

    @staticmethod
    def _route(reading: Observation, state: AssetState) -> None:
        state.now_ns = max(state.now_ns, reading.received_ns)
        if reading.channel is Channel.PRIORITY_FEE:
            state.fees.take(reading)
        elif reading.channel is Channel.TIP:
            state.tips.take(reading)
        elif reading.channel is Channel.LIQUIDATIONS:
            state.squeezes.take_heartbeat(reading)

    def _ignore(self, event: MarketEvent, cause: str) -> None:
        self.ignored[cause] = self.ignored.get(cause, 0) + 1
        self.last_ignored = event

    # Views

    def reading(
        self, channel: Channel, asset: str, asof_ns: Nanoseconds, venue: str = ""
    ) -> Reading | BookView | Missing:
        """Return the latest reading of a channel, or what a replay assumes in its place.

        An empty venue means the newest of any. PRIORITY_FEE is smoothed; TIP is the p50 tip in SOL as received; LIQUIDATIONS is the USD of
        shorts liquidated in the last 5 minutes, whose receipt tells whether the channel lives. RATE is asked by currency (`USDT`).
        """
        if channel is _RATE:
            return self.rate(asset)
        state = self._assets.get(asset)
        if state is None:
            if channel is not _HEALTH_FACTOR:
                return UNKNOWN_ASSET
        elif channel is _PRICE:
            return state.price()
        elif channel is _BOOK:
            return self._book(state, asof_ns)
        elif channel is _LIQUIDATIONS:
            return state.squeezes.alive(asof_ns)
        elif channel is _PRIORITY_FEE:
            return self._or_assumed(state.fees.reading(asof_ns), "priority_fee", asset, asof_ns)
        seen = self._readings.get((channel, asset, venue)) if venue else self._latest.get((channel, asset))
        known = _as_reading(seen, asof_ns) if seen is not None else NOT_HEARD
        return self._or_assumed(known, self._assumption_name(channel, venue), asset, asof_ns)

    def lasts_until_ns(self, channel: Channel, asset: str, asof_ns: Nanoseconds, venue: str = "") -> Nanoseconds | None:
        """Return the last instant at which what is known now is still fresh if nothing new is heard; None when nothing is known.

        An assumption lasts for ever; a polled series is delivered again and ends by the age of its value alone. INVARIANT: F2
        """
        reading = self.reading(channel, asset, asof_ns, venue)
        if isinstance(reading, Missing):
            return None
        bounds = self._limits.stale[channel]
        if reading.source == SOURCE:
            return FOR_EVER_NS
        seen = self._readings.get((channel, asset, venue)) if venue else self._latest.get((channel, asset))
        if seen is not None and seen.poll_ns > 0:
            return reading.observed_ns + reading.period_ns + bounds.value_grace_ns
        return bounds.fresh_until_ns(reading.received_ns, reading.observed_ns, reading.period_ns)

    def rate(self, currency: str) -> Reading | Missing:
        """Return USD per unit of a currency as last heard, of any age. USD itself has none: it is exactly 1, and never old."""
        return rate_of(self._latest.get((_RATE, currency)))

    def _assumption_name(self, channel: Channel, venue: str) -> str:
        """Return the name under which a replay may assume a reading; empty where none can stand for it (a venue the rule does not name)."""
        if channel is Channel.FUNDING:
            first, second = self._limits.funding_venues
            return "funding_a" if venue == first else "funding_b" if venue == second else ""
        return "tip_ratio" if channel is Channel.TIP else str(channel)

    def _or_assumed(self, known: Reading | Missing, name: str, asset: str, asof_ns: Nanoseconds) -> Reading | Missing:
        """Return what is known, or what is assumed where nothing is, or where a tape's series has ended (its value is past its limit)."""
        assumed = self._assumptions.get(name, asset) if name and self._assumptions.values else None
        if assumed is None or (
            isinstance(known, Reading) and asof_ns <= known.observed_ns + known.period_ns + self._grace_ns
        ):
            return known
        return Reading(assumed, SOURCE, asof_ns, asof_ns)

    def _scalar(self, channel: Channel, asset: str, asof_ns: Nanoseconds, venue: str = "") -> Reading | Missing:
        known = self.reading(channel, asset, asof_ns, venue)
        if type(known) is BookView:  # `isinstance` on a Struct that does not match is several times slower
            return Missing("not a scalar")
        return known

    def _book(self, state: AssetState, asof_ns: Nanoseconds) -> BookView | Missing:
        """Return the last book, or the assumed one around the last price where none was ever heard."""
        known = state.books.view()
        spread = self._assumptions.get("spread_bps", state.asset)
        price = state.last_price
        if isinstance(known, BookView) or spread is None or price is None:
            return known
        return assumed_view(price, spread, self._assumptions.get("depth_usd", state.asset), asof_ns)

    def health_factor(self, asof_ns: Nanoseconds) -> Reading | Missing | None:
        """Return the account's health factor; None where Aave is declared not configured."""
        if not self._limits.aave_configured:
            return None
        seen = next((each for slot, each in self._latest.items() if slot[0] is _HEALTH_FACTOR), None)
        return self._or_assumed(NOT_HEARD if seen is None else _as_reading(seen, asof_ns), "health_factor", "", asof_ns)

    def view(self, asset: str, asof_ns: Nanoseconds) -> AssetView:
        """Return everything known about one asset; all parts Missing for an unknown one."""
        state = self._assets.get(asset)
        if state is None:
            unknown = UNKNOWN_ASSET
            return AssetView(asset, unknown, unknown, unknown, "", unknown, unknown, unknown, unknown, unknown, unknown)
        first, second = self._limits.funding_venues
        positioning = self._scalar(Channel.POSITIONING, asset, asof_ns)
        return AssetView(
            asset=asset,
            price=state.price(),
            book=self._book(state, asof_ns),
            positioning=positioning,
            positioning_kind=self._kind_of(positioning, asset),
            funding_a=self._scalar(Channel.FUNDING, asset, asof_ns, first),
            funding_b=self._scalar(Channel.FUNDING, asset, asof_ns, second),
            open_interest=self._scalar(Channel.OPEN_INTEREST, asset, asof_ns),
            squeeze=state.squeezes.squeeze(asof_ns),
            priority_fee=self._scalar(Channel.PRIORITY_FEE, asset, asof_ns),
            tip_ratio=self._or_assumed(state.tips.ratio(asof_ns), "tip_ratio", asset, asof_ns),
        )

    def _kind_of(self, positioning: Reading | Missing, asset: str) -> str:
        """Return which ratio a positioning reading is, as its source said; an assumed one is by definition the pinned kind. Empty: unknown."""
        if type(positioning) is Missing:
            return ""
        if positioning.source == SOURCE:
            limits = self._limits.assets.get(asset)
            return limits.positioning_kind if limits is not None else ""
        return self._latest[Channel.POSITIONING, asset].kind

    def assemble(
        self, asset: str, instrument_ids: Iterable[str], asof_ns: Nanoseconds, pair: tuple[str, str] | None = None
    ) -> Snapshot:
        """Return the snapshot of one instant for an intent in `asset`, with the price reading of each listed instrument, of any age.

        An instrument without a price is absent from the marks. `pair` names the two spot instruments of a two-leg intent, in its order.
        """
        marks: dict[str, Reading] = {}
        for instrument_id in instrument_ids:
            price = self.price_of(instrument_id)
            if isinstance(price, Reading):
                marks[instrument_id] = price
        legs = None if pair is None else PairView(self._leg(pair[0]), self._leg(pair[1]))
        return Snapshot(asof_ns, self.view(asset, asof_ns), marks, self.health_factor(asof_ns), legs)

    def _leg(self, instrument_id: str) -> LegView | Missing:
        """Return a listed spot instrument's last book with the rate of its quote; Missing where no book was heard."""
        listed, own = self._limits.instruments.get(instrument_id), self._others.get(instrument_id)
        if listed is None or listed.kind is not InstrumentKind.SPOT:
            return Missing("not a listed spot instrument")
        return leg_of(None if own is None else own.books.book, listed.quote, self.rate(listed.quote))

    def price_of(self, instrument_id: str) -> Reading | Missing:
        """Return the instrument's own price if it was heard, else its asset's.

        A listed spot instrument answers in USD, fresh while its price and its rate are, each by its own bound; without either there is no price.
        """
        own = self._others.get(instrument_id)
        price = own.price() if own is not None else NOT_HEARD
        listed = self._limits.instruments.get(instrument_id)
        if listed is not None and listed.kind is InstrumentKind.SPOT:
            return in_usd(price, listed.quote, self.rate(listed.quote), self._rate_may_lag_ns)
        if isinstance(price, Reading):
            return price
        return self._assets[listed.asset].price() if listed is not None else Missing("unknown instrument")


def _is_rate(reading: Observation) -> bool:
    return reading.channel is _RATE and reading.asset in RATED


def _rate_may_lag_ns(limits: Limits) -> Nanoseconds:
    """Return by how much a conversion rate may be older than a price."""
    rate, price = limits.stale.get(_RATE), limits.stale.get(Channel.PRICE)
    return 0 if rate is None or price is None else max(0, rate.reject_after_ns - price.reject_after_ns)


def _as_reading(seen: Observation, asof_ns: Nanoseconds) -> Reading:
    return Reading(seen.value, seen.source, seen.observed_ns, received_at(seen, asof_ns), seen.period_ns)
