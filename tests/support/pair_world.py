"""A pair world beside the gate world: two spot venues, Coinbase in USD and OKX in USDT, with a window of about 27 bps net for BTC.

Builders for limits, books, snapshot, intent and a pair under way, each overridable by keyword. Coinbase is dear (109,000 / 109,001 USD),
OKX cheap (108,600 / 108,601 USDT at 0.9998 USD); both books hold 1 BTC a level, six levels of one USD.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tests.support import gate_world as world
from tidegate.model.instrument import Instrument, InstrumentKind
from tidegate.model.intent import Intent, Mode
from tidegate.model.limits import ArbitrageRules, Limits
from tidegate.model.pair import PairTrade
from tidegate.model.snapshot import LegView, Level, Missing, PairView, Reading, Snapshot
from tidegate.units import ONE, SECOND_NS, fixed

AT = world.AT
CB, OKX = "coinbase:BTC-USD", "okx:BTC-USDT"
KEY = "cross_exchange_arbitrage"
USDT = fixed("0.9998")
CB_BID, CB_ASK = fixed(109_000), fixed(109_001)
OKX_BID, OKX_ASK = fixed(108_600), fixed(108_601)


def spot(venue: str = "coinbase", asset: str = "BTC", /, **changes: Any) -> Instrument:
    """Return a spot instrument: Coinbase 0.00000001 a lot from 1 USD, OKX 0.00000001 a lot from 0.00001; tick 0.01 and 0.1; taker 5 bps."""
    at_coinbase = venue == "coinbase"
    made = Instrument(
        instrument_id=f"{venue}:{asset}-USD" + ("" if at_coinbase else "T"),
        venue=venue,
        symbol=f"{asset}/USD" + ("" if at_coinbase else "T"),
        asset=asset,
        kind=InstrumentKind.SPOT,
        tick=fixed("0.01" if at_coinbase else "0.1"),
        lot=1,
        quantity_min=1 if at_coinbase else fixed("0.00001"),
        notional_min_usd=fixed(1) if at_coinbase else 0,
        taker_bps=fixed(5),
        maker_bps=fixed(2),
    )
    return msgspec.structs.replace(made, **changes)


def arbitrage(**changes: Any) -> ArbitrageRules:
    """Return SPEC §4's rules: 12.5 bps, 20 between Coinbase and OKX, unwinding 28 bps, rates up to 30 s old."""
    made = ArbitrageRules(
        venues=("coinbase", "okx"),
        edge_bps_min=fixed("12.5"),
        edge_bps_min_between={"coinbase|okx": fixed(20)},
        unwind_bps=fixed(28),
        rate_age_ns_max=30 * SECOND_NS,
    )
    return msgspec.structs.replace(made, **changes)


def limits(*spots: Instrument, **changes: Any) -> Limits:
    """Return the gate world's limits with both venues' BTC and ETH spot instruments, `spots` replacing those of the same id."""
    listed = [spot(venue, asset) for asset in ("BTC", "ETH") for venue in ("coinbase", "okx")]
    base = world.limits()
    named = {one.instrument_id: one for one in (*listed, *spots)}
    made = msgspec.structs.replace(base, instruments={**base.instruments, **named}, arbitrage=arbitrage())
    return msgspec.structs.replace(made, **changes)


def levels(best: int, step: int, *quantities: int) -> tuple[Level, ...]:
    """Return book levels from `best` on, `step` apart."""
    return tuple((best + number * step, quantity) for number, quantity in enumerate(quantities))


def leg(name: str = CB, /, **changes: Any) -> LegView:
    """Return a fresh book of one side of the window."""
    bid, ask = (CB_BID, CB_ASK) if name.startswith("coinbase") else (OKX_BID, OKX_ASK)
    coins = (ONE,) * 6
    rate = Reading(ONE, "usd", AT, AT) if name.startswith("coinbase") else Reading(USDT, "test", AT, AT)
    made = LegView(name, levels(bid, -ONE, *coins), levels(ask, ONE, *coins), "test", AT, AT, rate)
    return msgspec.structs.replace(made, **changes)


def pair(first: LegView | Missing | None = None, second: LegView | Missing | None = None) -> PairView:
    """Return both books: those of the window unless given."""
    return PairView(first or leg(CB), second or leg(OKX))


def snapshot(**changes: Any) -> Snapshot:
    """Return the calm BTC snapshot with both books."""
    return (
        msgspec.structs.replace(world.calm("BTC"), pair=pair(), **changes)
        if "pair" not in changes
        else (msgspec.structs.replace(world.calm("BTC"), **changes))
    )


def intent(**changes: Any) -> Intent:
    """Return the seed's arbitrage: 25 USD a leg between Coinbase and OKX."""
    made = Intent(
        intent_id="IP1",
        received_ns=AT,
        principal=world.OPERATOR,
        strategy=KEY,
        instrument_id=CB,
        asset="BTC",
        side=world.LONG,
        notional_usd=fixed(25),
        mode=Mode.PAPER,
        stop_bps=fixed(28),
        targets_bps=(),
        hold_ns=60 * SECOND_NS,
        hedge_instrument_id=OKX,
    )
    return msgspec.structs.replace(made, **changes)


def under_way(trade_id: str = "D7", /, **changes: Any) -> PairTrade:
    """Return a pair that has bought 0.0002 BTC at OKX and sold nothing yet."""
    quantity = fixed("0.0002")
    made = PairTrade(
        trade_id=trade_id,
        principal=world.OPERATOR,
        strategy=KEY,
        asset="BTC",
        buy_instrument_id=OKX,
        sell_instrument_id=CB,
        opened_ns=AT - SECOND_NS,
        quantity=quantity,
        unwind_bps=fixed(28),
        bought_quantity=quantity,
        cash_usd=-fixed("21.72"),
    )
    return msgspec.structs.replace(made, **changes)
