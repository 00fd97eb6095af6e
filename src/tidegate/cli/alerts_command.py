"""`tidegate alerts add|test`: who is told, and a message to try it. An address is a secret: read without echo, kept in a private file. INVARIANT: C3

In: words, and for `add` one apprise address on stdin. Out: the file, or one line a target; exit 1 when a target did not take the message, 2
when there is none.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tidegate.cli.arguments import Arguments
from tidegate.cli.guard import BAD_INPUT, FAILED, GOOD, answered, complain

if TYPE_CHECKING:
    from tidegate.api.alerts.settings import AlertSettings

_ABOUT = {
    "add": "add one address, read from stdin (an apprise address: tgram://, mailto://, slack://, json:// and many more)",
    "test": "send a test message to every address and say which ones took it",
}
_EXAMPLES = ("tidegate alerts add < address.txt", "tidegate alerts test")


def main(argv: Sequence[str] | None = None) -> int:
    """Set up or try alerts."""
    about = "Alerts for halts, flatten, outages, rejected-agent storms, and a daily digest.\n\n"
    words = Arguments("alerts", about + "\n".join(f"  {name:5} {text}" for name, text in _ABOUT.items()), _EXAMPLES)
    words.add_argument("what", choices=tuple(_ABOUT), metavar="add|test")
    found = words.read(argv)
    return answered(_add if found.what == "add" else _test)


def ask_for_address() -> str:
    """Read one address: hidden on a terminal, the first line otherwise."""
    if sys.stdin.isatty():
        return getpass.getpass("apprise address (hidden): ")
    return sys.stdin.readline()


def _add() -> int:
    from tidegate.api.alerts.post import couriers_to
    from tidegate.api.alerts.settings import add_url, settings_path

    url = ask_for_address().strip()
    courier = couriers_to((url,))[0]
    count = add_url(settings_path(), url)
    kind = courier.status.target.partition("(")[2].rstrip(")")
    print(
        f"added a {kind} address to {settings_path()} ({count} in all); a running server takes it in at its next start"
    )
    print("try it: tidegate alerts test")
    return GOOD


def _test() -> int:
    from tidegate.api.alerts.settings import load_settings, settings_path

    settings = load_settings(settings_path())
    if settings is None:
        complain(f"no alerts are set up: {settings_path()} is not there; add an address with: tidegate alerts add")
        return BAD_INPUT
    return _send_test(settings)


def _send_test(settings: AlertSettings) -> int:
    import logging

    from tidegate.api.alerts.post import LOG, couriers_to
    from tidegate.api.alerts.rules import Alert, Urgency

    LOG.setLevel(logging.ERROR)  # what it would say is printed here
    alert = Alert(
        "test",
        "",
        Urgency.NOTE,
        "Tidegate: test",
        "This is a test of the alerts. Nothing happened, nothing is to be done.",
    )
    refused = 0
    for courier in couriers_to(settings.urls):
        courier.put(alert)
        courier.step(0.0)
        taken = courier.status.sent == 1
        refused += not taken
        print(f"{courier.status.target}: {'taken' if taken else 'not taken; check the address and the network'}")
    return FAILED if refused else GOOD
