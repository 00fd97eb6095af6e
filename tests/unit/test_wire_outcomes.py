"""What is not data: HTTP refusals, errors inside answers, acknowledgements; and the readers of single fields."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.support.wire_base import ACCOUNT, AT_MS, BINANCE, BYBIT, ISO, OKX, RECEIVED_NS, SOL, rpc
from tests.unit.test_wire_samples import SAMPLES
from tidegate.errors import InputError
from tidegate.feeds.wire import (
    aave_v3,
    binance_usdm,
    birdeye,
    bybit_v5,
    coinbase_spot,
    coinglass_bands,
    coinglass_v4,
    fields,
    hyperliquid,
    okx_v5,
    refusals,
    solana_fees,
)
from tidegate.feeds.wire.continuity import Forward
from tidegate.feeds.wire.outcome import Down, Garbage, Incomplete, NotAvailableHere, NotEntitled, Refused, SlowDown
from tidegate.model.observation import Observation
from tidegate.units import MINUTE_NS, MS_NS, ONE, SECOND_NS

MARKETS = {"BTCUSDT": BINANCE}


class TestHttp:
    @pytest.mark.parametrize("source", [refusals.BINANCE, refusals.OKX, refusals.COINGLASS, refusals.JITO])
    def test_451_is_not_available_here_and_names_an_alternative(self, source: refusals.Source) -> None:
        answer = refusals.http_refusal(source, 451, b"{}")
        assert isinstance(answer, NotAvailableHere)
        assert answer.alternative

    def test_a_403_that_speaks_of_the_place_is_not_available_here(self) -> None:
        body = b"The Amazon CloudFront distribution is configured to block access from your country."
        assert isinstance(refusals.http_refusal(refusals.BYBIT, 403, body), NotAvailableHere)

    def test_429_waits_as_long_as_it_was_told_and_418_is_a_ban(self) -> None:
        assert refusals.http_refusal(refusals.BINANCE, 429, b"", "7") == SlowDown(7 * SECOND_NS)
        assert refusals.http_refusal(refusals.BINANCE, 418, b"", "120") == SlowDown(120 * SECOND_NS, True)
        assert refusals.http_refusal(refusals.BINANCE, 429, b"", "soon") == SlowDown(0)

    def test_a_plain_403_of_bybit_is_its_rate_limit_elsewhere_it_is_the_key(self) -> None:
        assert refusals.http_refusal(refusals.BYBIT, 403, b"") == SlowDown(10 * MINUTE_NS, True)
        assert isinstance(refusals.http_refusal(refusals.BIRDEYE, 403, b"{}"), NotEntitled)
        assert isinstance(refusals.http_refusal(refusals.BIRDEYE, 401, b"{}"), NotEntitled)

    def test_a_page_of_a_proxy_is_down_and_a_refused_request_says_why(self) -> None:
        assert refusals.http_refusal(refusals.OKX, 502, b"<html>") == Down("HTTP 502")
        assert refusals.http_refusal(refusals.OKX, 404, b"<html>") == Down("HTTP 404")
        assert isinstance(refusals.http_refusal(refusals.OKX, 400, b'{"code":-1121}'), Refused)
        assert refusals.http_refusal(refusals.OKX, 200, b"") is None


class TestErrorsInsideAnswers:
    @pytest.mark.parametrize(
        ("answer", "wanted"),
        [
            (binance_usdm.premium_index({"code": -1003, "msg": "Too many"}, BINANCE, RECEIVED_NS), SlowDown),
            (binance_usdm.premium_index({"code": -1121, "msg": "Invalid symbol."}, BINANCE, RECEIVED_NS), Refused),
            (binance_usdm.long_short({"code": -2015, "msg": "key"}, BINANCE, 1, "account_ratio", "5m"), NotEntitled),
            (binance_usdm.message({"error": {"code": 2, "msg": "bad"}, "id": 1}, MARKETS, 1), Refused),
            (okx_v5.funding_rate({"code": "50011", "msg": "", "data": []}, OKX, 1), SlowDown),
            (okx_v5.funding_rate({"code": "51001", "msg": "no such", "data": []}, OKX, 1), Refused),
            (okx_v5.funding_rate({"code": "0", "msg": "", "data": []}, OKX, 1), Incomplete),
            (okx_v5.message({"event": "error", "code": "60018", "msg": "wrong channel"}, {}, 1), Refused),
            (bybit_v5.tickers({"retCode": 10006, "retMsg": "Too many visits!", "result": {}}, BYBIT, 1), SlowDown),
            (bybit_v5.tickers({"retCode": 10001, "retMsg": "params error"}, BYBIT, 1), Refused),
            (bybit_v5.tickers({"retCode": 10016, "retMsg": "server error"}, BYBIT, 1), Down),
            (bybit_v5.message({"success": False, "ret_msg": "Invalid topic", "op": "subscribe"}, {}, 1), Refused),
            (hyperliquid.message({"channel": "error", "data": "Invalid subscription"}, {}, 1), Refused),
            (birdeye.price({"success": False, "message": "Unauthorized"}, SOL, 1), NotEntitled),
            (birdeye.price({"success": False, "message": "Too many requests"}, SOL, 1), SlowDown),
            (solana_fees.helius_fees({"error": {"code": -32602, "message": "Invalid params"}}, 1), Refused),
            (solana_fees.helius_fees({"error": {"code": -32005, "message": "Node is behind"}}, 1), Down),
            (aave_v3.block({"error": {"code": 429, "message": "slow"}}), SlowDown),
            (coinbase_spot.message({"type": "error", "message": "bad product"}, {}, 1), Refused),
            (coinglass_bands.max_pain({"code": "401", "msg": "Upgrade plan"}, "BTC"), NotEntitled),
        ],
    )
    def test_each_venue_s_own_words_become_the_same_few_outcomes(self, answer: Any, wanted: type) -> None:
        assert isinstance(answer, wanted), answer

    @pytest.mark.parametrize(
        "quiet",
        [
            binance_usdm.message({"result": None, "id": 1}, MARKETS, 1),
            binance_usdm.message({"e": "bookTicker", "s": "BTCUSDT"}, MARKETS, 1),
            okx_v5.message(b"pong", {}, 1),
            okx_v5.message({"event": "subscribe", "arg": {"channel": "trades"}}, {}, 1),
            bybit_v5.message({"success": True, "ret_msg": "", "op": "subscribe"}, {}, 1),
            hyperliquid.message({"channel": "subscriptionResponse", "data": {}}, {}, 1),
            coinbase_spot.message({"channel": "heartbeats", "sequence_num": 1, "events": []}, {}, 1),
        ],
    )
    def test_acknowledgements_and_heartbeats_are_read_and_say_nothing(self, quiet: Any) -> None:
        assert quiet == ()

    @pytest.mark.parametrize(
        "answer",
        [
            coinglass_v4.history({"code": "401", "msg": "invalid api key canary-5f1c"}, ("close",), 1),
            birdeye.price({"success": False, "message": "Unauthorized: canary-5f1c"}, SOL, 1),
            solana_fees.helius_fees({"error": {"code": -32401, "message": "invalid api key canary-5f1c"}}, 1),
        ],
    )
    def test_a_refused_key_that_the_vendor_repeats_is_not_repeated_here(self, answer: Any) -> None:
        assert isinstance(answer, NotEntitled)
        assert "canary" not in answer.what_to_do

    def test_what_a_venue_sent_is_shown_in_printable_ascii_and_bounded(self) -> None:
        hostile = "\u202e\x1b[31m\x00\n" + "y" * 500
        refused = okx_v5.message({"event": "error", "code": "1", "msg": hostile}, {}, 1)
        garbage = okx_v5.message({"arg": {"channel": "trades"}, "data": hostile}, {}, 1)
        assert isinstance(refused, Refused)
        assert isinstance(garbage, Garbage)
        for text in (refused.cause, garbage.given):
            assert text.isascii()
            assert text.isprintable()
            assert len(text) < 120


class TestSymbolsAndTimes:
    @pytest.mark.parametrize(
        ("name", "path"),
        [
            ("binance premiumIndex", ("symbol",)),
            ("binance ratio", (0, "symbol")),
            ("binance openInterestHist", (1, "symbol")),
            ("binance aggTrade", ("data", "s")),
            ("okx trades", ("data", 0, "instId")),
            ("bybit publicTrade", ("data", 0, "s")),
            ("bybit orderbook", ("data", "s")),
            ("hyperliquid l2Book", ("data", "coin")),
            ("birdeye swaps", ("data", "items", 0, "to", "address")),
            ("coinglass open interest", ("data", 0, "symbol")),
        ],
    )
    def test_the_wrong_symbol_is_garbage(self, name: str, path: tuple[Any, ...]) -> None:
        assert isinstance(changed(name, path, "ETHUSDT"), Garbage)

    @pytest.mark.parametrize("wrong_ms", [AT_MS + 2_041, AT_MS // 1_000, AT_MS * 1_000, -AT_MS, 0])
    def test_a_time_in_the_future_or_of_another_scale_is_garbage(self, wrong_ms: int) -> None:
        assert isinstance(changed("binance premiumIndex", ("time",), wrong_ms), Garbage)

    def test_a_source_s_clock_may_be_two_seconds_ahead_and_nothing_is_observed_after_its_receipt(self) -> None:
        found = changed("binance premiumIndex", ("time",), AT_MS + 2_040)
        assert isinstance(found, tuple)
        assert found[0].observed_ns == RECEIVED_NS

    def test_time_that_runs_backward_within_a_series_is_garbage_and_the_same_bucket_again_passes(self) -> None:
        forward, reading = Forward(), changed("binance ratio", (), None)[0]
        assert isinstance(reading, Observation)
        assert forward.take((reading,)) == (reading,)
        assert forward.take((reading,)) == (reading,)
        older = msgspec.structs.replace(reading, observed_ns=reading.observed_ns - 1)
        assert isinstance(forward.take((older,)), Garbage)
        other = msgspec.structs.replace(older, kind="top_position")
        assert forward.take((other,)) == (other,)
        forward.forget()
        assert forward.take((older,)) == (older,)

    def test_a_refused_batch_changes_no_clock(self) -> None:
        forward, reading = Forward(), changed("binance ratio", (), None)[0]
        later = msgspec.structs.replace(reading, observed_ns=reading.observed_ns + 5)
        assert isinstance(forward.take((later, reading)), Garbage)
        assert forward.take((reading,)) == (reading,)


def changed(name: str, path: tuple[Any, ...], value: Any) -> Any:
    sample = next(each for each in SAMPLES if each.name == name)
    message: Any = msgspec.json.decode(sample.raw)
    if path:
        target = message
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = value
    return sample.read(msgspec.json.encode(message))


class TestFields:
    def test_json_numbers_keep_the_digits_that_were_sent(self) -> None:
        decoded = fields.row(fields.decoded(b'{"a":0.029,"b":5e-06,"c":12345678901234567890}'), "x")
        assert fields.floored(decoded["a"], "a", 2) == 290_000_000
        assert fields.exact(decoded["b"], "b") == 500
        assert fields.exact(decoded["c"], "c") == 12345678901234567890 * ONE

    def test_digits_beyond_the_scale_are_cut_downward_or_refused(self) -> None:
        assert fields.floored("605822.2557999999", "x") == 60582225579999
        assert fields.floored("-0.000000001", "x") == -1
        with pytest.raises(InputError):
            fields.exact("0.000000001", "x")

    @pytest.mark.parametrize("bad", [0.1, True, None, "", "NaN", "-0x1", "1e400", [], "９"])
    def test_what_is_no_decimal_text_is_refused_and_the_field_is_named(self, bad: Any) -> None:
        with pytest.raises(InputError, match="mark"):
            fields.exact(bad, "mark")

    def test_iso_times_of_every_precision_are_read(self) -> None:
        assert fields.time_iso("2026-09-21T14:15:00Z", "t") == AT_MS * MS_NS
        assert fields.time_iso("2026-09-21T14:15:00+00:00", "t") == AT_MS * MS_NS
        assert fields.time_iso("2026-09-21T14:15:00.123456789Z", "t") == AT_MS * MS_NS + 123_456_000
        assert fields.time_iso(ISO, "t") == AT_MS * MS_NS + 123_456_000
        for bad in ("2026-09-21T14:15:00", "2026-09-21", "", None, 5, "2026-09-21T14:15:00.Z.Z"):
            with pytest.raises(InputError):
                fields.time_iso(bad, "t")


class TestAaveMarketChecks:
    def test_another_chain_or_another_pool_is_refused(self) -> None:
        assert aave_v3.on_chain(rpc("0x1"), ACCOUNT) == ()
        assert isinstance(aave_v3.on_chain(rpc("0x2105"), ACCOUNT), Refused)
        assert aave_v3.pool_listed(rpc("0x" + "0" * 24 + "a1" * 20), ACCOUNT) == ()
        assert isinstance(aave_v3.pool_listed(rpc("0x" + "0" * 24 + "a2" * 20), ACCOUNT), Refused)


class TestBands:
    def test_the_heat_map_s_candles_carry_seconds_and_only_its_newest_column_counts(self) -> None:
        content = {
            "y_axis": [90000.0, 92000.5],
            "liquidation_leverage_data": [[0, 1, 5.5], [1, 0, 7.25], [1, 1, 9]],
            "price_candlesticks": [
                [AT_MS // 1_000 - 300, "1", "1", "1", "1", "1"],
                [AT_MS // 1_000, "1", "1", "1", "1", "1"],
            ],
        }
        raw = msgspec.json.encode({"code": "0", "msg": "success", "data": content})
        found = coinglass_bands.heat_map(raw)
        assert isinstance(found, coinglass_bands.HeatMap)
        assert found.observed_ns == AT_MS * MS_NS
        assert [(level.price // ONE, level.notional_usd) for level in found.levels] == [
            (90_000, 725_000_000),
            (92_000, 9 * ONE),
        ]

    def test_max_pain_is_the_long_level_then_the_short_one(self) -> None:
        row = {"symbol": "BTC", "long_max_pain_liq_price": 90000.0, "long_max_pain_liq_level": 5.0}
        raw = {**row, "short_max_pain_liq_price": 92000.0, "short_max_pain_liq_level": 6.0}
        found = coinglass_bands.max_pain(msgspec.json.encode({"code": "0", "data": [raw]}), "BTC")
        assert isinstance(found, tuple)
        assert [level.price for level in found] == [90_000 * ONE, 92_000 * ONE]
