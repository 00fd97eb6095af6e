"""The worked example: six cases of SPEC section 2, really decided by the gate with the limits of a config file.

In: settings. Out: each case with its decision, printed in the words of the original plan; `check_cases` tells the pre-flight how every
verdict compares with the one the specification states. A tightened config may refuse or cut more ("stricter"), never less ("looser").
The market facts are those of the plan; book and squeeze are constructed around them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from tidegate.cli.page import load_or_complain
from tidegate.config.load import Settings
from tidegate.gate.decide import decide
from tidegate.gate.reasons import sentence
from tidegate.model.decision import Decision, Verdict
from tidegate.model.finding import Finding, Reason, Status
from tidegate.model.intent import Intent, Mode, Principal, PrincipalKind
from tidegate.model.limits import Limits
from tidegate.model.observation import Side
from tidegate.model.session import Session
from tidegate.model.snapshot import AssetView, BookView, Reading, Snapshot
from tidegate.units import DAY_NS, HOUR_NS, SECOND_NS, Usd, fixed, render

STRATEGY = "BTC_range_scalp"
ASOF_NS = 1_760_875_200 * SECOND_NS  # 2025-10-19 12:00:00 UTC
SOURCE = "worked example"
PRICE_USD, SHORT_PCT, BINANCE_BPS, OKX_BPS, INTEREST_PCT, HEALTH = "108402", "56.2", "2.9", "-0.7", "2.98", "2.45"


class Outcome(StrEnum):
    """How a decision compares with the specification's."""

    AS_SPECIFIED = "as specified"
    STRICTER = "stricter than specified"
    LOOSER = "looser than specified"


@dataclass(frozen=True, slots=True)
class Case:
    """One question to the gate and the answer the specification states. `approved_usd` is 0 for a rejection."""

    title: str
    intent: Intent
    snapshot: Snapshot
    session: Session
    primary: Reason | None
    approved_usd: Usd

    def compare(self, decision: Decision) -> Outcome:
        """Say how a decision compares with the one the specification states."""
        if decision.verdict is Verdict.REJECTED:
            return Outcome.AS_SPECIFIED if decision.primary is self.primary else Outcome.STRICTER
        granted_usd = decision.approved_notional_usd
        if self.primary is not None or granted_usd > self.approved_usd:
            return Outcome.LOOSER
        same_stop = decision.order is not None and decision.order.stop_bps == self.intent.stop_bps
        return Outcome.AS_SPECIFIED if granted_usd == self.approved_usd and same_stop else Outcome.STRICTER


