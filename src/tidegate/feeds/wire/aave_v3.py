"""Aave v3 health factor from raw `eth_call` answers: no library, no key, nothing that could sign. Source: apis.md section 10; SPEC section 2.

An unknown, empty or mistyped address answers like a perfectly healthy account (trap 22), and so does one that moved to v4: without
collateral the health factor is unknown, never safe. The time of a reading is its block's, so that a stuck node goes stale.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

import msgspec

from tidegate.errors import InputError
from tidegate.feeds.wire.fields import Raw, observed, row, time_s
from tidegate.feeds.wire.json_rpc import result
from tidegate.feeds.wire.outcome import Garbage, NotEnough, Outcome, Refused, never_raises
from tidegate.feeds.wire.parsed import Answer
from tidegate.feeds.wire.refusals import ETHEREUM
from tidegate.model.observation import Channel, Observation
from tidegate.units import ONE, SECOND_NS, Nanoseconds, Ratio

USER_ACCOUNT_DATA = "0xbf92857c"
GET_POOL = "0x026b1d5f"
BLOCK_NS = 12 * SECOND_NS
NO_DEBT_RATIO: Ratio = 1_000_000 * ONE
"""What stands for the health factor of an account with collateral and no debt, which the pool reports as 2^256-1."""

_WORD_DIGITS = 64
_WORDS = 6
_NO_DEBT = 2**256 - 1
_WAD_PER_QUANTUM = 10**10
_BPS = 10_000
_CONSISTENT_WITHIN_BPS = 50
_AGREE_WITHIN_BPS = 100


class AaveAccount(msgspec.Struct, frozen=True, gc=False):
    """One address in one market: `market` is our name of it (`ethereum`), `pool` and `user` are 0x-addresses."""

    market: str
    chain_id: int
    pool: str
    user: str


class Block(msgspec.Struct, frozen=True, gc=False):
    """The block at which a read was asked for: its number as the RPC spells it, and its time."""

    number: str
    at_ns: Nanoseconds


def account_call(user: str) -> str:
    """Return the call data of `getUserAccountData(user)`. Raises InputError unless it is a 20-byte address that is not zero."""
    digits = user.removeprefix("0x").lower()
    if not user.startswith("0x") or len(digits) != 40 or not _is_hex(digits) or not digits.strip("0"):
        raise InputError("aave address", user, "0x and 40 hexadecimal digits, not all zero")
    return USER_ACCOUNT_DATA + digits.rjust(_WORD_DIGITS, "0")


@never_raises
def block(raw: Raw) -> Block | Outcome:
    """Read `eth_getBlockByNumber`: the block to read at, by its number, and its time."""
    found = result(raw, ETHEREUM)
    if isinstance(found, Outcome):
        return found
    header = row(found, "block")
    number = header.get("number")
    _hex(number, "number")
    return Block(str(number), time_s(_hex(header.get("timestamp"), "timestamp"), "timestamp"))


@never_raises
def health_factor(raw: Raw, account: AaveAccount, at: Block, received_ns: Nanoseconds) -> Answer:
    """Read `getUserAccountData` at a block: the health factor, rounded down.

    Garbage when it contradicts collateral x threshold / debt by more than 0.5 % (another contract, a truncated answer). Incomplete
    without collateral: wrong address, moved to v4, or nothing there (then say `aave: null`).
    """
    found = result(raw, ETHEREUM)
    if isinstance(found, Outcome):
        return found
    collateral, debt, _, threshold_bps, _, factor = _words(found)
    if collateral == 0:
        raise NotEnough("aave account", account.user, "no collateral in this market: check the address and the market")
    if threshold_bps > _BPS:
        raise InputError("liquidation threshold", threshold_bps, "at most 10000 bps")
    ratio, source = _ratio(collateral, debt, threshold_bps, factor), f"aave:{account.market}"
    at_ns = observed(at.at_ns, received_ns, "block time")
    named = (Channel.HEALTH_FACTOR, "", account.market, ratio, source)
    return (Observation(*named, at_ns, received_ns, BLOCK_NS),)


@never_raises
def on_chain(raw: Raw, account: AaveAccount) -> Answer:
    """Read `eth_chainId`: `()` when it is the account's chain, Refused otherwise."""
    found = result(raw, ETHEREUM)
    if isinstance(found, Outcome):
        return found
    chain_id = _hex(found, "chainId")
    return () if chain_id == account.chain_id else Refused(f"the RPC is on chain {chain_id}, not {account.chain_id}")


@never_raises
def pool_listed(raw: Raw, account: AaveAccount) -> Answer:
    """Read the address provider's `getPool()`: `()` when it is the account's pool, Refused otherwise."""
    found = result(raw, ETHEREUM)
    if isinstance(found, Outcome):
        return found
    listed = _hex(found, "getPool")
    return () if listed == _hex(account.pool, "pool") else Refused("the pool is not the one that the market lists")


def lowest(readings: Sequence[Observation]) -> Observation:
    """Return the lowest of several accounts' readings, as old as the oldest of them. Raises ValueError without any."""
    weakest = min(readings, key=attrgetter("value"))
    oldest_ns = min(reading.observed_ns for reading in readings)
    received_ns = min(reading.received_ns for reading in readings)
    return msgspec.structs.replace(weakest, observed_ns=oldest_ns, received_ns=received_ns)


def agreed(first: Observation, second: Observation) -> Observation | Garbage:
    """Return the lower of two RPCs' readings of one account, or Garbage when they differ by more than 1 %."""
    low, high = sorted((first, second), key=attrgetter("value"))
    if (high.value - low.value) * _BPS > low.value * _AGREE_WITHIN_BPS:
        return Garbage("health factor: two RPCs disagree", f"{low.value} and {high.value}")
    return lowest((low, high))


def _ratio(collateral: int, debt: int, threshold_bps: int, factor: int) -> Ratio:
    if debt == 0:
        if factor != _NO_DEBT:
            raise InputError("health factor", factor, "2^256-1 while there is no debt")
        return NO_DEBT_RATIO
    implied = collateral * threshold_bps * 10**18 // (debt * _BPS)
    if abs(implied - factor) * _BPS > implied * _CONSISTENT_WITHIN_BPS + _BPS:
        raise InputError("health factor", factor, "collateral x threshold / debt of the same answer")
    return min(factor // _WAD_PER_QUANTUM, NO_DEBT_RATIO)


def _words(value: object) -> tuple[int, ...]:
    """Split the answer into six 256-bit words. Another length is another contract (v4 answers with seven)."""
    digits = value.removeprefix("0x") if type(value) is str else ""
    if len(digits) != _WORDS * _WORD_DIGITS or not _is_hex(digits):
        raise InputError("result", value, "six 256-bit words in hexadecimal")
    return tuple(int(digits[at : at + _WORD_DIGITS], 16) for at in range(0, len(digits), _WORD_DIGITS))


def _hex(value: object, name: str) -> int:
    digits = value.removeprefix("0x") if type(value) is str and value.startswith("0x") else ""
    if not digits or len(digits) > _WORD_DIGITS or not _is_hex(digits):
        raise InputError(name, value, "a hexadecimal number")
    return int(digits, 16)


def _is_hex(digits: str) -> bool:
    return all(digit in "0123456789abcdefABCDEF" for digit in digits)
