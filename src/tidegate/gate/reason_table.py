"""The table of reason codes: what each means, in which unit it speaks, what happens at the limit itself, and how to get out of it.

In: nothing. Out: `ROWS`, one a Reason, in order of precedence. `reasons.py` renders findings with it; `docs/reference/reasons.md` is made
from it. Codes are never reused and never renamed.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from tidegate.model.finding import Reason


class Unit(Enum):
    """How a finding's numbers are written. `places` is the number of decimals, -1 for as many as needed."""

    NONE = ("", -1)
    USD = (" USD", 2)
    BPS = (" bps", 2)
    PCT = (" %", 2)
    RATIO = ("", 2)
    COUNT = ("", 0)
    SECONDS = (" s", 1)

    @property
    def suffix(self) -> str:
        """Return what stands after the number."""
        return self.value[0]

    @property
    def places(self) -> int:
        """Return the number of decimals."""
        return self.value[1]


class Row(NamedTuple):
    """One reason. `fails` is the operator's sentence with {observed}, {limit} and {note}; `equal` what happens at the limit itself."""

    reason: Reason
    unit: Unit
    rule: str
    equal: str
    fails: str
    fix: str

    @property
    def layer(self) -> int:
        """Return the gate's layer, 1 to 4."""
        return int(self.reason[1])