def cases(settings: Settings) -> tuple[Case, ...]:
    """Return the six cases."""
    limits = settings.limits(Mode.PAPER)
    calm = _snapshot(settings)
    fresh = Session(mode=Mode.PAPER, day=ASOF_NS // DAY_NS)
    long_25, short_25 = _intent(limits, Side.LONG, 25), _intent(limits, Side.SHORT, 25)
    return (
        Case("BTC long 25 USD, stop 28 bps", long_25, calm, fresh, None, fixed(25)),
        Case("the same as a short", short_25, calm, fresh, Reason.L2_SHORTS_CROWDED, 0),
        Case(
            "the same long with 500 USD", _intent(limits, Side.LONG, 500), calm, fresh, Reason.L1_NOTIONAL_TOO_LARGE, 0
        ),
        Case(
            "50 USD long, open interest +3.2 %",
            _intent(limits, Side.LONG, 50),
            _snapshot(settings, interest_pct="3.2"),
            fresh,
            None,
            fixed(40),
        ),
        Case(
            "Aave health factor 2.15",
            long_25,
            _snapshot(settings, health_factor="2.15"),
            fresh,
            Reason.L3_HEALTH_FACTOR_LOW,
            0,
        ),
        Case(
            "after two losses of 50 USD (a constructed session)",
            long_25,
            calm,
            _two_losses(fresh),
            Reason.L1_DAILY_LOSS,
            0,
        ),
    )


def check_cases(settings: Settings) -> tuple[tuple[Case, Decision, Outcome], ...]:
    """Decide every case and compare it with the specification."""
    limits = settings.limits(Mode.PAPER)
    decided = [(case, decide(case.intent, case.snapshot, case.session, limits)) for case in cases(settings)]
    return tuple((case, decision, case.compare(decision)) for case, decision in decided)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the worked example. Returns 0, or 1 when a case comes out looser than specified, or 2 for a config that is refused."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given:
        print(f"tidegate: got {given[0]!r}, allowed: no arguments", file=sys.stderr)
        return 2
    settings = load_or_complain(None)
    if settings is None:
        return 2
    checked = check_cases(settings)
    for number, (case, decision, outcome) in enumerate(checked, start=1):
        print(f"{number}. {case.title}: {outcome}")
        print("\n".join(f"   {line}" for line in told(case, decision, settings)))
        print()
    exact = sum(outcome is Outcome.AS_SPECIFIED for _, _, outcome in checked)
    print(f"{exact} of {len(checked)} cases decided as specified")
    return 1 if any(outcome is Outcome.LOOSER for _, _, outcome in checked) else 0


def told(case: Case, decision: Decision, settings: Settings) -> list[str]:
    """Return a decision in the words of the plan."""
    lines = [f"Approved: {decision.approved}", f"Reason: {_reason(decision)}"]
    if decision.order is not None:
        sized = decision.order
        lot = settings.instruments[sized.instrument_id].lot
        lines += [
            f"Size adjustment: {render(decision.size_multiplier, 2)}×",
            f"Adjusted notional: ${render(decision.approved_notional_usd, 2)}",
            f"Stop: {render(sized.stop_bps)} bps",
            f"Order: {sized.lots} lots of {render(lot)} {sized.asset} = ${render(sized.notional_usd, 2)} (rounded down, never up)",
        ]
    else:
        lines += [
            f"Also: {_sentence(finding)}"
            for finding in decision.findings
            if finding.rejects and finding.reason is not decision.primary
        ]
    lines += [f"Warning: {text}" for text in warnings(decision)]
    return lines + [f"{name}: {value}" for name, value in _stats(case)]


def warnings(decision: Decision) -> list[str]:
    """Return the warnings of an approved decision, in the plan's words where it has words for them."""
    spoken = (Status.WARNED, Status.ADJUSTED)
    return [_warning(finding) for finding in decision.findings if decision.approved and finding.status in spoken]


def _warning(finding: Finding) -> str:
    observed = finding.observed or 0
    if finding.reason is Reason.L2_FUNDING_DIVERGENCE:
        return f"Funding divergence detected: {'+' if observed >= 0 else ''}{render(observed, 2)} bps"
    if finding.reason is Reason.L3_HEALTH_FACTOR_LOW:
        return f"Aave HF {render(observed, 2)} close to minimum - proceed carefully"
    return _sentence(finding)


def _reason(decision: Decision) -> str:
    if decision.primary is None:
        return "All risk gates passed"
    finding = next(one for one in decision.findings if one.reason is decision.primary and one.rejects)
    return _sentence(finding)


def _sentence(finding: Finding) -> str:
    return f"{finding.reason}: {sentence(finding)}"


def _stats(case: Case) -> tuple[tuple[str, str], ...]:
    """Return the session's numbers under the plan's names."""
    session, view = case.session, case.snapshot.view
    health, interest = case.snapshot.health_factor, view.open_interest
    return (
        ("session_pnl_usd", _as_float(session.realised_day_usd)),
        ("consecutive_losses", str(session.loss_streak)),
        ("open_trades", str(session.open_count)),
        ("aave_health_factor", render(health.value) if isinstance(health, Reading) else "not configured"),
        ("oi_change_24h_pct", render(interest.value) if isinstance(interest, Reading) else "missing"),
    )


def _as_float(amount: int) -> str:
    """Write a whole number with one decimal, as the plan prints it: 0.0."""
    text = render(amount)
    return text if "." in text else f"{text}.0"


def _intent(limits: Limits, side: Side, notional_usd: int) -> Intent:
    rules = limits.strategies[STRATEGY]
    defaults = rules.sides[side]
    return Intent(
        intent_id="I-worked-example",
        received_ns=ASOF_NS,
        principal=Principal(PrincipalKind.OPERATOR, "worked example"),
        strategy=STRATEGY,
        instrument_id=limits.perpetuals()["BTC"],
        asset="BTC",
        side=side,
        notional_usd=fixed(notional_usd),
        mode=Mode.PAPER,
        stop_bps=fixed(28),
        targets_bps=defaults.targets_bps,
        hold_ns=rules.hold_ns,
    )


def _snapshot(settings: Settings, *, interest_pct: str = INTEREST_PCT, health_factor: str = HEALTH) -> Snapshot:
    """Return the market of the plan at one instant, every reading fresh, with a one-tick book around the price."""
    price = fixed(PRICE_USD)
    tick = settings.instruments[settings.limits(Mode.PAPER).perpetuals()["BTC"]].tick
    spread_bps = 2 * tick * 10_000 * fixed(1) // price
    depth_usd = fixed(1_000_000)
    book = BookView(
        price - tick, price + tick, spread_bps, depth_usd, depth_usd, depth_usd, False, SOURCE, ASOF_NS, ASOF_NS
    )
    view = AssetView(
        asset="BTC",
        price=_reading(price),
        book=book,
        positioning=_reading(fixed(SHORT_PCT)),
        positioning_kind=settings.document.assets["BTC"].positioning_kind,
        funding_a=_reading(fixed(BINANCE_BPS)),
        funding_b=_reading(fixed(OKX_BPS)),
        open_interest=_reading(fixed(interest_pct)),
        squeeze=_reading(0),
        priority_fee=_reading(0),
        tip_ratio=_reading(fixed(1)),
    )
    return Snapshot(asof_ns=ASOF_NS, view=view, marks={}, health_factor=_reading(fixed(health_factor)))


def _reading(value: int) -> Reading:
    return Reading(value, SOURCE, ASOF_NS, ASOF_NS)


def _two_losses(fresh: Session) -> Session:
    """Return a session that lost 50 USD twice today: one and two hours ago."""
    lost = tuple((ASOF_NS - hours * HOUR_NS, -fixed(50)) for hours in (2, 1))
    entries = {"entries_day": 2, "entries_by": {STRATEGY: 2}, "last_entry_ns": {STRATEGY: ASOF_NS - HOUR_NS}}
    return msgspec.structs.replace(
        fresh, realised_day_usd=-fixed(100), ledger_24h=lost, losses=2, loss_streak=2, **entries
    )
