"""Worked examples of the API: what to send, and what comes back. A test sends each of them and compares the status."""

from __future__ import annotations

from tidegate.api.endpoint import Example

ARBITRAGE = {"strategy": "Cross-Exchange Arbitrage", "pair": "BTC/USD", "amount": 50, "mode": "paper"}
SIGNAL = {"strategy": "Agent Signal", "pair": "BTC/USDT", "amount": 25, "side": "long", "confidence": 0.85, "client_request_id": "signal-1"}

_APPROVED = {
    "trade_id": "DP11b308003",
    "status": "approved",
    "profit": 0.0,
    "profit_final": False,
    "execution_time": 0.004,
    "timestamp": "2025-10-19T12:00:59.000Z",
    "validation_warnings": ["funding divergence detected: +3.60 bps", "Aave HF 2.45 close to minimum - proceed carefully"],
    "risk_adjustments": {"original_amount": 25, "adjusted_amount": 25, "order_amount": 21.68, "size_multiplier": 1, "stop_loss_bps": 28},
    "decision_id": "DP11b308003",
    "findings": [],
}
_REJECTED = {
    "detail": {
        "error": "Trade rejected by risk gate",
        "reason": "Notional 500.00 USD is more than 415.00 USD",
        "code": "L1_NOTIONAL_TOO_LARGE",
        "retryable": False,
        "warnings": [],
        "findings": [],
        "decision_id": "DP11b308005",
        "timestamp": "2025-10-19T12:00:59.000Z",
    }
}

EXECUTE = (
    Example("Two-leg arbitrage", ARBITRAGE),
    Example("An agent's signal", SIGNAL, answer=_APPROVED),
    Example("Too large", {**SIGNAL, "amount": 500, "client_request_id": "signal-2"}, 400, _REJECTED),
    Example("Not confident enough", {**SIGNAL, "confidence": 0.7, "client_request_id": "signal-3"}, 400),
    Example("A misspelt field", {**SIGNAL, "ammount": 25, "client_request_id": "signal-4"}, 422),
)
CHECK = (Example("Would a short be allowed?", {"strategy": "Agent Signal", "pair": "BTC/USD", "amount": 25, "side": "short"}),)
UPDATE = (Example("A note for the dashboards", {"event": "agent_note", "data": {"text": "waiting for the lower band"}}),)
HALT = (Example("Stop entering", {"reason": "going to lunch", "by": "Ada"}),)
FLATTEN = (Example("Close everything", {"reason": "leaving for the night", "by": "Ada"}),)
LIFT = (Example("Nothing to lift", {"cause": "L4_LOSSES", "reason": "looked at the losses"}, 400),)
REVIEW = (Example("Losses looked at", {"reason": "both stops were right"}),)
START = (Example("At most three entries", {"max_trades": 3}), Example("As configured", {}))
STOP = (Example("Propose nothing more", {}),)
