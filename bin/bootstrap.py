"""The one way in: becomes the real program inside `.venv`, first making that from the hash lock when it is missing or out of date.

In: the kind of lock (`core` to run, `dev` to test), an entry (`package.module:function` or `module`) and its arguments.
Out: the process is replaced by the venv's Python running that entry, or exits with one clear error. Every launcher comes through here.
Standard library only, any Python from 3.6 on; the venv is always Python 3.11. A ready venv costs two small reads; making one is
`set_up.py`, loaded only then.

What makes an interrupted set-up harmless: a stamp naming lock, Python and place is written last, atomically; without it nothing counts.
Two lock files beside the venv: `.venv.setup.lock` lets one set-up at a time in (pip inherits it, so a killed start cannot leave a pip
running beside the next one); `.venv.in-use.lock` is held shared by every running program, so no rebuild pulls modules from under it.
"""

import os
import sys

CORE, DEV = "core", "dev"
FORMAT = "1"  # raise it when a venv made by an older bootstrap must not be reused
ENTER = (
    "import sys; from importlib import import_module; sys.argv.pop(0); module, _, function = sys.argv.pop(0).partition(':');"
    " sys.exit(getattr(import_module(module), function)())"
)


class SetupError(Exception):
    """Something the user must mend; the text says what was found and what to do."""


class Place:
    """Where things stand in one clone."""

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)
        self.venv = os.path.join(self.root, ".venv")
        self.python = os.path.join(self.venv, "bin", "python")
        self.log = os.path.join(self.root, ".venv.setup.log")
        self.setup_lock = os.path.join(self.root, ".venv.setup.lock")
        self.use_lock = os.path.join(self.root, ".venv.in-use.lock")

    def lock_file(self, kind: str) -> str:
        return os.path.join(self.root, "requirements", kind + ".txt")

    def stamp(self, kind: str) -> str:
        return os.path.join(self.venv, "tidegate-" + kind + ".stamp")


def run(kind: str, entry: str, arguments: list, program: str = "", root: str = "") -> None:
    """Become `entry` inside an up-to-date venv. Never returns; errors leave with status 1 and one message on stderr."""
    place = Place(root or os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
    try:
        if os.name != "posix":
            raise SetupError("these launchers need Linux or macOS; on Windows run them inside WSL")
        hold = enter_when_ready(place, kind)
        os.set_inheritable(hold, True)  # kept, shared, for the life of the program
        command = [place.python, "-I"]
        if ":" in entry:
            command += ["-c", ENTER, entry, program or entry.split(".")[0]]
        else:
            command += ["-m", entry]
        os.execv(place.python, command + list(arguments))
    except SetupError as error:
        say(f"error: {error}")
    except KeyboardInterrupt:
        say("stopped before the set-up was complete; nothing half-made will be used, start again when you like")
        sys.exit(130)
    except OSError as error:
        say(f"error: set-up could not use {error.filename or place.root}: {error.strerror or error}")
    sys.exit(1)


def enter_when_ready(place: Place, kind: str) -> int:
    """Return the shared in-use lock of a venv that is up to date, making the venv first when it is not."""
    for _ in range(3):
        hold = open_lock(place.use_lock)
        lock(hold, exclusive=False)
        if is_ready(place, kind):
            return hold
        os.close(hold)
        sys.modules.setdefault("bootstrap", sys.modules[__name__])  # one SetupError, also when this file is the program
        sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
        from set_up import make

        make(place, kind)
    raise SetupError("another start keeps changing .venv; stop the other starts of this clone and try again")


# -- the stamp --


def is_ready(place: Place, kind: str) -> bool:
    """True when the stamp names exactly this lock, this place and the Python that is there."""
    try:
        with open(place.stamp(kind), encoding="utf-8") as file:
            found = file.read()
    except (OSError, UnicodeDecodeError):
        return False
    return os.access(place.python, os.X_OK) and found == stamp_text(place, kind)


def stamp_text(place: Place, kind: str) -> str:
    """Say what a venv was made from: bootstrap format, lock digest, Python version, place (venvs do not survive a move)."""
    import hashlib

    try:
        with open(place.lock_file(kind), "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
    except FileNotFoundError:
        raise SetupError(f"{place.lock_file(kind)} is missing; restore it with: git checkout -- requirements") from None
    return f"format {FORMAT}\nlock sha256 {digest}\npython {venv_version(place)}\nplace {place.root}\n"


def venv_version(place: Place) -> str:
    """Return the version recorded in the venv, or '' when there is no complete venv."""
    try:
        with open(os.path.join(place.venv, "pyvenv.cfg"), encoding="utf-8") as file:
            entries = [line.partition("=") for line in file]
    except OSError:
        return ""
    versions = [value.strip() for name, _, value in entries if name.strip() in ("version", "version_info")]
    return versions[0] if versions else ""


def write_stamp(place: Place, kind: str) -> None:
    """Declare the venv complete for `kind`: the last act of a set-up, atomic."""
    temporary = place.stamp(kind) + ".new"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(stamp_text(place, kind))
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, place.stamp(kind))


# -- the locks --


def open_lock(path: str) -> int:
    """Open a lock file, making it the first time."""
    try:
        return os.open(path, os.O_RDONLY)  # enough for flock, and works in a read-only clone that is already set up
    except FileNotFoundError:
        return os.open(path, os.O_RDONLY | os.O_CREAT, 0o644)


def lock(descriptor: int, exclusive: bool, wait: bool = True) -> bool:
    """Take the lock; without `wait` return False when somebody else has it."""
    import fcntl

    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def say(text: str) -> None:
    """Tell the user one line, on stderr."""
    sys.stderr.write(f"tidegate: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in (CORE, DEV):
        say("error: usage: bootstrap.py core|dev module[:function] [arguments]")
        sys.exit(2)
    run(sys.argv[1], sys.argv[2], sys.argv[3:])
