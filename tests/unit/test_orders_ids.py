"""Client order ids: derived, unique, readable back, and short enough for every venue."""

from __future__ import annotations

import itertools

import pytest

from tidegate.errors import InputError
from tidegate.model.order import OrderRole
from tidegate.orders.ids import OrderName, client_order_id, name_of

LONGEST = "D" + "g" * 20


@pytest.mark.parametrize("role", list(OrderRole))
def test_every_role_has_an_id_that_reads_back(role: OrderRole) -> None:
    for decision_id, generation in itertools.product(("D1", "DG0", "DSTG1", LONGEST), (0, 1, 12)):
        made = client_order_id(decision_id, role, generation)
        assert name_of(made) == OrderName(decision_id, role, generation)
        assert made.isalnum()
        assert len(made) <= 32


def test_no_two_orders_share_an_id() -> None:
    decisions = ("D1", "D1ST", "DST", "D1STG0", "D1STG")
    names = list(itertools.product(decisions, OrderRole, range(12)))
    assert len({client_order_id(*name) for name in names}) == len(names)


def test_the_same_order_has_the_same_id_every_time() -> None:
    assert client_order_id("D19a3f2", OrderRole.STOP, 0) == "D19a3f2STG0"


@pytest.mark.parametrize(
    "decision_id, generation", [(LONGEST + "x" * 8, 0), ("D-1", 0), ("Dé", 0), ("D1", -1), (LONGEST, 10**9)]
)
def test_an_id_that_a_venue_would_not_take_is_an_error(decision_id: str, generation: int) -> None:
    with pytest.raises(InputError, match="at most 32 ASCII letters and digits"):
        client_order_id(decision_id, OrderRole.ENTRY, generation)


@pytest.mark.parametrize(
    "foreign", ["", "G", "D1STG", "D1STG01", "D1XXG0", "web1234", "STG0", "1STG0", "D1STG٣", "D1STG-1"]
)
def test_an_id_that_is_not_ours_is_not_read_as_ours(foreign: str) -> None:
    assert name_of(foreign) is None


def test_thirty_two_characters_are_allowed_and_thirty_three_are_not() -> None:
    assert len(client_order_id(LONGEST, OrderRole.STOP, 10**7)) == 32
    with pytest.raises(InputError):
        client_order_id(LONGEST, OrderRole.STOP, 10**8)
