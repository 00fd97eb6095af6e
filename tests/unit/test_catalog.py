"""The instrument catalogue: lots and minimums at the seed's prices."""

from __future__ import annotations

import pytest

from tidegate.errors import InputError
from tidegate.model import catalog
from tidegate.model.instrument import InstrumentKind
from tidegate.units import fixed, notional_of, render


@pytest.mark.parametrize(
    ("instrument_id", "usd", "price", "lots", "notional", "accepted"),
    [
        ("okx:BTC-USDT-SWAP", 25, "108402", 2, "21.68", True),
        ("okx:BTC-USDT-SWAP", 40, "108402", 3, "32.52", True),
        ("okx:BTC-USDT-SWAP", 415, "108402", 38, "411.93", True),
        ("okx:BTC-USDT-SWAP", 10, "108402", 0, "0.00", False),
        ("okx:ETH-USDT-SWAP", 25, "3900", 6, "23.40", True),
        ("okx:SOL-USDT-SWAP", 25, "187", 13, "24.31", True),
        ("okx:XRP-USDT-SWAP", 25, "2.4", 10, "24.00", True),
        ("binanceusdm:BTCUSDT", 25, "108402", 0, "0.00", False),
        ("binanceusdm:BTCUSDT", 415, "108402", 3, "325.21", True),
        ("binanceusdm:ETHUSDT", 19, "3900", 4, "15.60", False),
        ("binanceusdm:ETHUSDT", 25, "3900", 6, "23.40", True),
        ("binanceusdm:SOLUSDT", 25, "187", 13, "24.31", True),
        ("binanceusdm:XRPUSDT", 25, "2.4", 104, "24.96", True),
        ("bybit:BTCUSDT", 25, "108402", 0, "0.00", False),
        ("bybit:ETHUSDT", 25, "3900", 0, "0.00", False),
        ("bybit:ETHUSDT", 40, "3900", 1, "39.00", True),
        ("bybit:SOLUSDT", 25, "187", 1, "18.70", True),
        ("bybit:XRPUSDT", 25, "2.4", 104, "24.96", True),
    ],
)
def test_an_amount_floors_to_the_venues_lots_and_meets_its_minimums_or_does_not(instrument_id, usd, price, lots, notional, accepted):
    instrument = catalog.instrument(instrument_id)
    assert instrument.lots_in(fixed(usd), fixed(price)) == lots
    assert render(notional_of(fixed(price), instrument.quantity_of(lots)), 2) == notional
    assert instrument.accepts(lots, fixed(price)) is accepted


def test_every_id_is_unique_and_starts_with_its_venue():
    ids = [listing.instrument.instrument_id for listing in catalog.LISTINGS]
    assert len(set(ids)) == len(ids)
    assert all(listing.instrument.instrument_id.startswith(f"{listing.instrument.venue}:") for listing in catalog.LISTINGS)


def test_minimum_quantities_are_whole_lots_and_every_size_is_positive():
    for listing in catalog.LISTINGS:
        one = listing.instrument
        assert one.tick > 0
        assert one.lot > 0
        assert one.quantity_min % one.lot == 0


@pytest.mark.parametrize("venue", ["okx", "binanceusdm", "bybit"])
def test_every_perpetual_venue_lists_the_four_assets_with_the_house_fees(venue):
    perps = [catalog.perp(venue, asset) for asset in ("BTC", "ETH", "SOL", "XRP")]
    assert [one.kind for one in perps] == [InstrumentKind.PERP] * 4
    assert {(one.taker_bps, one.maker_bps) for one in perps} == {(fixed(5), fixed(2))}


@pytest.mark.parametrize("venue", ["coinbase", "okx"])
def test_both_arbitrage_venues_list_spot_of_the_four_assets(venue):
    spot = [one.asset for one in catalog.instruments(venue).values() if one.kind is InstrumentKind.SPOT]
    assert spot == ["BTC", "ETH", "SOL", "XRP"]


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(InputError, match="okx, binanceusdm"):
        catalog.instruments("mtgox")
    with pytest.raises(InputError, match="okx:BTC-USDT-SWAP"):
        catalog.instrument("okx:DOGE")
    with pytest.raises(InputError, match="none"):
        catalog.perp("coinbase", "BTC")


def test_the_provenance_of_the_reference_instrument_is_documented():
    assert catalog.provenance_of("okx:BTC-USDT-SWAP") is catalog.Provenance.DOCUMENTED
    assert catalog.provenance_of("okx:SOL-USDT-SWAP") is catalog.Provenance.THIRD_PARTY
