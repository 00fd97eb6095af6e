"""Client order ids: a function of decision id, role and generation, and of nothing else, so that a restart makes the same ones. INVARIANT: X2

In: a decision id (`D` and up to 20 letters and digits), a role, a generation counting from 0. Out: `<decision id><two-letter role>G<generation>`,
letters and digits only, at most 32 of them (OKX's bound, the tightest): `D19a3f2` + stop, first try = `D19a3f2STG0`.
"""

from __future__ import annotations

import msgspec

from tidegate.errors import InputError
from tidegate.model.order import OrderRole

ID_LENGTH_MAX = 32
_CODES = (
    (OrderRole.ENTRY, "EN"),
    (OrderRole.HEDGE, "HE"),
    (OrderRole.STOP, "ST"),
    (OrderRole.TARGET_1, "T1"),
    (OrderRole.TARGET_2, "T2"),
    (OrderRole.TARGET_3, "T3"),
    (OrderRole.TIME, "TI"),
    (OrderRole.INVALIDATED, "IN"),
    (OrderRole.FLATTEN, "FL"),
    (OrderRole.OPERATOR, "OP"),
    (OrderRole.UNWIND, "UN"),
)


class OrderName(msgspec.Struct, frozen=True, gc=False):
    """What a client order id says."""

    decision_id: str
    role: OrderRole
    generation: int


def client_order_id(decision_id: str, role: OrderRole, generation: int) -> str:
    """Return the id. Raises InputError when it would be longer than 32 or hold anything but ASCII letters and digits."""
    text = f"{decision_id}{_code_of(role)}G{generation}"
    if generation < 0 or len(text) > ID_LENGTH_MAX or not (text.isascii() and text.isalnum()):
        raise InputError("client order id", text, f"at most {ID_LENGTH_MAX} ASCII letters and digits, generation >= 0")
    return text


def name_of(order_id: str) -> OrderName | None:
    """Read a client order id back; None when it is not one of ours."""
    head, mark, digits = order_id.rpartition("G")
    if not mark or not (digits.isascii() and digits.isdigit()) or str(int(digits[:ID_LENGTH_MAX])) != digits:
        return None
    for role, code in _CODES:
        decision_id = head.removesuffix(code)
        if decision_id != head and decision_id.startswith("D"):
            return OrderName(decision_id, role, int(digits))
    return None


def _code_of(role: OrderRole) -> str:
    for known, code in _CODES:
        if known is role:
            return code
    raise InputError("role", role, "a role with a code in orders.ids")
