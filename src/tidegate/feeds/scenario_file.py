"""Scenario files: a market written down as a few legible acts. JSON with comment lines in, a checked `Script` out.

Times in a file are `HH:MM:SS` after its start. A fact is named like a feed: `positioning/BTC`, `funding.okx/BTC`, `health_factor`,
`rate/USDT` (USD for one); in outages also `book/BTC`, `price/BTC` (trades) and `liquidations/BTC`, with `*` for every asset.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec
import rapidjson

from tidegate.errors import InputError
from tidegate.model.observation import Channel, Side
from tidegate.units import SECOND_NS, Nanoseconds, parse

BUILT_IN = ("seed-day", "open-market", "crash")
CURRENCIES = ("USDT", "USDC")
Fact = tuple[Channel, str, str]

_CLOCK = re.compile(r"(\d{1,3}):([0-5]\d):([0-5]\d)")
_COMMENT_LINE = re.compile(r"^\s*//.*$", re.MULTILINE)  # rapidjson reads comments only where it reads numbers as floats
_FACT = re.compile(r"([a-z_]+)(?:\.([a-z]+))?(?:/([A-Z]+|\*))?")
_SILENT_ONLY = (Channel.BOOK, Channel.PRICE, Channel.LIQUIDATIONS)
_SECONDS_MAX = 30 * 86_400


class Move(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="act", tag="move"):
    """The price of an asset goes in a straight line to `to`; `taker` says who pays the spread meanwhile."""

    at: str
    asset: str
    to: Decimal
    over: str
    taker: Literal["buy", "sell", "mixed"] = "mixed"


class Change(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="act", tag="set"):
    """A fact takes a new value, at once or in a straight line `over` a time."""

    at: str
    what: str
    to: Decimal
    over: str = "00:00:00"


class Outage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="act", tag="outage"):
    """Feeds fall silent for a while."""

    at: str
    what: tuple[str, ...]
    lasts: str


class Thin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="act", tag="thin"):
    """A book keeps only a share `depth` of its usual depth, and may widen to `spread_ticks`."""

    at: str
    asset: str
    lasts: str
    depth: Decimal
    spread_ticks: int = 0


class Liquidations(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="act", tag="liquidate"):
    """Positions of one side are closed by force: `usd` in all, spread evenly `over` a time."""

    at: str
    asset: str
    side: Side
    usd: Decimal
    over: str


class Premium(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="act", tag="premium"):
    """A spot market trades `bps` over the perpetual for a while; `every` repeats the act for ever, and a premium as long never ends."""

    at: str
    spot: str
    bps: Decimal
    lasts: str
    every: str = ""


Act = Move | Change | Outage | Thin | Liquidations | Premium


class AssetScript(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How one perpetual trades: noise around its path in bps a second, pulled back within `settle`; book and trade sizes in USD."""

    price: Decimal
    tick: Decimal
    noise_bps: Decimal
    level_usd: Decimal
    print_usd: Decimal
    settle: str = "00:00:30"
    spread_ticks: int = 1


