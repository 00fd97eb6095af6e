"""Scale-out: largest remainder, ties to the nearer target, nothing lost."""

from __future__ import annotations

import pytest

from tidegate.errors import InputError
from tidegate.matching.lots import legs, scale_out
from tidegate.units import fixed

SEED = (45, 35, 20)
TARGETS = (fixed(25), fixed(50), fixed(90))


@pytest.mark.parametrize(
    ("lots", "weights", "parts"),
    [
        (0, SEED, (0, 0, 0)),
        (1, SEED, (1, 0, 0)),
        (2, SEED, (1, 1, 0)),
        (3, SEED, (1, 1, 1)),
        (4, SEED, (2, 1, 1)),
        (5, SEED, (2, 2, 1)),
        (10, SEED, (5, 3, 2)),
        (20, SEED, (9, 7, 4)),
        (38, SEED, (17, 13, 8)),
        (1, (20, 35, 45), (1, 0, 0)),
        (2, (50, 50), (1, 1)),
        (3, (50, 50), (2, 1)),
        (3, (25, 25, 25, 25), (1, 1, 1, 0)),
        (7, (45, 35), (4, 3)),
        (5, (100,), (5,)),
        (5, (0, 100), (0, 5)),
    ],
)
def test_lots_are_split_by_largest_remainder(lots, weights, parts):
    assert scale_out(lots, weights) == parts


def test_two_lots_make_two_legs_and_none_for_the_third_target():
    assert [(leg.number, leg.bps, leg.lots) for leg in legs(2, TARGETS, SEED)] == [(1, fixed(25), 1), (2, fixed(50), 1)]


def test_one_lot_exits_whole_at_the_first_target():
    assert [(leg.number, leg.lots) for leg in legs(1, TARGETS, SEED)] == [(1, 1)]


def test_fewer_targets_than_weights_share_the_whole():
    assert [leg.lots for leg in legs(10, TARGETS[:2], SEED)] == [6, 4]
    assert [leg.lots for leg in legs(10, TARGETS[:1], SEED)] == [10]


def test_a_trade_without_targets_has_no_legs():
    assert legs(5, (), SEED) == ()


def test_more_targets_than_weights_is_the_callers_error():
    with pytest.raises(InputError, match="at most 3 targets"):
        legs(5, (*TARGETS, fixed(120)), SEED)


@pytest.mark.parametrize(("lots", "weights"), [(-1, SEED), (3, ()), (3, (0, 0)), (3, (50, -10))])
def test_impossible_splits_are_refused(lots, weights):
    with pytest.raises(InputError):
        scale_out(lots, weights)
