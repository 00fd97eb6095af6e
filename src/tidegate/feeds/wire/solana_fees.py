"""Solana priority fees: p50 in micro-lamports per compute unit, by three methods. Source: apis.md section 9.

| method | what a row is | p50 here |
|---|---|---|
| stock | the SMALLEST fee that landed in a slot, often 0 (trap 20) | median of the newest slots that have a fee at all |
| Triton | the p50 of a slot (`{"percentile": 5000}`) | median of the newest slots |
| Helius | an estimate over slots, `medium` | as it is |

The source of each observation names its method: a baseline must never mix them. Answers carry slots, not times: `SlotTimes` remembers when a
slot was first seen, so that a node that stands still goes stale.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

from tidegate.errors import InputError
from tidegate.feeds.wire.fields import Raw, amount, row, some_rows, whole
from tidegate.feeds.wire.json_rpc import result
from tidegate.feeds.wire.outcome import NotEnough, Outcome, never_raises
from tidegate.feeds.wire.parsed import Answer
from tidegate.feeds.wire.refusals import SOLANA
from tidegate.model.observation import Channel, Observation
from tidegate.units import ONE, SECOND_NS, Nanoseconds

STOCK = "solana:stock:median_of_minimums"
TRITON = "solana:triton:p50"
HELIUS = "solana:helius:p50"
NEWEST_SLOTS = 25
"""About 10 s of slots: the window over which the snapshot smooths."""

FEES_NEEDED = 5
_PUBLISHED_NS = 2 * SECOND_NS
_FEE_MAX = 10**12 * ONE
_SLOT_BEHIND_MAX = 150


class SlotTimes:
    """When the newest slot was first seen. Another node a little behind passes as no news; one far behind is garbage."""

    def __init__(self) -> None:
        self._slot, self._seen_ns = -1, 0

    def observed_ns(self, slot: int, received_ns: Nanoseconds) -> Nanoseconds:
        """Return when this slot was first seen. Raises InputError when it is over 150 slots behind the newest."""
        if slot > self._slot:
            self._slot, self._seen_ns = slot, received_ns
        elif slot < self._slot - _SLOT_BEHIND_MAX:
            raise InputError("slot", slot, "near the newest slot: this node is behind")
        return self._seen_ns


@never_raises
def stock_fees(raw: Raw, received_ns: Nanoseconds, slots: SlotTimes) -> Answer:
    """Read `getRecentPrioritizationFees` of a stock node, asked for hot accounts.

    Slots without a fee are left out: they would make the baseline 0 and every fee a spike. Incomplete with fewer than 5 others.
    """
    found = _recent(raw)
    if isinstance(found, Outcome):
        return found
    paid = [fee for _, fee in found if fee > 0]
    if len(paid) < FEES_NEEDED:
        raise NotEnough("prioritizationFee", len(paid), "fewer than 5 recent slots with a fee: ask for hot accounts")
    return (_reading(_median(paid), STOCK, slots.observed_ns(found[-1][0], received_ns), received_ns),)


@never_raises
def triton_fees(raw: Raw, received_ns: Nanoseconds, slots: SlotTimes) -> Answer:
    """Read the same method of a node that was asked, and can be asked, for percentile 5000. A stock node's answer looks alike: test it first."""
    found = _recent(raw)
    if isinstance(found, Outcome):
        return found
    if len(found) < FEES_NEEDED:
        raise NotEnough("result", len(found), "fewer than 5 recent slots")
    fees = [fee for _, fee in found]
    return (_reading(_median(fees), TRITON, slots.observed_ns(found[-1][0], received_ns), received_ns),)


@never_raises
def helius_fees(raw: Raw, received_ns: Nanoseconds) -> Answer:
    """Read `getPriorityFeeEstimate` with all levels: `medium` is the p50. The answer has no slot: observed when received."""
    found = result(raw, SOLANA)
    if isinstance(found, Outcome):
        return found
    levels = row(row(found, "result").get("priorityFeeLevels"), "priorityFeeLevels")
    return (_reading(_fee(levels.get("medium"), "medium"), HELIUS, received_ns, received_ns),)


def _recent(raw: Raw) -> list[tuple[int, int]] | Outcome:
    """Return `(slot, fee)` of the newest 25 slots, oldest first. A slot that comes twice is garbage."""
    found = result(raw, SOLANA)
    if isinstance(found, Outcome):
        return found
    by_slot: dict[int, int] = {}
    for each in some_rows(found, "result"):
        sample = row(each, "result")
        slot = whole(sample.get("slot"), "slot")
        if slot in by_slot or slot < 0:
            raise InputError("slot", slot, "one row per slot")
        by_slot[slot] = _fee(sample.get("prioritizationFee"), "prioritizationFee")
    return sorted(by_slot.items(), key=itemgetter(0))[-NEWEST_SLOTS:]


def _fee(value: object, name: str) -> int:
    fee = amount(value, name)
    if fee > _FEE_MAX:
        raise InputError(name, value, "micro-lamports per compute unit")
    return fee


def _median(values: Sequence[int]) -> int:
    """Return the median, rounded down between the middle two."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) // 2


def _reading(fee: int, source: str, at_ns: Nanoseconds, received_ns: Nanoseconds) -> Observation:
    return Observation(Channel.PRIORITY_FEE, "SOL", "solana", fee, source, at_ns, received_ns, _PUBLISHED_NS)