ROWS: tuple[Row, ...] = (
    Row(
        Reason.L1_DISABLED,
        Unit.NONE,
        "trading is disabled, or the intent, session, strategy or agent does not belong to this process's mode",
        "–",
        "Trading is not enabled for this: {note}",
        "send the mode this process runs in, or start a process of the mode you want; ceilings are raised by `tidegate promote`",
    ),
    Row(
        Reason.L1_INSTRUMENT_UNKNOWN,
        Unit.NONE,
        "the instrument is not on the whitelist; of a pair: two listed spot instruments at two configured venues",
        "–",
        "Instrument {note} is not on the whitelist",
        "name a pair of a configured asset; `tidegate show-config` lists them",
    ),
    Row(
        Reason.L1_COLD_WALLET,
        Unit.NONE,
        "the intent names a cold-storage (Ledger) address",
        "–",
        "The intent touches cold storage: {note}",
        "leave cold addresses out; there is no override anywhere",
    ),
    Row(
        Reason.L1_NOTIONAL_TOO_LARGE,
        Unit.USD,
        "notional > 415 USD (25 % of the hot wallet)",
        "passes",
        "Notional {observed} is more than {limit}",
        "ask for at most the limit",
    ),
    Row(
        Reason.L1_NOTIONAL_TOO_SMALL,
        Unit.USD,
        "the (sized) order floors to zero lots or is under the venue's minimum; nothing is ever rounded up",
        "passes",
        "Notional {observed} buys no order: the smallest is {limit}",
        "ask for at least the smallest order, and for more when a guard cuts size",
    ),
    Row(
        Reason.L1_STOP_MISSING,
        Unit.NONE,
        "no stop after the defaults of the strategy were applied",
        "–",
        "There is no stop",
        "state `stop_bps`, or give the strategy a default",
    ),
    Row(
        Reason.L1_STOP_TOO_WIDE,
        Unit.BPS,
        "stop > 500 bps (5 %), also after widening",
        "passes",
        "Stop {observed} is wider than {limit}",
        "ask for a nearer stop",
    ),
    Row(
        Reason.L1_DAILY_LOSS,
        Unit.USD,
        "P&L of the UTC day or of the last 24 h (the worse), realised + unrealised, net of fees and funding, <= -100 USD",
        "fails",
        "P&L {observed} has reached the daily loss limit {limit}",
        "wait: the day's P&L restarts at 00:00 UTC, the other one as its losses become 24 h old",
    ),
    Row(
        Reason.L1_LOSS_AT_RISK,
        Unit.USD,
        "stop risk of all open and reserved trades + this order's (fees included) > the smaller of daily room and drawdown room",
        "passes",
        "If every stop were hit {observed} would be lost, and only {limit} may be",
        "ask for less or a nearer stop, or wait until open trades close",
    ),
    Row(
        Reason.L1_TOO_MANY_OPEN,
        Unit.COUNT,
        "open + reserved trades >= 3",
        "fails",
        "{observed} trades are open or under way, at most {limit} may be",
        "wait until one closes",
    ),
    Row(
        Reason.L1_EXPOSURE,
        Unit.USD,
        "open (at mark) + reserved + this order (both legs of a pair) > cap (PAPER and LIVE 1,245 USD, TEST 100 USD)",
        "passes",
        "Exposure would be {observed}, at most {limit} is allowed",
        "ask for less, or wait until open trades close",
    ),
    Row(
        Reason.L1_TEST_TRADES,
        Unit.COUNT,
        "TEST mode: trades this session >= 3",
        "fails",
        "{observed} of {limit} test trades are used",
        "the next session starts at 00:00 UTC",
    ),
    Row(
        Reason.L1_PRICE_COLLAR,
        Unit.BPS,
        "limit price further than 50 bps from the fresh reference price",
        "passes",
        "Limit price is {observed} from the reference price, at most {limit} is allowed",
        "send a limit price near the market, or none",
    ),
    Row(
        Reason.L1_OPPOSITE_SIDE,
        Unit.NONE,
        "a trade or entry of the opposite side is open on the instrument",
        "–",
        "The opposite side is open on this instrument: {note}",
        "close it first, or wait until it closes",
    ),
    Row(
        Reason.L1_DUPLICATE,
        Unit.SECONDS,
        "same principal, instrument, side and notional within 2 s without an idempotency key",
        "fails",
        "The same intent came {observed} ago, within {limit}",
        "send an idempotency key with each intent, the same one when you repeat it",
    ),
    Row(
        Reason.L1_RATE,
        Unit.COUNT,
        "more than 5 intents in a second or 60 in a minute from one principal",
        "passes",
        "{observed} {note}, at most {limit}",
        "send fewer intents",
    ),
    Row(
        Reason.L2_SHORTS_CROWDED,
        Unit.PCT,
        "short, and the short share > BTC 54, ETH 54, SOL 53, XRP 53 %",
        "passes",
        "Shorts are crowded: {observed} short, at most {limit} ({note})",
        "wait for the crowd to thin, or trade the other way",
    ),
    Row(
        Reason.L2_FUNDING_DIVERGENCE,
        Unit.BPS,
        "short, and funding at the first venue less the second (Binance - OKX, per 8 h) > 0.25 bps; longs are warned",
        "passes",
        "Funding divergence {observed} is over {limit}: long bias only",
        "wait until the two venues' funding meets, or trade long",
    ),
    Row(
        Reason.L2_OI_SPIKE,
        Unit.PCT,
        "24 h open-interest change, in coins, > +3 %: size x 0.80 and a warning",
        "no cut",
        "Open interest {observed} in 24 h is over {limit}",
        "nothing to do: the order is smaller until open interest settles",
    ),
    Row(
        Reason.L2_FRESH_SQUEEZE,
        Unit.SECONDS,
        "short within 3,600 s of a short squeeze (rise and liquidations together, thresholds per asset)",
        "fails",
        "A short squeeze was {observed} ago, shorts wait {limit}, {note}",
        "wait, or trade long",
    ),
    Row(
        Reason.L2_STRATEGY_GUARD,
        Unit.NONE,
        "a guard of the intent's own strategy fails, cuts size or widens the stop",
        "as written in the strategy",
        "The strategy's own guard refuses: {note} {observed}, limit {limit}",
        "wait until the guard's condition passes",
    ),
    Row(
        Reason.L2_CONFIDENCE,
        Unit.RATIO,
        "the agent stated a confidence < 0.80",
        "passes",
        "Confidence {observed} is under {limit}",
        "send only what you are sure of",
    ),
    Row(
        Reason.L3_HEALTH_FACTOR_LOW,
        Unit.RATIO,
        "Aave health factor < 2.20; under 2.50 a warning",
        "passes",
        "Aave HF {observed} is under {limit}",
        "repay debt or add collateral on Aave",
    ),
    Row(
        Reason.L3_DAILY_TRADE_CAP,
        Unit.COUNT,
        "entries this UTC day >= 6, or the strategy's or agent's own maximum reached or cooldown not over",
        "fails (cooldown: passes)",
        "{observed} of {limit} entries are used today ({note})",
        "the next UTC day starts the count again",
    ),
    Row(
        Reason.L3_LOSS_STREAK,
        Unit.COUNT,
        "losing trades in a row (account) since the last win or review >= 2",
        "fails",
        "{observed} losing trades in a row, the pause comes at {limit}",
        "review the losses: `tidegate review`",
    ),
    Row(
        Reason.L3_FEED_STALE,
        Unit.SECONDS,
        "a needed feed's arrival age > its limit (price, book 5 s; fees 30 s; positioning, OI, HF 120 s; funding 300 s) or its value age"
        " > one publication period + 120 s; a conversion rate: either age > 30 s",
        "passes",
        "A needed feed is too old: {note} ({observed}, limit {limit})",
        "look at the feed: `tidegate doctor`",
    ),
    Row(
        Reason.L3_SPREAD_WIDE,
        Unit.BPS,
        "spread > 5 bps (per asset)",
        "passes",
        "Spread {observed} is wider than {limit}",
        "wait for a narrower spread",
    ),
    Row(
        Reason.L3_COSTS_EXCEED_TARGET,
        Unit.BPS,
        "first target less round-trip taker fees less spread <= 0 bps; of a pair: net edge after both venues' taker fees"
        " <= 12.5 bps (Coinbase-OKX 20), at the better direction",
        "fails",
        "The first target nets {observed} after fees and spread, it must be more than {limit}",
        "set a further first target, or trade where fees are lower; of a pair: wait until the venues' prices part further",
    ),
    Row(
        Reason.L4_HALTED,
        Unit.NONE,
        "a halt is latched, or a flatten is under way",
        "–",
        "Entries are halted: {note}",
        "a named operator lifts a halt: `tidegate lift`; feed-outage and clock halts lift themselves after 60 s of good input",
    ),
    Row(
        Reason.L4_SESSION_DRAWDOWN,
        Unit.USD,
        "drawdown of marked session equity from its peak >= 1.2 % of capital (19.92 USD on 1,660)",
        "fails",
        "Session drawdown {observed} has reached {limit}",
        "a named operator lifts it after a review: `tidegate lift`; that re-bases the peak",
    ),
    Row(
        Reason.L4_LOSSES,
        Unit.COUNT,
        "losing trades in the session >= 5 (wins do not reset it)",
        "fails",
        "{observed} losing trades this session, the limit is {limit}",
        "a named operator lifts it after a review: `tidegate lift`; that re-bases the count",
    ),
    Row(
        Reason.L4_HEALTH_FACTOR_CRITICAL,
        Unit.RATIO,
        "Aave health factor < 2.00",
        "passes",
        "Aave HF {observed} is under the critical {limit}",
        "repay debt or add collateral on Aave, then lift: `tidegate lift`",
    ),
    Row(
        Reason.L4_FEED_OUTAGE,
        Unit.NONE,
        "a mandatory feed (positioning, funding, HF if configured; fees for SOL fade) has been stale for > 600 s",
        "passes",
        "A mandatory feed is out: {note}",
        "it lifts itself after 60 s of fresh input",
    ),
    Row(
        Reason.L4_RECONCILE,
        Unit.NONE,
        "an unexplained venue position or order",
        "–",
        "Venue and journal differ: {note}",
        "explain or close what the venue has, then lift: `tidegate lift`",
    ),
    Row(
        Reason.L4_JOURNAL,
        Unit.NONE,
        "a journal write or sync failed",
        "–",
        "The journal cannot be trusted: {note}",
        "free or replace the disk, verify the journal (`tidegate journal`), then lift: `tidegate lift`",
    ),
    Row(
        Reason.L4_CLOCK,
        Unit.NONE,
        "clock step > 250 ms, or venue skew > 1 s",
        "passes",
        "The clock cannot be trusted: {note}",
        "it lifts itself after 60 s of a steady clock",
    ),
    Row(
        Reason.L4_OPERATOR,
        Unit.NONE,
        "the operator pressed halt or flatten",
        "–",
        "The operator halted: {note}",
        "a named operator lifts it: `tidegate lift`",
    ),
)