class SpotScript(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A spot market: it follows the perpetual of its asset at a premium that wanders by `noise_bps`."""

    asset: str
    tick: Decimal
    noise_bps: Decimal
    level_usd: Decimal
    spread_ticks: int = 1


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole scenario. `duration` is `endless` or a time."""

    name: str
    about: str
    start: str
    duration: str
    assets: dict[str, AssetScript]
    opening: dict[str, Decimal]
    spots: dict[str, SpotScript] = {}
    acts: tuple[Act, ...] = ()

    @property
    def start_ns(self) -> Nanoseconds:
        """Return the start in ns since the epoch."""
        return int(datetime.fromisoformat(self.start).timestamp()) * SECOND_NS

    @property
    def seconds(self) -> int | None:
        """Return the length in seconds, None for an endless one."""
        return None if self.duration == "endless" else seconds_of(self.duration)


def load(name_or_path: str | Path) -> Script:
    """Read a built-in scenario by name, or a file by path. Raises InputError that names the file and the place in it."""
    text, place = _text(name_or_path)
    try:
        tree = _Reader(number_mode=rapidjson.NM_DECIMAL)(_COMMENT_LINE.sub("", text))
        script = msgspec.convert(tree, Script)
    except rapidjson.JSONDecodeError as error:
        raise InputError(place, str(error), "JSON, with comments on lines of their own") from None
    except msgspec.ValidationError as error:
        raise InputError(place, str(error), "a scenario as in the built-in ones") from None
    _check(script, place)
    return script


def seconds_of(text: str) -> int:
    """Parse `HH:MM:SS` into seconds. Raises InputError."""
    match = _CLOCK.fullmatch(text)
    seconds = int(match[1]) * 3_600 + int(match[2]) * 60 + int(match[3]) if match else -1
    if not 0 <= seconds <= _SECONDS_MAX:
        raise InputError("time", text, "HH:MM:SS after the start, within 30 days")
    return seconds


def fact_of(text: str) -> Fact:
    """Parse `channel[.venue][/ASSET]` into (channel, asset, venue). Raises InputError."""
    match = _FACT.fullmatch(text)
    if match is None or match[1] not in list(Channel):
        raise InputError("fact", text, f"channel[.venue][/ASSET] with a channel of {', '.join(Channel)}")
    return Channel(match[1]), match[3] or "", match[2] or ""


def concerns(fact: Fact, assets: Collection[str]) -> bool:
    """Say whether a fact is about one of these assets, the whole account, or a currency that spot markets are quoted in."""
    channel, subject, _ = fact
    return subject in CURRENCIES if channel is Channel.RATE else subject == "" or subject in assets


def fixed_of(number: Decimal) -> int:
    """Convert a number of the file into fixed-point, exactly. Raises InputError."""
    return parse(format(number, "f"))


def _text(name_or_path: str | Path) -> tuple[str, str]:
    if str(name_or_path) in BUILT_IN:
        return (files("tidegate.feeds") / "scenarios" / f"{name_or_path}.json").read_text(
            "utf-8"
        ), f"scenario {name_or_path}"
    path = Path(name_or_path)
    try:
        return path.read_text("utf-8"), str(path)
    except (OSError, UnicodeDecodeError) as error:
        allowed = f"one of {', '.join(BUILT_IN)}, or the path of a readable scenario file"
        raise InputError("scenario", str(name_or_path), allowed, str(error)) from None


class _Reader(rapidjson.Decoder):
    """Reads JSON and refuses a key that is given twice."""

    def start_object(self) -> list[tuple[str, object]]:
        """Collect an object's members as pairs."""
        return []

    def end_object(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        """Return the object. Raises InputError on a repeated key."""
        found = dict(pairs)
        if len(found) != len(pairs):
            keys = [key for key, _ in pairs]
            raise InputError("scenario key", next(key for key in keys if keys.count(key) > 1), "each key once")
        return found


def _check(script: Script, place: str) -> None:
    """Check what types cannot say. Raises InputError that names file and act."""
    try:
        if script.start_ns <= 0 or datetime.fromisoformat(script.start).tzinfo is None:
            raise InputError("start", script.start, "a time with its offset, such as 2025-10-19T12:00:00Z")
        _check_length(script)
        for name, number in script.opening.items():
            fact = fact_of(name)
            fixed_of(number)
            if fact[0] in _SILENT_ONLY or not concerns(fact, script.assets):
                allowed = f"a slow fact about an asset of this scenario, or the rate of {' or '.join(CURRENCIES)}"
                raise InputError(f"opening.{name}", name, allowed)
    except ValueError:
        raise InputError(f"{place}, start", script.start, "a time such as 2025-10-19T12:00:00Z") from None
    except InputError as error:
        raise InputError(f"{place}, {error.path}", error.given, error.allowed, error.fix) from None
    for index, act in enumerate(script.acts):
        try:
            _check_act(act, script)
        except InputError as error:
            raise InputError(f"{place}, acts[{index}] ({error.path})", error.given, error.allowed, error.fix) from None


def _check_length(script: Script) -> None:
    if script.seconds == 0 or not script.assets:
        raise InputError("duration", script.duration, "a time > 00:00:00 or endless, and at least one asset")
    for name, asset in script.assets.items():
        if (
            min(asset.price, asset.tick, asset.level_usd, asset.print_usd) <= 0
            or asset.noise_bps < 0
            or asset.spread_ticks < 1
        ):
            raise InputError(
                f"assets.{name}", msgspec.json.encode(asset).decode(), "prices, sizes and ticks > 0, noise >= 0"
            )
        if seconds_of(asset.settle) < 1:
            raise InputError(f"assets.{name}.settle", asset.settle, "at least one second")
    for name, spot in script.spots.items():
        if spot.asset not in script.assets or min(spot.tick, spot.level_usd) <= 0 or spot.spread_ticks < 1:
            raise InputError(
                f"spots.{name}", spot.asset, "a spot market of an asset of this scenario, sizes and ticks > 0"
            )


def _check_act(act: Act, script: Script) -> None:
    seconds_of(act.at)
    match act:
        case Move() | Thin() | Liquidations():
            if act.asset not in script.assets:
                raise InputError("asset", act.asset, f"one of {', '.join(script.assets)}")
            if isinstance(act, Move) and (act.to <= 0 or seconds_of(act.over) < 1):
                raise InputError("move", str(act.to), "a price > 0 and a time >= 00:00:01")
            if isinstance(act, Liquidations) and (act.usd <= 0 or seconds_of(act.over) < 1):
                raise InputError("liquidate", str(act.usd), "a notional > 0 and a time >= 00:00:01")
            if isinstance(act, Thin) and (act.depth <= 0 or seconds_of(act.lasts) < 1):
                raise InputError("thin", str(act.depth), "a depth > 0 and a time >= 00:00:01")
        case Change():
            if act.what not in script.opening:
                raise InputError("what", act.what, "a fact named in opening")
            fixed_of(act.to)
            seconds_of(act.over)
        case Outage():
            for name in act.what:
                fact_of(name)
            seconds_of(act.lasts)
        case Premium():
            if act.spot not in script.spots:
                raise InputError("spot", act.spot, f"one of {', '.join(script.spots)}")
            if seconds_of(act.lasts) < 1 or (act.every and seconds_of(act.every) < seconds_of(act.lasts)):
                raise InputError("premium", act.lasts, "a time >= 00:00:01, at most `every`")
