"""The candle tape: assets in lockstep, slow series known only from their publication on, and everything lacking said by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.tape_files import HOUR_MS, IDS, MINUTE_MS, START_MS, row, write_candles, write_text
from tidegate.errors import InputError
from tidegate.feeds.port import Feed
from tidegate.feeds.tape import CandleTape
from tidegate.feeds.tape_slow import (
    FUNDING_FILE,
    LIQUIDATIONS_FILE,
    OPEN_INTEREST_FILE,
    POSITIONING_FILE,
    slow_observations,
)
from tidegate.model.observation import Bar, Channel, Observation
from tidegate.units import HOUR_NS, MINUTE_NS, MS_NS, SECOND_NS, fixed

BAR_MS = 4 * HOUR_MS
START_NS = START_MS * MS_NS
_SHORT_SHARES = ("global_account_short_percent", "top_account_short_percent", "top_position_short_percent")
POSITIONING_HEADER = ",".join(("time_ms", "symbol", "exchange", "global_account_long_percent", *_SHORT_SHARES))


def minute_tape(folder: Path, minutes: int = 5, assets: tuple[str, ...] = ("BTC", "ETH")) -> Path:
    for asset in assets:
        write_candles(folder, [row(minute) for minute in range(minutes)], f"candles_binance_{asset}USDT_1m.csv.gz")
    return folder


def tape(folder: Path, **slice_ns: int) -> CandleTape:
    return CandleTape(folder, IDS, **slice_ns)


def observations(folder: Path, channel: Channel) -> list[Observation]:
    return [o for o in slow_observations(folder, IDS) if o.channel is channel]


def test_all_assets_of_an_instant_are_one_batch_and_times_strictly_increase(tmp_path: Path) -> None:
    found = list(tape(minute_tape(tmp_path)).batches())
    assert [now for now, _ in found] == [START_NS + n * 30 * SECOND_NS for n in range(1, 11)]
    for now, events in found:
        assert [(type(e), e.asset, e.end_ns) for e in events if isinstance(e, Bar)] == [
            (Bar, "BTC", now),
            (Bar, "ETH", now),
        ]
        assert all(e.instrument_id == IDS[e.asset] for e in events if isinstance(e, Bar))


def test_a_tape_can_be_played_twice_with_the_same_result(tmp_path: Path) -> None:
    feed: Feed = tape(minute_tape(tmp_path))
    assert list(feed.batches()) == list(feed.batches())


def test_assets_that_begin_later_move_the_start_of_the_tape(tmp_path: Path) -> None:
    write_candles(tmp_path, [row(minute) for minute in range(6)])
    write_candles(tmp_path, [row(minute) for minute in range(2, 9)], "candles_binance_SOLUSDT_1m.csv.gz")
    found = list(tape(tmp_path).batches())
    assert tape(tmp_path).description.start_ns == START_NS + 2 * MINUTE_NS
    assert len(found) == 8
    assert all(len(events) == 2 for _, events in found)


def test_candles_of_different_spans_meet_in_the_same_batches(tmp_path: Path) -> None:
    write_candles(tmp_path, [row(5 * n) for n in range(6)], "candles_binance_BTCUSDT_5m.csv.gz")
    write_candles(tmp_path, [row(15 * n) for n in range(2)], "candles_binance_XRPUSDT_15m.csv.gz")
    found = list(tape(tmp_path).batches())
    times = [now for now, _ in found]
    assert times == sorted(set(times))
    assert [e.asset for e in dict(found)[START_NS + 15 * MINUTE_NS] if isinstance(e, Bar)] == ["BTC", "XRP"]
    assert sum(len(events) for _, events in found) == 16


@pytest.mark.parametrize(("span", "step", "scalps"), [("1m", 1, True), ("5m", 5, False), ("15m", 15, False)])
def test_only_minute_tapes_may_judge_scalps(tmp_path: Path, span: str, step: int, scalps: bool) -> None:
    write_candles(tmp_path, [row(step * n) for n in range(3)], f"candles_binance_BTCUSDT_{span}.csv.gz")
    description = tape(tmp_path).description
    assert description.bar_scalps is scalps
    assert any("never sub-minute scalps" in note for note in description.approximations) is not scalps


def test_binance_is_preferred_and_then_the_finest_span(tmp_path: Path) -> None:
    write_candles(tmp_path, [row(5 * n, "90,91,89,90,1") for n in range(3)], "candles_hyperliquid_BTCUSDC_5m.csv.gz")
    write_candles(tmp_path, [row(15 * n, "80,81,79,80,1") for n in range(3)], "candles_binance_BTCUSDT_15m.csv.gz")
    write_candles(tmp_path, [row(5 * n, "100,101,99,100,1") for n in range(3)], "candles_binance_BTCUSDT_5m.csv.gz")
    _, events = next(iter(tape(tmp_path).batches()))
    assert [e.open for e in events if isinstance(e, Bar)] == [fixed(100)]


def test_a_slice_begins_and_ends_where_it_was_asked_to(tmp_path: Path) -> None:
    feed = tape(minute_tape(tmp_path, 60), start_ns=START_NS + 10 * MINUTE_NS, end_ns=START_NS + 20 * MINUTE_NS)
    times = [now for now, _ in feed.batches()]
    assert (times[0], times[-1]) == (START_NS + 10 * MINUTE_NS + 30 * SECOND_NS, START_NS + 20 * MINUTE_NS)
    assert (feed.description.start_ns, feed.description.end_ns) == (
        START_NS + 10 * MINUTE_NS,
        START_NS + 20 * MINUTE_NS,
    )


def test_a_folder_without_candles_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least one candle file"):
        tape(tmp_path)


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder of candles"):
        tape(tmp_path / "nowhere")


def test_a_slice_outside_the_tape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="after its start"):
        tape(minute_tape(tmp_path), end_ns=START_NS)


# Slow series


def test_a_four_hour_row_is_unknown_before_its_close(tmp_path: Path) -> None:
    minute_tape(tmp_path, 10)
    opened_ms = START_MS + 3 * MINUTE_MS - BAR_MS
    write_text(tmp_path / POSITIONING_FILE, f"{POSITIONING_HEADER}\n{opened_ms},BTCUSDT,Binance,43.8,56.2,50,51\n")
    told = [(now, e) for now, events in tape(tmp_path).batches() for e in events if isinstance(e, Observation)]
    [(now, reading)] = told
    assert now == START_NS + 3 * MINUTE_NS
    assert (reading.value, reading.observed_ns, reading.received_ns) == (fixed("56.2"), now, now)
    assert (reading.poll_ns, reading.channel, reading.asset) == (30 * SECOND_NS, Channel.POSITIONING, "BTC")
    assert reading.kind == "account_ratio"


def test_observations_come_before_the_bars_of_their_instant(tmp_path: Path) -> None:
    minute_tape(tmp_path, 10)
    write_text(
        tmp_path / POSITIONING_FILE,
        f"{POSITIONING_HEADER}\n{START_MS + MINUTE_MS - BAR_MS},BTCUSDT,Binance,43.8,56.2,50,51\n",
    )
    events = dict(tape(tmp_path).batches())[START_NS + MINUTE_NS]
    assert [type(event) for event in events] == [Observation, Bar, Bar]


def test_what_was_published_before_the_start_is_known_at_the_start_with_its_own_age(tmp_path: Path) -> None:
    minute_tape(tmp_path)
    rows = [f"{START_MS - n * HOUR_MS},binance,BTC,0.0001" for n in (17, 9, 1)]
    write_text(tmp_path / FUNDING_FILE, "\n".join(["ts_ms,exchange,symbol,funding_rate", *rows]) + "\n")
    now, events = next(iter(tape(tmp_path).batches()))
    assert now == START_NS
    assert [(e.received_ns, e.value) for e in events if isinstance(e, Observation)] == [(START_NS - HOUR_NS, fixed(1))]


def test_settled_funding_is_bps_per_eight_hours_whatever_the_interval(tmp_path: Path) -> None:
    rows = [
        f"{START_MS},binance,BTC,0.00029",
        f"{START_MS},okx,BTC,-7e-05",
        f"{START_MS},hyperliquid,BTC,1.25e-05",
        f"{START_MS},bybit,BTC,-4.316727611e-05",
    ]
    write_text(tmp_path / FUNDING_FILE, "\n".join(["ts_ms,exchange,symbol,funding_rate", *rows]) + "\n")
    found = {o.venue: (o.value, o.period_ns) for o in observations(tmp_path, Channel.FUNDING)}
    assert found == {
        "binance": (fixed("2.9"), 8 * HOUR_NS),
        "okx": (fixed("-0.7"), 8 * HOUR_NS),
        "hyperliquid": (fixed(1), HOUR_NS),
        "bybit": (-43_167_277, 8 * HOUR_NS),
    }


def test_a_settlement_a_few_milliseconds_late_is_its_own_instant(tmp_path: Path) -> None:
    minute_tape(tmp_path)
    write_text(
        tmp_path / FUNDING_FILE, f"ts_ms,exchange,symbol,funding_rate\n{START_MS + MINUTE_MS + 7},binance,BTC,0.0001\n"
    )
    assert START_NS + MINUTE_NS + 7 * MS_NS in dict(tape(tmp_path).batches())


def test_open_interest_is_compared_with_the_bar_24_h_before_by_time(tmp_path: Path) -> None:
    times = [START_MS + n * BAR_MS for n in range(9) if n != 2]
    rows = [f"{at},BTC,Binance,1,1,1,{100 + 10 * index}" for index, at in enumerate(times)]
    write_text(tmp_path / OPEN_INTEREST_FILE, "\n".join(["time_ms,coin,exchange,open,high,low,close", *rows]) + "\n")
    found = [(o.received_ns // MS_NS, o.value) for o in observations(tmp_path, Channel.OPEN_INTEREST)]
    # bars 6 and 7 have a partner; bar 8's partner (bar 2) is missing, so that nothing is said
    assert found == [(times[5] + BAR_MS, fixed(50)), (times[6] + BAR_MS, 160 * 10**10 // 110 - 10**10)]


def test_a_ratio_that_was_not_renewed_is_not_a_new_publication(tmp_path: Path) -> None:
    values = ["45,44,43", "45,44,43", "45,44,42", "46,44,42"]
    rows = [f"{START_MS + n * BAR_MS},BTCUSDT,Binance,55,{value}" for n, value in enumerate(values)]
    write_text(tmp_path / POSITIONING_FILE, "\n".join([POSITIONING_HEADER, *rows]) + "\n")
    found = observations(tmp_path, Channel.POSITIONING)
    assert [(o.observed_ns // MS_NS - START_MS) // BAR_MS for o in found] == [1, 3, 4]
    assert {o.period_ns for o in found} == {8 * HOUR_NS}


def test_liquidations_of_shorts_are_dollars_per_four_hours(tmp_path: Path) -> None:
    header = "time_ms,coin,exchange,aggregated_long_liquidation_usd,aggregated_short_liquidation_usd"
    write_text(tmp_path / LIQUIDATIONS_FILE, f"{header}\n{START_MS},BTC,Binance,1.5,411156.5791\n")
    [found] = observations(tmp_path, Channel.LIQUIDATIONS)
    assert (found.value, found.period_ns) == (fixed("411156.5791"), 4 * HOUR_NS)


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        (FUNDING_FILE, "ts_ms,exchange,funding_rate\n1,2,3\n", "missing: symbol"),
        (
            FUNDING_FILE,
            f"ts_ms,exchange,symbol,funding_rate\n{START_MS},binance,BTC,nan\n",
            "line 2, column funding_rate",
        ),
        (FUNDING_FILE, f"ts_ms,exchange,symbol,funding_rate\n{START_MS},binance,BTC,2.9\n", "a fraction per interval"),
        (FUNDING_FILE, f"ts_ms,exchange,symbol,funding_rate\n{START_MS},mtgox,BTC,0.1\n", "one of binance"),
        (FUNDING_FILE, f"ts_ms,exchange,symbol,funding_rate\n{START_MS},binance,BTC\n", "4 columns"),
        (
            FUNDING_FILE,
            "ts_ms,exchange,symbol,funding_rate\n" + f"{START_MS},binance,BTC,0.0001\n" * 2,
            "line 3, time of binance BTC",
        ),
        (POSITIONING_FILE, f"{POSITIONING_HEADER}\n{START_MS},BTCUSDT,Binance,1,156.2,50,51\n", "between 0 and 100"),
        (
            OPEN_INTEREST_FILE,
            f"time_ms,coin,exchange,open,high,low,close\n{START_MS},BTC,B,1,1,1,-5\n",
            "open interest > 0",
        ),
    ],
)
def test_a_bad_slow_row_is_refused_with_its_place(tmp_path: Path, name: str, text: str, reason: str) -> None:
    write_text(tmp_path / name, text)
    with pytest.raises(InputError) as caught:
        slow_observations(tmp_path, IDS)
    assert name in str(caught.value)
    assert reason in str(caught.value)


# What it says about itself


def test_a_bare_tape_names_every_rule_it_cannot_judge(tmp_path: Path) -> None:
    description = tape(minute_tape(tmp_path, assets=("BTC", "ETH", "SOL", "XRP"))).description
    lacking = " ".join(str(lack) for lack in description.lacks)
    names = {lack.name for lack in description.lacks}
    assert {"spread_bps", "depth_usd", "health_factor", "priority_fee", "tip_ratio"} <= names
    assert {
        f"{kind}.{asset}"
        for kind in ("positioning", "funding_a", "funding_b", "open_interest", "liquidations")
        for asset in IDS
    } <= names
    for rule in (
        "L2_SHORTS_CROWDED",
        "L2_FUNDING_DIVERGENCE",
        "L2_OI_SPIKE",
        "L2_FRESH_SQUEEZE",
        "L3_SPREAD_WIDE",
        "L3_HEALTH_FACTOR_LOW",
    ):
        assert rule in lacking


def test_a_series_the_tape_has_is_provided_and_not_lacking(tmp_path: Path) -> None:
    minute_tape(tmp_path)
    write_text(tmp_path / FUNDING_FILE, f"ts_ms,exchange,symbol,funding_rate\n{START_MS},binance,BTC,0.0001\n")
    description = tape(tmp_path).description
    assert "funding.binance/BTC" in description.provides
    assert "funding_a.BTC" not in {lack.name for lack in description.lacks}


def test_a_series_that_falls_silent_for_days_is_lacking_with_its_length(tmp_path: Path) -> None:
    minute_tape(tmp_path)
    header = "ts_ms,exchange,symbol,funding_rate"
    okx = f"{START_MS},okx,BTC,0.0001"
    binance = [f"{START_MS + n * 8 * HOUR_MS},binance,BTC,0.0001" for n in range(30)]
    write_text(tmp_path / FUNDING_FILE, "\n".join([header, okx, *binance]) + "\n")
    lacks = {lack.name: str(lack) for lack in tape(tmp_path).description.lacks}
    assert "absent for 9 days" in lacks["funding_b.BTC"]
    assert "funding_a.BTC" not in lacks


def test_an_asset_without_candles_is_lacking_by_name(tmp_path: Path) -> None:
    assert "candles.SOL" in {lack.name for lack in tape(minute_tape(tmp_path)).description.lacks}


def test_approximations_are_stated(tmp_path: Path) -> None:
    notes = " ".join(tape(minute_tape(tmp_path)).description.approximations)
    assert "open-low-high-close" in notes
    assert "delta" in notes
