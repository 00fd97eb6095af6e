"""Every documented message is read, and unknown keys in it change nothing. The messages are in tests/support/wire_*.py."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.wire_base import Sample
from tests.support.wire_exchanges import EXCHANGE_SAMPLES
from tests.support.wire_rarer import RARER_SAMPLES
from tests.support.wire_vendors import VENDOR_SAMPLES
from tidegate.feeds.wire.outcome import Outcome

SAMPLES = (*EXCHANGE_SAMPLES, *VENDOR_SAMPLES, *RARER_SAMPLES)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_every_documented_message_is_read_from_bytes_and_from_decoded_json_without_floats(sample: Sample) -> None:
    found = sample.read(sample.raw)
    assert not isinstance(found, Outcome), found
    assert (len(found) if isinstance(found, tuple | dict) else 1) == sample.gives
    assert sample.read(sample.raw.decode()) == found


def with_strangers(value: Any) -> Any:
    """Add a key that nobody knows to every object."""
    if isinstance(value, dict):
        return {**{key: with_strangers(each) for key, each in value.items()}, "nq_of_tomorrow": {"a": [1, "x", None]}}
    return [with_strangers(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "sample", [each for each in SAMPLES if each.name != "coinglass map"], ids=lambda sample: sample.name
)
def test_trap_16_unknown_keys_change_nothing(sample: Sample) -> None:
    assert sample.read(json.dumps(with_strangers(sample.message))) == sample.read(sample.raw)
