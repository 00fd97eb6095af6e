"""Numbers cross the wire exactly: read from their own text, written as their own text, and refused when they cannot be meant. INVARIANT: G2"""

from __future__ import annotations

import json
import re
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.api_desk import ApiDesk, run
from tidegate.api.wire.values import MONEY, FieldError, moment, number, read_number
from tidegate.units import ONE, parse


def body(amount: str, field: str = "amount") -> bytes:
    """Return a proposal with a number written as `amount`."""
    more = "" if field == "amount" else f', "{field}": {amount}'
    return f'{{"strategy":"Agent Signal","pair":"BTC","side":"long","amount":{amount if field == "amount" else "25"}{more}}}'.encode()


@pytest.mark.parametrize("text", ["25", "25.0", "25.00000001", "2.5e1", "2.5E+1", "33.20", "0.1", "40.30000001"])
def test_an_amount_comes_back_exactly_as_it_was_written(text: str) -> None:
    async def story(api: ApiDesk) -> None:
        reply = await api.post("/api/trade/check", body(text))
        assert reply.status == 200
        assert json.loads(reply.raw, parse_float=Decimal)["risk_adjustments"]["original_amount"] == Decimal(text)

    run(story)


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("-0", "without a minus sign"),
        ("-0.0", "without a minus sign"),
        ("0", "above 0"),
        ("-25", "above 0"),
        ("1e999", "exponent"),
        ("1e30", "at most 1000000000"),
        ("1000000001", "at most 1000000000"),
        ("0.30000000000000004", "decimal places"),
        ("25.000000001", "decimal places"),
        ("1" * 29, "28 digits"),
        ("0." + "1" * 28, "digits|decimal"),
        ("true", "a JSON number"),
        ('"25"', "a JSON number"),
        ("null", "a JSON number"),
        ("[25]", "a JSON number"),
        ("{}", "a JSON number"),
        ("+25", "JSON"),
        ("25.", "JSON"),
        (".5", "JSON"),
        ("0x19", "JSON"),
        ("NaN", "NaN"),
        ("-Infinity", "Infinity"),
    ],
)
def test_an_amount_that_cannot_be_meant_is_422_and_says_what_is_allowed(text: str, allowed: str) -> None:
    async def story(api: ApiDesk) -> None:
        reply = await api.post("/api/trade/execute", body(text))
        assert reply.status == 422, reply
        assert re.search(allowed, reply.detail["reason"]), reply.detail["reason"]
        assert api.engine.chronicle.totals.run.intents == 0

    run(story)


@pytest.mark.parametrize("field", ["stop_bps", "limit_price", "confidence"])
@pytest.mark.parametrize("text", ["-0", "1e999", '"1"', "true", "-1", "0.123456789"])
def test_optional_numbers_obey_the_same_rules(field: str, text: str) -> None:
    async def story(api: ApiDesk) -> None:
        reply = await api.post("/api/trade/execute", body(text, field))
        assert reply.status == 422, reply
        assert reply.detail["reason"].startswith((f"{field}: got", "the body"))

    run(story)


def test_optional_numbers_are_read_exactly() -> None:
    async def story(api: ApiDesk) -> None:
        given = {"stop_bps": 31.5, "limit_price": 108_600, "confidence": 0.85, "targets": [24.5, 50]}
        decision_id = (await api.propose(**given)).body["decision_id"]
        intent = (await api.get(f"/api/decisions/{decision_id}")).body["intent"]
        assert {"stop_bps": intent["stop_bps"], "limit_price": intent["limit_price"], "confidence": intent["confidence"]} == {
            name: given[name] for name in ("stop_bps", "limit_price", "confidence")
        }
        assert intent["targets_bps"] == [24.5, 50]

    run(story)


def test_targets_must_be_numbers_that_rise() -> None:
    async def story(api: ApiDesk) -> None:
        for targets in ("[50, 25]", "[25, 25]", "[0]", '["25"]', "[-1]", "[1e999]", "25"):
            reply = await api.post("/api/trade/execute", body(targets, "targets"))
            assert (reply.status, "targets" in reply.detail["reason"]) == (422, True), targets
        assert (await api.post("/api/trade/check", body("[10.5, 20, 30]", "targets"))).status == 200

    run(story)


def test_null_means_absent() -> None:
    async def story(api: ApiDesk) -> None:
        nothing = dict.fromkeys(
            ("mode", "exchanges", "stop_bps", "targets", "limit_price", "confidence", "client_request_id", "evidence", "addresses")
        )
        assert (await api.propose(**nothing)).status == 200

    run(story)


@given(st.integers(-(10**20), 10**20))
def test_every_fixed_point_number_is_written_as_json_that_reads_back_exactly(value: int) -> None:
    text = bytes(number(value)).decode()
    assert parse(text) == value
    assert json.loads(text, parse_float=Decimal, parse_int=Decimal) * ONE == value
    assert len(text.partition(".")[2]) <= 8


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.decimals(min_value=Decimal("0.00000001"), max_value=Decimal("1000000000"), places=8, allow_nan=False))
def test_every_amount_in_its_span_is_read_exactly(value: Decimal) -> None:
    assert read_number("amount", msgspec_raw(f"{value:f}"), MONEY) == int(value * ONE)


@given(st.text(max_size=12))
def test_text_that_is_no_number_in_span_is_a_field_error_and_nothing_else(text: str) -> None:
    raw = msgspec_raw(text)
    try:
        assert 0 < read_number("amount", raw, MONEY) <= MONEY.high
    except FieldError as error:
        assert str(error).startswith("amount: got")


def msgspec_raw(text: str):
    """Return text as the decoder hands it over."""
    import msgspec

    return msgspec.Raw(text.encode(errors="replace"))


def test_times_are_utc_with_milliseconds() -> None:
    assert moment(0) == "1970-01-01T00:00:00.000Z"
    assert moment(1_760_875_259_999_999_999) == "2025-10-19T12:00:59.999Z"
