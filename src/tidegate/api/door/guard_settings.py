"""Where the server listens and whom it lets in: the guard's settings, and the reasons not to start with them. INVARIANT: A1

In: the bind address, the mode, the flags. Out: settings, or every problem at once, each with its fix.
"""

from __future__ import annotations

import ipaddress
from typing import Final

import msgspec

from tidegate.api.door.tokens import TokenStore
from tidegate.model.intent import Mode

REQUESTS_PER_S_MAX: Final = 20
LOOPBACK_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
_CREATE: Final = "create one with: tidegate token create NAME --level read|propose|operate"


class GuardSettings(msgspec.Struct, frozen=True):
    """What the guard must know about this server.

    `port` is the one really bound. `hosts` are names, with a port where it is not the usual one, by which a TLS terminator's clients know this
    server. `behind_tls`: a TLS terminator stands before it; then no request is local. `require_token` takes the tokenless rights away.
    """

    mode: Mode
    host: str = "127.0.0.1"
    port: int = 8000
    behind_tls: bool = False
    require_token: bool = False
    hosts: tuple[str, ...] = ()
    requests_per_s_max: int = REQUESTS_PER_S_MAX

    @property
    def on_loopback(self) -> bool:
        """Say whether only this machine can reach the server directly, and nothing stands before it."""
        return is_loopback(self.host) and not self.behind_tls

    @property
    def tokenless(self) -> bool:
        """Say whether a caller without a token has any rights: loopback, PAPER, and not switched off."""
        return self.on_loopback and self.mode is Mode.PAPER and not self.require_token


def is_loopback(host: str) -> bool:
    """Say whether an address or bind host is this machine alone. `0.0.0.0`, `::` and names other than `localhost` are not."""
    if host in ("127.0.0.1", "::1", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def start_problems(host: str, mode: Mode, tokens: TokenStore, behind_tls: bool, settings: GuardSettings | None = None) -> tuple[str, ...]:
    """Return why the server must not start, each with its fix; empty when it may. INVARIANT: A1 C4"""
    given = settings or GuardSettings(mode=mode, host=host, behind_tls=behind_tls)
    problems = [*_host_problems(host, behind_tls), *_name_problems(given)]
    if tokens.problem:
        problems.append(f"token file: {tokens.problem}")
    elif not tokens.usable_count:
        problems += [f"{why} needs a token and there is none that works; {_CREATE}" for why in _needs_token(host, mode, given)]
    if not is_loopback(host) and behind_tls and not given.hosts:
        problems.append(
            "behind TLS: no public host name is known, every request from outside would be refused; name it with --host-name NAME"
        )
    return tuple(problems)


def _needs_token(host: str, mode: Mode, settings: GuardSettings) -> list[str]:
    reasons = []
    if not is_loopback(host):
        reasons.append(f"listening on {host} (not loopback)")
    if mode is not Mode.PAPER:
        reasons.append(f"mode {mode}")
    if settings.behind_tls and is_loopback(host):
        reasons.append("--behind-tls (no request is local)")
    if settings.require_token:
        reasons.append("require_token")
    return reasons


def _host_problems(host: str, behind_tls: bool) -> list[str]:
    if is_loopback(host):
        return []
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return [f"bind host: got {host!r}, allowed: an IP address or localhost; a name may resolve to another address tomorrow"]
    if behind_tls:
        return []
    fix = "use 127.0.0.1, or put a TLS terminator before it and say --behind-tls"
    return [f"listening on {host} is not loopback: tokens would travel in clear text; {fix}"]


def _name_problems(settings: GuardSettings) -> list[str]:
    allowed = "a host name, or name:port, without scheme, path or wildcard"
    return [f"host name: got {name!r}, allowed: {allowed}" for name in settings.hosts if not _is_host_name(name)]


def _is_host_name(name: str) -> bool:
    return bool(name) and name.isascii() and name.isprintable() and not any(sign in name for sign in " /*@?#\\,;'\"")
