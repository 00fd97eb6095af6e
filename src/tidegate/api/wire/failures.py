"""Failures: which error of the house becomes which answer. The only place that knows both. INVARIANT: A6"""

from __future__ import annotations

from tidegate.api.errors import BAD_INPUT, BAD_SCHEMA, JOURNAL_FAULT, KEY_REUSED, SHUTTING_DOWN, ApiError
from tidegate.api.wire.values import FieldError
from tidegate.engine.idempotency import KeyReused
from tidegate.errors import InputError, InputErrors, JournalFault, NotAvailable, TidegateError


def api_error_of(error: TidegateError) -> ApiError:
    """Return the answer to an error that the engine or a reader raised on purpose."""
    match error:
        case ApiError():
            return error
        case KeyReused():
            return ApiError(KEY_REUSED, "this idempotency key was used before with another body; send that body again, or use a new key")
        case FieldError():
            return ApiError(BAD_SCHEMA, str(error), more={"problems": [str(error)]})
        case InputError() | InputErrors() | NotAvailable():
            return ApiError(BAD_INPUT, str(error))
        case JournalFault():
            reason = "the journal cannot be written, so nothing was accepted; entries stop until an operator restarts on a sound disk"
            return ApiError(JOURNAL_FAULT, reason)
        case _:
            return ApiError(SHUTTING_DOWN, f"the engine cannot answer: {error}")
