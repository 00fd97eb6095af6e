"""The instrument catalogue: what can be traded where, with tick, lot, minimums and default fees, when no venue can be asked.

In: nothing. Out: frozen `Instrument`s. These are start values: a connected venue's own answer wins, and `validate` prints which were used.
Every listing says how well its numbers are known:

- `documented`: the venue's own documentation or a stored answer of the venue states it (Source: reference/apis.md trap 21 and appendix B).
- `third_party`: from client libraries' constants; check it against the venue before real money.

`lot` is in coins, contract value already applied (OKX BTC: contract 0.01 BTC x lot 0.01 = 0.0001 BTC). Where minimums moved over the
years the larger is taken, because an order refused here costs less than one refused by the venue. Fees are the house default for every
venue, taker 5 and maker 2 bps (SPEC §5): a dearer tier belongs in the config; a cheaper one is refused there (`config.ceilings`).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from tidegate.errors import InputError
from tidegate.model.instrument import Instrument, InstrumentKind
from tidegate.units import Bps, fixed

TAKER_BPS_DEFAULT: Bps = fixed(5)
MAKER_BPS_DEFAULT: Bps = fixed(2)


class Provenance(StrEnum):
    """How well a listing's tick, lot and minimums are known."""

    DOCUMENTED = "documented"
    THIRD_PARTY = "third_party"


class Listing(msgspec.Struct, frozen=True, gc=False):
    """One instrument with the provenance of its numbers and a note for people."""

    instrument: Instrument
    provenance: Provenance
    note: str


def _listing(identity: str, sizes: str, provenance: Provenance, note: str) -> Listing:
    """Build one listing from `venue symbol unified kind` and `tick lot quantity_min notional_min`, in words separated by blanks."""
    venue, native, unified, kind = identity.split()
    tick, lot, quantity_min, notional_min = (fixed(text) for text in sizes.split())
    instrument = Instrument(
        instrument_id=f"{venue}:{native}",
        venue=venue,
        symbol=unified,
        asset=unified.partition("/")[0],
        kind=InstrumentKind(kind),
        tick=tick,
        lot=lot,
        quantity_min=quantity_min,
        notional_min_usd=notional_min,
        taker_bps=TAKER_BPS_DEFAULT,
        maker_bps=MAKER_BPS_DEFAULT,
    )
    return Listing(instrument=instrument, provenance=provenance, note=note)


_DOC = Provenance.DOCUMENTED
_3P = Provenance.THIRD_PARTY

LISTINGS: tuple[Listing, ...] = (
    _listing("okx BTC-USDT-SWAP BTC/USDT:USDT perp", "0.1 0.0001 0.0001 0", _DOC, "ctVal 0.01 x lotSz 0.01"),
    _listing("okx ETH-USDT-SWAP ETH/USDT:USDT perp", "0.01 0.001 0.001 0", _DOC, "ctVal 0.1 x lotSz 0.01"),
    _listing("okx SOL-USDT-SWAP SOL/USDT:USDT perp", "0.01 0.01 0.01 0", _3P, "ctVal 1 x lotSz 0.01"),
    _listing("okx XRP-USDT-SWAP XRP/USDT:USDT perp", "0.0001 1 1 0", _3P, "ctVal 100 x lotSz 0.01"),
    _listing("binanceusdm BTCUSDT BTC/USDT:USDT perp", "0.1 0.001 0.001 50", _DOC, "older answers say a minimum of 5 or 100 USD"),
    _listing("binanceusdm ETHUSDT ETH/USDT:USDT perp", "0.01 0.001 0.001 20", _3P, "an old answer says a minimum of 5 USD"),
    _listing("binanceusdm SOLUSDT SOL/USDT:USDT perp", "0.01 0.01 0.01 5", _3P, "an old answer says a step of 1"),
    _listing("binanceusdm XRPUSDT XRP/USDT:USDT perp", "0.0001 0.1 0.1 5", _DOC, ""),
    _listing("bybit BTCUSDT BTC/USDT:USDT perp", "0.1 0.001 0.001 5", _DOC, ""),
    _listing("bybit ETHUSDT ETH/USDT:USDT perp", "0.01 0.01 0.01 5", _DOC, "tick is third party: the stored answer shows 0.05"),
    _listing("bybit SOLUSDT SOL/USDT:USDT perp", "0.01 0.1 0.1 5", _3P, ""),
    _listing("bybit XRPUSDT XRP/USDT:USDT perp", "0.0001 0.1 0.1 5", _3P, ""),
    _listing("coinbase BTC-USD BTC/USD spot", "0.01 0.00000001 0.00000001 1", _3P, ""),
    _listing("coinbase ETH-USD ETH/USD spot", "0.01 0.00000001 0.00000001 1", _3P, ""),
    _listing("coinbase SOL-USD SOL/USD spot", "0.01 0.00000001 0.00000001 1", _3P, ""),
    _listing("coinbase XRP-USD XRP/USD spot", "0.0001 0.000001 0.000001 1", _3P, ""),
    _listing("okx BTC-USDT BTC/USDT spot", "0.1 0.00000001 0.00001 0", _DOC, ""),
    _listing("okx ETH-USDT ETH/USDT spot", "0.01 0.000001 0.0001 0", _DOC, ""),
    _listing("okx SOL-USDT SOL/USDT spot", "0.01 0.000001 0.001 0", _DOC, ""),
    _listing("okx XRP-USDT XRP/USDT spot", "0.0001 0.000001 1 0", _3P, "documented for XRP-USD"),
)

VENUES: tuple[str, ...] = ("okx", "binanceusdm", "bybit", "coinbase")


def instruments(venue: str) -> dict[str, Instrument]:
    """Return every listed instrument of a venue by its id. Raises InputError that names the known venues."""
    if venue not in VENUES:
        raise InputError("venue", venue, f"one of {', '.join(VENUES)}")
    found = (listing.instrument for listing in LISTINGS if listing.instrument.venue == venue)
    return {instrument.instrument_id: instrument for instrument in found}


def instrument(instrument_id: str) -> Instrument:
    """Return one instrument by id (`okx:BTC-USDT-SWAP`). Raises InputError that names the known ids."""
    for listing in LISTINGS:
        if listing.instrument.instrument_id == instrument_id:
            return listing.instrument
    known = ", ".join(listing.instrument.instrument_id for listing in LISTINGS)
    raise InputError("instrument_id", instrument_id, f"one of {known}")


def perp(venue: str, asset: str) -> Instrument:
    """Return the perpetual of an asset on a venue. Raises InputError that names what the venue has."""
    listed = instruments(venue).values()
    for candidate in listed:
        if candidate.asset == asset and candidate.kind is InstrumentKind.PERP:
            return candidate
    known = ", ".join(one.instrument_id for one in listed if one.kind is InstrumentKind.PERP) or "none"
    raise InputError("asset", asset, f"an asset with a perpetual on {venue}: {known}")


def provenance_of(instrument_id: str) -> Provenance:
    """Return how well the numbers of one instrument are known. Raises InputError for an unknown id."""
    wanted = instrument(instrument_id)
    return next(listing.provenance for listing in LISTINGS if listing.instrument == wanted)
