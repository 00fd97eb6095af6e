"""Layer 2 at its boundaries: crowd, funding, open interest, squeezes, confidence, and the strategies' own guards."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.gate_case import ADJUSTED, FAILED, NOT_APPLICABLE, PASSED, UNKNOWN, WARNED, Case, check, found, named
from tests.support.gate_world import AT, LONG, MISSING, SHORT, book, reading
from tidegate.model.finding import Reason as R
from tidegate.model.snapshot import Reading
from tidegate.units import SECOND_NS, fixed

SHORT_BTC: dict[str, Any] = {"side": SHORT, "stop_bps": fixed(30)}
PICK_SHORT: dict[str, Any] = {**SHORT_BTC, "strategy": "agent_pick"}
XRP_SHORT: dict[str, Any] = {**PICK_SHORT, "notional_usd": fixed(50)}


def old(value: int | str, arrival_s: int, extra_ns: int = 0) -> Reading:
    """Return a reading that arrived `arrival_s` ago and then some."""
    return reading(value, arrival_age_ns=arrival_s * SECOND_NS + extra_ns)


def squeezed(age_ns: int) -> dict[str, Any]:
    """Return a view in which the last squeeze was `age_ns` ago."""
    return {"squeeze": Reading(AT - age_ns, "test", AT, AT)}


def raw(value: int) -> Reading:
    """Return a fresh reading of an unscaled value."""
    return Reading(value, "test", AT, AT)


CASES = (
    Case("54 % (BTC)", R.L2_SHORTS_CROWDED, PASSED, intent=SHORT_BTC, view={"positioning": reading(54)}),
    Case(
        "just over 54 % (BTC)", R.L2_SHORTS_CROWDED, FAILED, intent=SHORT_BTC, view={"positioning": raw(fixed(54) + 1)}
    ),
    Case("53 % (SOL)", R.L2_SHORTS_CROWDED, PASSED, intent=SHORT_BTC, view={"positioning": reading(53)}, asset="SOL"),
    Case(
        "just over 53 % (SOL)",
        R.L2_SHORTS_CROWDED,
        FAILED,
        intent=SHORT_BTC,
        view={"positioning": raw(fixed(53) + 1)},
        asset="SOL",
    ),
    Case(
        "just over 53 % (ETH)",
        R.L2_SHORTS_CROWDED,
        PASSED,
        intent=SHORT_BTC,
        view={"positioning": raw(fixed(53) + 1)},
        asset="ETH",
    ),
    Case("90 % for a long", R.L2_SHORTS_CROWDED, NOT_APPLICABLE, view={"positioning": reading(90)}),
    Case(
        "another kind of ratio",
        R.L2_SHORTS_CROWDED,
        UNKNOWN,
        intent=SHORT_BTC,
        view={"positioning_kind": "taker_volume"},
        note="positioning is taker_volume, pinned account_ratio",
    ),
    Case(
        "no kind named",
        R.L2_SHORTS_CROWDED,
        UNKNOWN,
        intent=SHORT_BTC,
        view={"positioning_kind": ""},
        note="positioning is of no kind, pinned account_ratio",
    ),
    Case("missing", R.L2_SHORTS_CROWDED, UNKNOWN, intent=SHORT_BTC, view={"positioning": MISSING}),
    Case("missing for a long", R.L2_SHORTS_CROWDED, NOT_APPLICABLE, view={"positioning": MISSING}),
    Case("120 s old", R.L2_SHORTS_CROWDED, PASSED, intent=SHORT_BTC, view={"positioning": old(50, 120)}),
    Case("stale", R.L2_SHORTS_CROWDED, UNKNOWN, intent=SHORT_BTC, view={"positioning": old(50, 120, 1)}),
    Case("0.25 bps", R.L2_FUNDING_DIVERGENCE, PASSED, intent=PICK_SHORT, view={"funding_a": reading("1.25")}),
    Case(
        "just over 0.25 bps",
        R.L2_FUNDING_DIVERGENCE,
        FAILED,
        intent=PICK_SHORT,
        view={"funding_a": raw(fixed("1.25") + 1)},
    ),
    Case("far under", R.L2_FUNDING_DIVERGENCE, PASSED, intent=PICK_SHORT, view={"funding_a": reading(-5)}),
    Case("0.25 bps for a long", R.L2_FUNDING_DIVERGENCE, PASSED, view={"funding_a": reading("1.25")}),
    Case("over for a long", R.L2_FUNDING_DIVERGENCE, WARNED, view={"funding_a": raw(fixed("1.25") + 1)}),
    Case("far under for a long", R.L2_FUNDING_DIVERGENCE, WARNED, view={"funding_a": reading(-5)}),
    Case("one missing", R.L2_FUNDING_DIVERGENCE, UNKNOWN, intent=PICK_SHORT, view={"funding_b": MISSING}),
    Case("one missing for a long", R.L2_FUNDING_DIVERGENCE, NOT_APPLICABLE, view={"funding_b": MISSING}),
    Case("300 s old", R.L2_FUNDING_DIVERGENCE, PASSED, intent=PICK_SHORT, view={"funding_a": old(1, 300)}),
    Case("stale", R.L2_FUNDING_DIVERGENCE, UNKNOWN, intent=PICK_SHORT, view={"funding_a": old(1, 300, 1)}),
    Case("stale for a long", R.L2_FUNDING_DIVERGENCE, NOT_APPLICABLE, view={"funding_a": old(1, 300, 1)}),
    Case("+3 %", R.L2_OI_SPIKE, PASSED, view={"open_interest": reading(3)}),
    Case("just over +3 %", R.L2_OI_SPIKE, ADJUSTED, view={"open_interest": raw(fixed(3) + 1)}),
    Case("-30 %", R.L2_OI_SPIKE, PASSED, view={"open_interest": reading(-30)}),
    Case("missing", R.L2_OI_SPIKE, UNKNOWN, view={"open_interest": MISSING}),
    Case("stale", R.L2_OI_SPIKE, UNKNOWN, view={"open_interest": old(1, 120, 1)}),
    Case("none ever", R.L2_FRESH_SQUEEZE, PASSED, intent=SHORT_BTC),
    Case("3,600 s ago", R.L2_FRESH_SQUEEZE, FAILED, intent=SHORT_BTC, view=squeezed(3_600 * SECOND_NS)),
    Case("just over 3,600 s ago", R.L2_FRESH_SQUEEZE, PASSED, intent=SHORT_BTC, view=squeezed(3_600 * SECOND_NS + 1)),
    Case("just now", R.L2_FRESH_SQUEEZE, FAILED, intent=SHORT_BTC, view=squeezed(0)),
    Case(
        "none seen by a source that samples",
        R.L2_FRESH_SQUEEZE,
        PASSED,
        intent=SHORT_BTC,
        view={"squeeze": Reading(0, "okx:sampled", AT, AT)},
        note="none seen, liquidations are only a sample",
    ),
    Case("just now for a long", R.L2_FRESH_SQUEEZE, NOT_APPLICABLE, view=squeezed(0)),
    Case("missing", R.L2_FRESH_SQUEEZE, UNKNOWN, intent=SHORT_BTC, view={"squeeze": MISSING}),
    Case("stale", R.L2_FRESH_SQUEEZE, UNKNOWN, intent=SHORT_BTC, view={"squeeze": old(0, 120, 1)}),
    Case(
        "own 54 %", R.L2_STRATEGY_GUARD, PASSED, intent=SHORT_BTC, view={"positioning": reading(54)}, note="short share"
    ),
    Case(
        "own just over",
        R.L2_STRATEGY_GUARD,
        FAILED,
        intent=SHORT_BTC,
        view={"positioning": raw(fixed(54) + 1)},
        note="short share",
    ),
    Case("own crowd missing", R.L2_STRATEGY_GUARD, UNKNOWN, intent=SHORT_BTC, view={"positioning": MISSING}),
    Case("own crowd for a long", R.L2_STRATEGY_GUARD, NOT_APPLICABLE, view={"positioning": reading(90)}, note="crowd"),
    Case(
        "spread at 0.2",
        R.L2_STRATEGY_GUARD,
        FAILED,
        intent=SHORT_BTC,
        view={"funding_a": reading("1.2")},
        note="funding spread",
    ),
    Case(
        "under 0.2",
        R.L2_STRATEGY_GUARD,
        PASSED,
        intent=SHORT_BTC,
        view={"funding_a": raw(fixed("1.2") - 1)},
        note="funding spread",
    ),
    Case(
        "own funding missing",
        R.L2_STRATEGY_GUARD,
        UNKNOWN,
        intent=SHORT_BTC,
        view={"funding_b": MISSING},
        note="funding of okx",
    ),
    Case("depth at 60 %", R.L2_STRATEGY_GUARD, PASSED, view={"book": book(depth_usd=fixed(300_000))}, note="depth"),
    Case(
        "depth under 60 %",
        R.L2_STRATEGY_GUARD,
        ADJUSTED,
        view={"book": book(depth_usd=fixed(300_000) - 1)},
        note="thin book",
    ),
    Case(
        "no depth history",
        R.L2_STRATEGY_GUARD,
        ADJUSTED,
        view={"book": book(depth_baseline_usd=None)},
        note="depth history",
    ),
    Case(
        "thin for a short",
        R.L2_STRATEGY_GUARD,
        NOT_APPLICABLE,
        intent=SHORT_BTC,
        view={"book": book(depth_usd=0)},
        note="thin",
    ),
    Case(
        "thin where it does not matter",
        R.L2_STRATEGY_GUARD,
        NOT_APPLICABLE,
        intent={"strategy": "agent_pick"},
        view={"book": book(depth_usd=0)},
        note="thin",
    ),
    Case(
        "a median of nothing",
        R.L2_STRATEGY_GUARD,
        ADJUSTED,
        view={"book": book(depth_baseline_usd=0)},
        note="depth history",
    ),
    Case("book missing", R.L2_STRATEGY_GUARD, UNKNOWN, view={"book": MISSING}, note="book missing"),
    Case("tips at 1.5x", R.L2_STRATEGY_GUARD, PASSED, view={"tip_ratio": reading("1.5")}, asset="SOL", note="tips"),
    Case(
        "tips over",
        R.L2_STRATEGY_GUARD,
        ADJUSTED,
        view={"tip_ratio": raw(fixed("1.5") + 1)},
        asset="SOL",
        note="tips elevated",
    ),
    Case(
        "tips missing", R.L2_STRATEGY_GUARD, UNKNOWN, view={"tip_ratio": MISSING}, asset="SOL", note="tip ratio missing"
    ),
    Case(
        "tips stale",
        R.L2_STRATEGY_GUARD,
        UNKNOWN,
        view={"tip_ratio": old(1, 30, 1)},
        asset="SOL",
        note="tip ratio stale",
    ),
    Case(
        "tips missing where they do not matter",
        R.L2_STRATEGY_GUARD,
        NOT_APPLICABLE,
        view={"tip_ratio": MISSING},
        note="tip",
    ),
    Case("no confidence", R.L2_CONFIDENCE, NOT_APPLICABLE),
    Case("0.80", R.L2_CONFIDENCE, PASSED, intent={"confidence": fixed("0.8")}),
    Case("just under 0.80", R.L2_CONFIDENCE, FAILED, intent={"confidence": fixed("0.8") - 1}),
)


@pytest.mark.parametrize("case", CASES, ids=named(CASES))
def test_a_layer_2_check_decides_exactly_at_its_boundary(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("strategy", ["agent_pick", "XRP_corridor_guard"])
@pytest.mark.parametrize(
    ("short_pct", "falling", "status"),
    [
        (fixed(53) - 1, True, PASSED),
        (fixed(53), False, PASSED),
        (fixed(53), True, FAILED),
        (fixed(53), None, UNKNOWN),
        (fixed(53) - 1, None, PASSED),
    ],
)
def test_any_xrp_short_is_refused_at_53_pct_while_depth_falls(
    strategy: str, short_pct: int, falling: bool | None, status: Any
) -> None:
    view = {"positioning": raw(short_pct), "book": book("XRP", top3_falling=falling)}
    note = "depth trend" if status is UNKNOWN else "falling depth"
    check(
        Case(
            "xrp",
            R.L2_STRATEGY_GUARD,
            status,
            intent={**XRP_SHORT, "strategy": strategy},
            view=view,
            asset="XRP",
            note=note,
        )
    )


def test_falling_depth_does_not_concern_other_assets_or_longs() -> None:
    crowd = {"positioning": reading(53), "book": book(top3_falling=True)}
    check(Case("btc", R.L2_STRATEGY_GUARD, NOT_APPLICABLE, intent=PICK_SHORT, view=crowd, note="falling-depth"))
    xrp = {**crowd, "book": book("XRP", top3_falling=True)}
    check(
        Case(
            "xrp long",
            R.L2_STRATEGY_GUARD,
            NOT_APPLICABLE,
            intent={"side": LONG},
            view=xrp,
            asset="XRP",
            note="falling-depth",
        )
    )


@pytest.mark.parametrize(("seen_ns", "status", "note"), [(0, PASSED, "none seen"), (AT - 60 * SECOND_NS, FAILED, "")])
def test_a_squeeze_finding_names_source_and_ages_and_says_when_the_source_only_samples(
    seen_ns: int, status: Any, note: str
) -> None:
    for source, said in (("okx", note), ("okx:sampled", f"{note}, liquidations are only a sample".removeprefix(", "))):
        squeeze = Reading(seen_ns, source, AT - 2 * SECOND_NS, AT - SECOND_NS)
        (finding,) = found(
            check(Case(source, R.L2_FRESH_SQUEEZE, status, intent=SHORT_BTC, view={"squeeze": squeeze})),
            R.L2_FRESH_SQUEEZE,
        )
        assert (finding.source, finding.arrival_age_ns, finding.value_age_ns) == (source, SECOND_NS, 2 * SECOND_NS)
        assert finding.note == said
