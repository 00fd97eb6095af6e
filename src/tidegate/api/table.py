"""The table of contents of the API: every route, its level, its types, its examples and its errors, in the order of the documentation.

Routing, the guard's levels, the OpenAPI document and the matrix of the security tests are all read from here. INVARIANT: A2 A8
"""

from __future__ import annotations

from tidegate.api.door.admission import Level
from tidegate.api.endpoint import Endpoint
from tidegate.api.metrics import CONTENT_TYPE
from tidegate.api.routes import config as config_routes
from tidegate.api.routes import decisions as decision_routes
from tidegate.api.routes import examples
from tidegate.api.routes import operator as operator_routes
from tidegate.api.routes import reads as read_routes
from tidegate.api.routes import trade as trade_routes
from tidegate.api.routes.docs_page import docs_endpoints
from tidegate.api.routes.operator_page import OPERATOR_ENDPOINTS
from tidegate.api.wire import decisions as wire_decisions
from tidegate.api.wire import reads as wire_reads
from tidegate.api.wire import trade as wire_trade

_ID = {"id": wire_decisions.DECISION_ID}
_ASSET = {"asset": {"type": "string", "pattern": "^[A-Za-z0-9]{1,16}$", "examples": ["BTC"]}}
_KEY = {
    "Idempotency-Key": {
        "type": "string",
        "minLength": 1,
        "maxLength": wire_trade.KEY_CHARS_MAX,
        "pattern": "^[!-~]+$",
        "description": "The same as `client_request_id`; give one of the two.",
    }
}

_TRADE = (
    Endpoint(
        "POST", "/api/trade/execute", Level.PROPOSE, trade_routes.execute, wire_trade.ExecuteRequest, wire_trade.ExecuteAnswer,
        "Propose a trade",
        "The gate decides; the answer is durable before it leaves. 200: approved, and the entry is on its way; follow it by its `decision_id`. "
        "400: rejected, `detail.reason` and `detail.code` say why, `detail.findings` lists everything that failed. The same key gets the same "
        "answer for ever (header `Idempotent-Replayed: true`); with another body it is 409.",
        examples.EXECUTE, (409,), header_schemas=_KEY,
    ),
    Endpoint(
        "POST", "/api/trade/check", Level.READ, trade_routes.check, wire_trade.ExecuteRequest, wire_trade.CheckAnswer,
        "Ask the gate without trading", "Every finding of a dry run. Nothing is recorded, reserved or counted.", examples.CHECK,
        header_schemas=_KEY,
    ),
    Endpoint(
        "GET", "/api/envelope", Level.READ, decision_routes.allowed_now, answer=decision_routes.EnvelopeAnswer, query=decision_routes.EnvelopeQuery,
        summary="What is allowed now",
        description="Per strategy, instrument and side: the largest amount the gate would approve, the rule that binds above it (or refuses "
        "everything), and until when that holds if nothing new is heard.", errors=(400,),
    ),
    Endpoint(
        "GET", "/api/decisions", Level.READ, decision_routes.latest, answer=wire_decisions.DecisionsAnswer, query=wire_decisions.DecisionsQuery,
        summary="The latest decisions", description="Newest first; page on with `before`.",
    ),
    Endpoint(
        "GET", "/api/decisions/{id}", Level.READ, decision_routes.one, answer=wire_decisions.DecisionAnswer, path_schemas=_ID,
        summary="One decision and what became of it", description="The intent, every finding, the order, its fills, and the realised outcome.",
    ),
    Endpoint(
        "GET", "/api/decisions/{id}/explain", Level.READ, decision_routes.explained, answer=wire_decisions.ExplainAnswer, path_schemas=_ID,
        summary="One decision in words", description="What was asked, what was known, what the gate found, what became of it.",
    ),
)  # fmt: skip

_READING = (
    Endpoint("GET", "/api/health", Level.READ, read_routes.health, answer=wire_reads.HealthAnswer, summary="Is it well?",
             description="`healthy`, `degraded` (trades on, but a feed is stale, an asset is halted or the journal failed) or `halted`."),
    Endpoint("GET", "/api/strategy/performance", Level.READ, read_routes.performance, answer=wire_reads.PerformanceAnswer,
             summary="What every strategy has made", description="Closed trades of this journal, net of fees and funding."),
    Endpoint("GET", "/api/session", Level.READ, read_routes.session, answer=wire_reads.SessionAnswer, summary="The trading day",
             description="Limits with their distance, nearest first; halts with cause, since and who may lift; feeds with ages; verdicts."),
    Endpoint("GET", "/api/positions", Level.READ, read_routes.positions, answer=wire_reads.PositionsAnswer, summary="What is open"),
    Endpoint("GET", "/api/market/{asset}", Level.READ, read_routes.market, answer=wire_reads.MarketAnswer, path_schemas=_ASSET,
             summary="What is known about one asset", description="Every reading with source, arrival age and value age, or why it is missing."),
    Endpoint("GET", "/api/config", Level.READ, config_routes.config, answer=wire_reads.ConfigAnswer, summary="The limits in force",
             description="Read only: no route changes a limit. Addresses are masked."),
    Endpoint("GET", "/metrics", Level.READ, read_routes.metrics, summary="Meters for Prometheus", content_type=CONTENT_TYPE),
)  # fmt: skip

_OPERATING = (
    Endpoint("POST", "/api/dashboard/update", Level.PROPOSE, trade_routes.dashboard_update, wire_trade.DashboardUpdate,
             wire_trade.DashboardUpdated, "Show a message on the dashboards",
             "Passed on to `/ws/dashboard` labelled untrusted. It never changes P&L, limits or market facts.", examples.UPDATE),
    Endpoint("POST", "/api/halt", Level.OPERATE, operator_routes.halt, operator_routes.Order, operator_routes.Standing, "Refuse every entry",
             "Exits stay open. Anybody on this machine may halt a PAPER server; only a named human may lift.", examples.HALT, (400,), True),
    Endpoint("POST", "/api/flatten", Level.OPERATE, operator_routes.flatten, operator_routes.Order, operator_routes.Standing,
             "Close everything", "Halts, cancels everything, closes everything reduce-only, and repeats until the venue says flat.",
             examples.FLATTEN, (400,), True),
    Endpoint("POST", "/api/lift", Level.OPERATE, operator_routes.lift, operator_routes.LiftOrder, operator_routes.Standing,
             "End a halt", "A named human with a reason.", examples.LIFT),
    Endpoint("POST", "/api/review", Level.OPERATE, operator_routes.review, operator_routes.Order, operator_routes.Standing,
             "Record that the losses were reviewed", "Ends the two-loss pause, not the five-loss count.", examples.REVIEW),
    Endpoint("POST", "/api/strategies/start", Level.OPERATE, operator_routes.start_strategies, operator_routes.StartOrder,
             operator_routes.Standing, "Let the strategies trade", "`max_trades` can only tighten the day's entries.", examples.START),
    Endpoint("POST", "/api/strategies/stop", Level.OPERATE, operator_routes.stop_strategies, operator_routes.StopOrder,
             operator_routes.Standing, "Let the strategies propose nothing more",
             "Open trades keep their stops, targets and time limits.", examples.STOP),
)  # fmt: skip

ENDPOINTS: tuple[Endpoint, ...] = (*_TRADE, *_READING, *_OPERATING, *OPERATOR_ENDPOINTS, *docs_endpoints(lambda: ENDPOINTS))
