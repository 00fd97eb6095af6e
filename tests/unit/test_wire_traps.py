"""The data traps of reference/apis.md section 1, one by one: each test fails if its trap is sprung again. Trap 16 is in test_wire_samples."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.wire_base import (
    ACCOUNT,
    AT_MS,
    BINANCE,
    BLOCK,
    BYBIT,
    FIVE_MIN_MS,
    FIVE_MIN_NS,
    HYPERLIQUID,
    OKX,
    RECEIVED_NS,
    bybit_answer,
    coinglass_answer,
    okx_answer,
    rpc,
    words,
)
from tests.unit.test_wire_samples import SAMPLES
from tidegate.errors import InputError
from tidegate.feeds.wire import aave_v3, binance_usdm, bybit_v5, coinglass_v4, hyperliquid, okx_v5, solana_fees
from tidegate.feeds.wire.open_interest import OiPoint, change_24h
from tidegate.feeds.wire.outcome import Garbage, Incomplete, NotEntitled, Refused, SlowDown
from tidegate.model.observation import SAMPLED, Liquidation, Observation, Side, TradePrint
from tidegate.units import DAY_NS, HOUR_NS, MINUTE_NS, MS_NS, ONE, fixed


def read(name: str, *path: Any) -> Any:
    """Read a sample whose last path step is replaced: `read(name, "data", "m", False)`."""
    sample = next(each for each in SAMPLES if each.name == name)
    message = json.loads(sample.raw)
    if path:
        *steps, key, value = path
        target = message
        for step in steps:
            target = target[step]
        target[key] = value
    return sample.read(json.dumps(message))


def only(events: Any) -> Any:
    assert isinstance(events, tuple), events
    assert len(events) == 1
    return events[0]


def funding_row(rate: str, hours: int) -> dict[str, str]:
    first = AT_MS + 3_600_000
    times = {"fundingTime": str(first), "nextFundingTime": str(first + hours * 3_600_000), "ts": str(AT_MS)}
    return {"instId": OKX.symbol, "fundingRate": rate, **times}


def coinglass_rate(rate: float, hours: int | None) -> Any:
    listed = {"exchange": "Binance", "funding_rate": rate, "funding_rate_interval": hours}
    answer = coinglass_answer([{"symbol": "BTC", "stablecoin_margin_list": [listed]}])
    return coinglass_v4.funding_list(json.dumps(answer), "BTC", {"Binance": BINANCE}, RECEIVED_NS)


class TestTrap1FundingUnits:
    def test_trap_1_exchange_fraction_and_coinglass_per_cent_meet_in_the_same_bps(self) -> None:
        assert only(read("binance premiumIndex")).value == fixed("2.1")
        assert only(coinglass_rate(0.021, 8)).value == fixed("2.1")

    def test_trap_1_a_per_cent_where_a_fraction_belongs_is_garbage(self) -> None:
        assert isinstance(read("binance premiumIndex", "lastFundingRate", "0.029"), Garbage)

    def test_trap_1_a_rate_outside_the_caps_of_its_own_message_is_garbage(self) -> None:
        assert isinstance(read("okx funding-rate", "data", 0, "fundingRate", "0.0038"), Garbage)


class TestTrap2FundingIntervals:
    def test_trap_2_an_hourly_rate_is_eight_times_its_number(self) -> None:
        answer = hyperliquid.meta_and_asset_contexts(
            [{"universe": [{"name": "BTC"}]}, [{"funding": "0.0000125", "openInterest": "1"}]],
            {"BTC": HYPERLIQUID},
            RECEIVED_NS,
        )
        assert isinstance(answer, tuple)
        assert answer[0].value == fixed("1")  # type: ignore[union-attr]

    @pytest.mark.parametrize(("hours", "bps"), [(8, "-0.8"), (4, "-1.6"), (2, "-3.2"), (1, "-6.4")])
    def test_trap_2_okx_interval_is_read_from_the_two_settlement_times(self, hours: int, bps: str) -> None:
        answer = okx_v5.funding_rate(okx_answer(funding_row("-0.00008", hours)), OKX, RECEIVED_NS)
        assert only(answer).value == fixed(bps)

    def test_trap_2_bybit_interval_is_read_from_the_message(self) -> None:
        assert only(read("bybit ticker delta")).value == fixed("2.4")

    def test_trap_2_binance_lists_only_adjusted_symbols_and_absent_means_8_h(self) -> None:
        hours = binance_usdm.funding_hours('[{"symbol":"SOLUSDT","fundingIntervalHours":4}]')
        assert hours == {"SOLUSDT": 4}
        assert BINANCE.funding_period_ns == binance_usdm.FUNDING_HOURS_WHEN_ABSENT * HOUR_NS

    def test_trap_2_a_settlement_further_away_than_the_interval_shows_that_the_interval_is_wrong(self) -> None:
        assert isinstance(read("binance premiumIndex", "nextFundingTime", AT_MS + 9 * 3_600_000), Garbage)

    def test_trap_2_a_coinglass_rate_without_interval_is_left_out_not_taken_for_8_h(self) -> None:
        assert isinstance(coinglass_rate(0.021, None), Incomplete)


class TestTrap3And4Ratios:
    def test_trap_3_four_sources_give_the_short_share_in_per_cent(self) -> None:
        assert only(read("binance ratio")).value == 55 * ONE
        assert only(read("bybit ratio")).value == 56 * ONE
        assert only(read("okx ratio")).value == -(-100 * ONE * ONE // fixed("1.8"))
        assert only(read("coinglass ratio")).value == fixed("56.9")

    @pytest.mark.parametrize("shares", [("45.0", "55.0"), ("0.0045", "0.0055"), ("0.45", "0.45"), ("1", "0")])
    def test_trap_3_shares_in_another_unit_or_of_another_whole_are_garbage(self, shares: tuple[str, str]) -> None:
        row = {"symbol": "BTCUSDT", "longAccount": shares[0], "shortAccount": shares[1], "timestamp": AT_MS}
        assert isinstance(binance_usdm.long_short([row], BINANCE, RECEIVED_NS, "account_ratio", "5m"), Garbage)

    def test_trap_3_fractions_where_coinglass_sends_per_cent_are_garbage(self) -> None:
        bar = {"time": AT_MS - FIVE_MIN_MS, "global_account_long_percent": 0.44, "global_account_short_percent": 0.56}
        raw = json.dumps(coinglass_answer([bar]))
        assert isinstance(coinglass_v4.long_short(raw, BINANCE, RECEIVED_NS, "account_ratio", FIVE_MIN_NS), Garbage)

    def test_trap_4_every_ratio_says_which_one_it_is(self) -> None:
        assert only(read("binance ratio")).kind == "account_ratio"
        assert only(read("binance taker ratio")).kind == "taker_volume"
        row = okx_answer([str(AT_MS), "1.2"])
        assert only(okx_v5.long_short(row, OKX, RECEIVED_NS, "top_position", "5m")).kind == "top_position"
        assert isinstance(okx_v5.long_short(row, OKX, RECEIVED_NS, "ratio", "5m"), Garbage)

    def test_ratio_and_open_interest_time_is_the_end_of_the_period_taker_volume_its_start(self) -> None:
        assert only(read("binance ratio")).observed_ns == AT_MS * MS_NS
        assert only(read("binance taker ratio")).observed_ns == AT_MS * MS_NS
        still_forming = [{"buyVol": "60.0", "sellVol": "40.0", "timestamp": AT_MS}]
        assert isinstance(binance_usdm.taker_ratio(still_forming, BINANCE, RECEIVED_NS, "5m"), Incomplete)

    def test_coinglass_bars_are_observed_at_their_close_and_the_forming_one_is_not_read(self) -> None:
        reading = only(read("coinglass ratio"))
        assert (reading.observed_ns, reading.period_ns) == (AT_MS * MS_NS, FIVE_MIN_NS)


class TestTrap5OpenInterest:
    def test_trap_5_okx_open_interest_is_the_coins_not_contracts_and_not_usd(self) -> None:
        assert only(read("okx open-interest")).quantity == fixed("27000.005")
        assert only(read("okx open-interest-history")).quantity == fixed("27000.005")

    def test_trap_5_points_that_count_sides_differently_are_never_compared(self) -> None:
        day = {"openInterest": "200", "timestamp": str(AT_MS - 86_400_000)}
        now = {"openInterest": "210", "singleOpenInterest": "105", "timestamp": str(AT_MS)}
        pages = [
            bybit_v5.open_interest_history(bybit_answer({"symbol": "BTCUSDT", "list": [row]}), BYBIT, RECEIVED_NS)
            for row in (day, now)
        ]
        points = [point for page in pages if isinstance(page, tuple) for point in page]
        assert len(points) == 2
        assert isinstance(change_24h(BYBIT, points, RECEIVED_NS, FIVE_MIN_NS), Incomplete)  # type: ignore[arg-type]

    def test_trap_5_an_answer_with_single_open_interest_in_every_row_is_read_as_one_side(self) -> None:
        assert only(read("bybit open interest")).quantity == 50 * ONE

    def test_coinglass_change_is_in_usd_and_is_freed_from_the_price_before_it_is_a_reading(self) -> None:
        assert only(read("coinglass open interest")).value == fixed("102.94117647") - 100 * ONE

    def test_open_interest_change_is_found_by_time_not_by_index(self) -> None:
        now_ns = AT_MS * MS_NS
        holes = [OiPoint("BTCUSDT", now_ns - DAY_NS + offset * MINUTE_NS, 100 * ONE) for offset in (-60, 4, 35)]
        newest = OiPoint("BTCUSDT", now_ns, 103 * ONE)
        wrong = [OiPoint("BTCUSDT", now_ns - hour * HOUR_NS, 200 * ONE) for hour in (1, 2, 12, 25)]
        found = only(change_24h(BINANCE, [newest, *wrong, *holes], RECEIVED_NS, FIVE_MIN_NS))
        assert (found.value, found.observed_ns) == (3 * ONE, now_ns)

    def test_open_interest_without_a_point_within_30_min_of_24_h_back_is_missing(self) -> None:
        now_ns = AT_MS * MS_NS
        points = [OiPoint("BTCUSDT", now_ns, ONE), OiPoint("BTCUSDT", now_ns - DAY_NS + 31 * MINUTE_NS, ONE)]
        assert isinstance(change_24h(BINANCE, points, RECEIVED_NS, FIVE_MIN_NS), Incomplete)


class TestTrap6To8Liquidations:
    def test_trap_6_a_bought_order_liquidated_a_short_on_binance_and_okx_but_a_long_on_bybit(self) -> None:
        assert only(read("binance forceOrder")).liquidated_side is Side.SHORT
        assert {each.liquidated_side for each in read("okx liquidation-orders")} == {Side.SHORT}
        assert only(read("bybit allLiquidation")).liquidated_side is Side.LONG
        assert only(read("binance forceOrder", "o", "S", "SELL")).liquidated_side is Side.LONG
        assert only(read("bybit allLiquidation", "data", 0, "S", "Sell")).liquidated_side is Side.SHORT

    def test_trap_6_an_okx_order_side_that_contradicts_its_position_is_garbage(self) -> None:
        assert isinstance(read("okx liquidation-orders", "data", 0, "details", 1, "posSide", "long"), Garbage)

    def test_trap_7_sampled_streams_say_so_in_their_source_and_the_complete_one_does_not(self) -> None:
        assert only(read("binance forceOrder")).source.endswith(SAMPLED)
        assert all(each.source.endswith(SAMPLED) for each in read("okx liquidation-orders"))
        assert not only(read("bybit allLiquidation")).source.endswith(SAMPLED)

    def test_trap_8_every_detail_of_an_okx_message_counts_in_usd_by_contract_value(self) -> None:
        both = read("okx liquidation-orders")
        assert [each.notional_usd for each in both] == [45_700 * ONE, 9_150 * ONE]

    def test_binance_liquidation_is_worth_what_was_filled_at_its_average_price(self) -> None:
        found = only(read("binance forceOrder"))
        assert isinstance(found, Liquidation)
        assert (found.notional_usd, found.price) == (45_700 * ONE, 91_400 * ONE)

    def test_liquidations_of_other_contracts_on_a_shared_channel_are_left_out(self) -> None:
        assert read("okx liquidation-orders", "data", 0, "instId", "DOGE-USDT-SWAP") == ()
        assert read("binance forceOrder", "o", "s", "DOGEUSDT") == ()


class TestTrap10To14Requests:
    def test_trap_10_bybit_periods_are_spelled_the_venue_s_way(self) -> None:
        sample = next(each for each in SAMPLES if each.name == "bybit ratio")
        assert isinstance(bybit_v5.account_ratio(sample.raw, BYBIT, RECEIVED_NS, "5m"), Garbage)
        assert list(bybit_v5.PERIODS) == ["5min", "15min", "30min", "1h", "4h", "1d"]

    def test_trap_12_trades_come_from_the_agg_trade_stream(self) -> None:
        assert binance_usdm.TRADES_STREAM == "aggTrade"
        assert isinstance(read("binance aggTrade", "data", "e", "trade"), Garbage)

    @pytest.mark.parametrize(
        ("stream", "path"),
        [
            ("btcusdt@aggTrade", "/market"),
            ("btcusdt@markPrice@1s", "/market"),
            ("!forceOrder@arr", "/market"),
            ("btcusdt@kline_1m", "/market"),
            ("btcusdt@depth@100ms", "/public"),
            ("btcusdt@depth5@100ms", "/public"),
            ("btcusdt@bookTicker", "/public"),
        ],
    )
    def test_trap_14_every_stream_is_asked_for_on_the_path_that_serves_it(self, stream: str, path: str) -> None:
        assert binance_usdm.stream_path(stream) == path

    def test_trap_14_a_stream_without_a_known_path_is_refused_not_guessed(self) -> None:
        with pytest.raises(InputError):
            binance_usdm.stream_path("btcusdt@trade")


class TestTrap18And19Coinglass:
    def test_trap_18_plans_whose_finest_interval_is_too_coarse_are_not_entitled(self) -> None:
        assert isinstance(coinglass_v4.entitled("Hobbyist", 5 * MINUTE_NS), NotEntitled)
        assert isinstance(coinglass_v4.entitled("startup", 5 * MINUTE_NS), NotEntitled)
        assert coinglass_v4.entitled("startup", 30 * MINUTE_NS) is None
        assert coinglass_v4.entitled("standard", 5 * MINUTE_NS) is None

    @pytest.mark.parametrize("code", ["401", 401])
    def test_trap_19_a_plan_wall_inside_http_200_is_not_entitled_not_stale_not_empty(self, code: str | int) -> None:
        wall = {"code": code, "msg": "Upgrade plan", "success": False}
        for answer in (
            coinglass_v4.long_short(wall, BINANCE, RECEIVED_NS, "account_ratio", FIVE_MIN_NS),
            coinglass_v4.funding_list(wall, "BTC", {"Binance": BINANCE}, RECEIVED_NS),
            coinglass_v4.history(wall, ("close",), FIVE_MIN_NS),
        ):
            assert isinstance(answer, NotEntitled)
            assert "5-minute" in answer.what_to_do or "own series" in answer.what_to_do

    def test_trap_19_other_refusals_inside_http_200_are_told_apart(self) -> None:
        busy = coinglass_v4.history({"code": "429", "msg": "Too Many Requests"}, ("close",), FIVE_MIN_NS)
        wrong = coinglass_v4.history({"code": "400", "msg": "invalid symbol"}, ("close",), FIVE_MIN_NS)
        assert isinstance(busy, SlowDown)
        assert isinstance(wrong, Refused)


class TestTrap20SolanaFees:
    def test_trap_20_slots_without_a_fee_do_not_pull_the_median_to_zero(self) -> None:
        rows = [{"slot": 900 + place, "prioritizationFee": fee} for place, fee in enumerate([0] * 19 + [5, 6, 7, 8, 9])]
        found = only(solana_fees.stock_fees(rpc(rows), RECEIVED_NS, solana_fees.SlotTimes()))
        assert found.value == 7 * ONE

    def test_trap_20_a_node_that_says_only_zeros_says_nothing(self) -> None:
        rows = [{"slot": 900 + place, "prioritizationFee": 0} for place in range(25)]
        answer = solana_fees.stock_fees(rpc(rows), RECEIVED_NS, solana_fees.SlotTimes())
        assert isinstance(answer, Incomplete)
        assert "hot accounts" in answer.cause

    def test_trap_20_each_method_names_itself_so_that_a_baseline_never_mixes_them(self) -> None:
        assert len({solana_fees.STOCK, solana_fees.TRITON, solana_fees.HELIUS}) == 3
        assert only(read("solana stock fees")).source == solana_fees.STOCK
        assert only(read("solana helius fees")).source == solana_fees.HELIUS

    def test_a_node_that_stands_still_goes_stale(self) -> None:
        slots, sample = solana_fees.SlotTimes(), next(each for each in SAMPLES if each.name == "solana stock fees")
        later_ns = RECEIVED_NS + MINUTE_NS
        assert only(solana_fees.stock_fees(sample.raw, RECEIVED_NS, slots)).observed_ns == RECEIVED_NS
        again = only(solana_fees.stock_fees(sample.raw, later_ns, slots))
        assert (again.observed_ns, again.received_ns) == (RECEIVED_NS, later_ns)


class TestTrap22HealthFactor:
    def test_trap_22_an_unknown_or_empty_address_is_unknown_not_healthy(self) -> None:
        empty = rpc(words(0, 0, 0, 0, 0, 2**256 - 1))
        answer = aave_v3.health_factor(empty, ACCOUNT, BLOCK, RECEIVED_NS)
        assert isinstance(answer, Incomplete)
        assert "address" in answer.cause

    def test_trap_22_collateral_without_debt_is_known_and_far_above_every_limit(self) -> None:
        free = rpc(words(4 * 10**12, 0, 1, 8_250, 8_000, 2**256 - 1))
        assert only(aave_v3.health_factor(free, ACCOUNT, BLOCK, RECEIVED_NS)).value == aave_v3.NO_DEBT_RATIO

    @pytest.mark.parametrize("bad", ["", "0x", "0x" + "0" * 40, "0x" + "g" * 40, "a1" * 20, "0x" + "a1" * 19])
    def test_trap_22_an_empty_or_mistyped_address_is_refused_before_anything_is_asked(self, bad: str) -> None:
        with pytest.raises(InputError):
            aave_v3.account_call(bad)

    def test_the_call_data_are_the_selector_and_the_padded_address(self) -> None:
        assert aave_v3.account_call("0x" + "B2" * 20) == "0xbf92857c" + "0" * 24 + "b2" * 20

    @pytest.mark.parametrize(
        "result",
        [
            words(4 * 10**12, 1_650_000_000_000, 1, 8_250, 8_000, 3 * 10**18),
            words(4 * 10**12, 0, 1, 8_250, 8_000, 10**18),
            words(1, 2, 3, 4, 5, 6, 7),
            "0x",
            None,
        ],
    )
    def test_an_answer_that_contradicts_itself_or_is_of_another_contract_is_garbage(self, result: Any) -> None:
        assert isinstance(aave_v3.health_factor(rpc(result), ACCOUNT, BLOCK, RECEIVED_NS), Garbage)

    def test_the_health_factor_is_rounded_down_and_as_old_as_its_block(self) -> None:
        found = only(read("aave health factor"))
        assert isinstance(found, Observation)
        assert (found.value, found.observed_ns) == (2 * ONE, BLOCK.at_ns)

    def test_two_rpcs_that_disagree_are_garbage_and_several_accounts_give_the_lowest_and_oldest(self) -> None:
        high = only(
            aave_v3.health_factor(rpc(words(4 * 10**12, 10**12, 1, 8_250, 1, 33 * 10**17)), ACCOUNT, BLOCK, RECEIVED_NS)
        )
        low = only(read("aave health factor"))
        assert isinstance(aave_v3.agreed(low, high), Garbage)
        assert aave_v3.lowest([high, low]).value == low.value


def test_the_taker_side_is_read_from_each_venue_s_own_field() -> None:
    sold = only(read("binance aggTrade"))
    assert isinstance(sold, TradePrint)
    assert not sold.taker_buys
    assert only(read("binance aggTrade", "data", "m", False)).taker_buys
    assert not only(read("okx trades")).taker_buys
    assert only(read("bybit publicTrade")).taker_buys
    assert not only(read("hyperliquid trades")).taker_buys
    assert only(read("okx trades")).quantity == fixed("0.25")


def test_numbers_that_went_through_a_float_are_refused() -> None:
    message = json.loads(next(each for each in SAMPLES if each.name == "birdeye price").raw)
    sample = next(each for each in SAMPLES if each.name == "birdeye price")
    assert isinstance(sample.read(message), Garbage)
