"""Where alerts go: a file that only its owner can read, because the addresses in it are secrets. INVARIANT: C3 C4

In: `var/alerts.json` (or the file named by TIDEGATE_ALERTS): `{"urls": ["json://...", "tgram://..."]}`, apprise addresses. Out: the
addresses, or the reason why there are none. A file that others can read is refused; an address is never repeated in a message.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

import msgspec

from tidegate.errors import TidegateError

ENVIRONMENT: Final = "TIDEGATE_ALERTS"
DEFAULT_PATH: Final = Path("var/alerts.json")
TARGETS_MAX = 8
FILE_BYTES_MAX = 65_536
_OPEN_TO_OTHERS = 0o077


class AlertsUnusable(TidegateError):
    """Alerts are configured and cannot be used; the message says how to fix it, without any address."""


class AlertSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file's content."""

    urls: tuple[str, ...]

    def __repr__(self) -> str:
        return f"AlertSettings({len(self.urls)} addresses)"


def settings_path() -> Path:
    """Return where the addresses stand."""
    return Path(os.environ.get(ENVIRONMENT) or DEFAULT_PATH)


def load_settings(path: Path) -> AlertSettings | None:
    """Return the settings, None when there is no file. Raises AlertsUnusable."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & _OPEN_TO_OTHERS:
                raise AlertsUnusable(
                    f"{path} holds secrets and others can read it, or it is not yours; fix it with: chmod 600 {path}"
                )
            content = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AlertsUnusable(f"{path} cannot be read: {error.strerror}") from None
    return _decoded(path, content)


def add_url(path: Path, url: str) -> int:
    """Add one address to the file, made for its owner alone when it is new; return how many there are. Raises AlertsUnusable."""
    old = load_settings(path)
    urls = [*(old.urls if old is not None else ()), url]
    content = msgspec.json.format(msgspec.json.encode({"urls": urls}), indent=2) + b"\n"
    _decoded(path, content)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    return len(urls)


def _decoded(path: Path, content: bytes) -> AlertSettings:
    try:
        settings = msgspec.json.decode(content, type=AlertSettings)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise AlertsUnusable(f'{path}: allowed is {{"urls": ["SCHEME://...", ...]}} and nothing else') from None
    if len(content) > FILE_BYTES_MAX or not 0 < len(settings.urls) <= TARGETS_MAX:
        raise AlertsUnusable(
            f"{path}: got {len(settings.urls)} urls, allowed: 1 to {TARGETS_MAX}, in at most {FILE_BYTES_MAX} bytes"
        )
    return settings
