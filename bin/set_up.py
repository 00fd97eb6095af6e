"""Make or renew `.venv`: find Python 3.11, create, install from the hash lock, put `src` on the path, stamp.

In: a Place and the kind of lock. Out: a stamped venv, or SetupError saying what was found and what to do. Called by `bootstrap.py` only,
under its locks; says each step on stderr with the time since the start. Standard library only, any Python from 3.6 on.
"""

import glob
import os
import select
import shutil
import subprocess
import sys
import time
from typing import Iterator

from bootstrap import CORE, DEV, Place, SetupError, is_ready, lock, open_lock, say, stamp_text, write_stamp

WANTED = (3, 11)
WANTED_TEXT = "3.11"
VERSION_QUESTION = "import sys; print('%d.%d.%d' % sys.version_info[:3]); print(getattr(sys, '_base_executable', None) or sys.executable)"
NO_NETWORK = (
    "Failed to establish a new connection",
    "Temporary failure in name resolution",
    "NewConnectionError",
    "Connection refused",
    "Network is unreachable",
    "timed out",
    "ReadTimeout",
    "ProxyError",
    "SSLError",
)
IN_USE_PATIENCE_S = 3.0
OWNER_MARK = "made-by-tidegate"
REDIRECTING = ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT")  # would send the packages elsewhere than into .venv


def make(place: Place, kind: str) -> None:
    """Bring the venv up to date, one set-up at a time."""
    guard = open_lock(place.setup_lock)
    try:
        if not lock(guard, exclusive=True, wait=False):
            say("another start is setting up .venv; waiting for it")
            lock(guard, exclusive=True)
        if not is_ready(place, kind):
            build(place, kind, guard)
    finally:
        os.close(guard)


def build(place: Place, kind: str, guard: int) -> None:
    """Make or complete the venv: a stale one is made anew, a good core one only gets the dev packages added."""
    progress = Progress(place.log)
    add_only = kind == DEV and is_ready(place, CORE) and not os.path.exists(place.stamp(DEV))
    stamp_text(place, kind)  # a missing lock is found before anything is removed
    if add_only:
        progress.step("adding the development packages to .venv (once)")
    else:
        python = find_python()
        progress.step(f"setting up .venv with python {python[1]} (once, needs the network, usually under a minute)")
        clear(place)
        create(place, python[0], guard, progress)
    install(place, kind, guard, progress)
    write_path_file(place)
    os.sync()
    for each in (CORE, DEV) if kind == DEV else (CORE,):  # the dev lock contains the core lock
        write_stamp(place, each)
    progress.step("ready")


def clear(place: Place) -> None:
    """Empty our own old venv; refuse to touch one we did not make or one that a program runs from."""
    mark = os.path.join(place.venv, OWNER_MARK)
    if os.path.islink(place.venv) or (is_filled(place.venv) and not os.path.exists(mark)):
        raise SetupError(
            f"{place.venv} exists and was not made by this project, so it is left alone; move it away and start again:"
            f" mv {quoted(place.venv)} {quoted(place.venv + '.mine')}"
        )
    hold = open_lock(place.use_lock)
    try:
        wait_until_unused(hold)
        remove_content(place, mark)
    finally:
        os.close(hold)


def is_filled(path: str) -> bool:
    """True for anything but an absent or empty folder."""
    return os.path.exists(path) and not (os.path.isdir(path) and not os.listdir(path))


def wait_until_unused(hold: int) -> None:
    """Take the in-use lock alone; other starts hold it for a moment while they look at the stamp, programs for their life."""
    deadline = time.monotonic() + IN_USE_PATIENCE_S
    while not lock(hold, exclusive=True, wait=False):
        if time.monotonic() > deadline:
            raise SetupError(
                "the packages must be renewed but a program of this clone is still running; stop it, then start again"
            )
        time.sleep(0.05)


def remove_content(place: Place, mark: str) -> None:
    """Remove everything but the mark, the stamps first: an interrupted removal is not ready and still known to be ours."""
    if not os.path.isdir(place.venv):
        return
    names = sorted(os.listdir(place.venv), key=lambda name: (not name.endswith(".stamp"), name))
    for path in (os.path.join(place.venv, name) for name in names):
        if path == mark:
            continue
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.remove(path)


def create(place: Place, python: str, guard: int, progress: "Progress") -> None:
    """Make the empty venv, marked as ours from its first moment."""
    os.makedirs(place.venv, exist_ok=True)
    with open(os.path.join(place.venv, OWNER_MARK), "w", encoding="utf-8") as file:
        file.write("bin/bootstrap.py makes, replaces and removes this folder; keep nothing of yours in it\n")
    progress.step("creating .venv")
    status, output = stream([python, "-I", "-m", "venv", place.venv], guard, progress)
    if status:
        if "ensurepip" in output or "No module named venv" in output:
            raise SetupError(
                f"{python} cannot make virtual environments (no venv or ensurepip);"
                " on Debian or Ubuntu: sudo apt install python3.11-venv"
            )
        raise SetupError(f"creating .venv failed; the last lines (all in {place.log}):\n{tail(output)}")


def install(place: Place, kind: str, guard: int, progress: "Progress") -> None:
    """Install exactly the locked packages: hashes checked, nothing built from source."""
    progress.step("fetching packages")
    command = [place.python, "-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-compile"]
    command += ["--progress-bar", "off", "--only-binary", ":all:"]
    command += ["--require-hashes", "-r", place.lock_file(kind)]
    status, output = stream(command, guard, progress)
    if status:
        known = install_fault(output)
        if known:
            raise SetupError(f"{known} (pip's own words: {place.log})")
        raise SetupError(f"installing the packages failed; the last lines (all in {place.log}):\n{tail(output)}")


def install_fault(output: str) -> str:
    """Name the cause of a failed install in the user's words; empty when it is none of the known ones."""
    if "DO NOT MATCH THE HASHES" in output:
        return "a downloaded package does not match the hashes in requirements and was refused; check the mirror or proxy you use"
    if "No space left" in output:
        return "the disk is full; free about 500 MB and start again"
    if any(sign in output for sign in NO_NETWORK):
        return (
            "the package index could not be reached; the first start needs the network once: connect and start again,"
            " or point pip at a mirror (PIP_INDEX_URL) or a folder of wheels (PIP_NO_INDEX=1 PIP_FIND_LINKS=folder)"
        )
    if "No matching distribution" in output or "Could not find a version" in output:
        return "a pinned package is not offered for this platform by your package index; see requirements/README.md"
    return ""


def write_path_file(place: Place) -> None:
    """Put `src` on the venv's path, so the code runs from the clone and an edit needs no install."""
    site = os.path.join(place.venv, "lib", "python" + WANTED_TEXT, "site-packages")
    with open(os.path.join(site, "tidegate.pth"), "wb") as file:
        file.write(os.fsencode(os.path.join(place.root, "src")) + b"\n")


# -- finding Python 3.11 --


def find_python() -> tuple:
    """Return (path, version) of a Python 3.11, or raise SetupError that lists what was found instead."""
    seen, others = set(), []
    for candidate in candidates():
        real = os.path.realpath(candidate)
        if real in seen or not os.access(candidate, os.X_OK):
            continue
        seen.add(real)
        version, base = ask_version(candidate)
        if version[:2] == WANTED:
            return base, ".".join(map(str, version))
        if version:
            others.append("{} ({})".format(".".join(map(str, version)), candidate))
    wanted = WANTED_TEXT
    raise SetupError(
        f"python {wanted} is needed and was not found; found: {', '.join(others) or 'no python at all'}; install it, one of:"
        f" sudo apt install python{wanted} python{wanted}-venv | brew install python@{wanted} | uv python install {wanted} |"
        f" pyenv install {wanted}; or name it: TIDEGATE_PYTHON=/path/to/python{wanted}"
    )


def candidates() -> Iterator[str]:
    """Yield where a Python may be: the named one alone; else this one, PATH, then the places version managers use."""
    named = os.environ.get("TIDEGATE_PYTHON")
    if named:
        yield named
        return
    yield getattr(sys, "_base_executable", None) or sys.executable
    for name in ("python" + WANTED_TEXT, "python3", "python"):
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            if folder:
                yield os.path.join(folder, name)
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    for pattern in (os.path.join(pyenv, "versions"), os.path.expanduser("~/.local/share/uv/python")):
        yield from sorted(glob.glob(os.path.join(pattern, "*3.11*", "bin", "python3.11")), reverse=True)


def ask_version(python: str) -> tuple:
    """Return ((major, minor, micro), base executable); ((), '') when it does not run."""
    try:
        command = [python, "-I", "-S", "-c", VERSION_QUESTION]
        answer = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20, check=False)
        version, base = answer.stdout.decode().splitlines()[:2]
        return tuple(int(part) for part in version.split(".")), base
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return (), ""


# -- progress --


class Progress:
    """One-line steps with the time since the start; while a command works, its latest doing every two seconds."""

    QUIET_S = 2.0

    def __init__(self, log: str) -> None:
        self.began = self.told = time.monotonic()
        self.log = open(log, "w", encoding="utf-8")  # noqa: SIM115 - lives as long as the set-up
        self.doing = ""
        self.fetched = 0

    def step(self, text: str) -> None:
        """Say a step now."""
        self.doing, self.told = text, time.monotonic()
        say(f"[{self.told - self.began:5.1f} s] {text}")

    def heard(self, line: str) -> None:
        """Keep a line of a command's output and read from it what is being done."""
        self.log.write(line + "\n")
        self.log.flush()
        word, _, rest = line.strip().partition(" ")
        if word in ("Collecting", "Processing"):  # from an index, or a wheel that lies in a folder
            self.fetched += 1
            self.doing = f"fetching package {self.fetched}: {os.path.basename(rest.partition(' ')[0])}"
        elif line.startswith("Installing collected"):
            self.doing = f"installing {self.fetched} packages"
        elif "Retrying" in line:
            self.doing = "the package index does not answer, trying again"

    def tick(self) -> None:
        """Say what is being done when nothing was said for a while."""
        if time.monotonic() - self.told >= self.QUIET_S:
            self.step(self.doing)


def stream(command: list, guard: int, progress: Progress) -> tuple:
    """Run a command that inherits the set-up lock; return its status and output while reporting progress."""
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(guard,),
        env={name: value for name, value in os.environ.items() if name not in REDIRECTING},
    )
    assert child.stdout is not None
    output = child.stdout.fileno()
    heard, rest = [], b""
    while True:
        if not select.select([output], [], [], 0.5)[0]:
            progress.tick()
            continue
        chunk = os.read(output, 65536)
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines if chunk else [rest]:
            heard.append(line.decode("utf-8", "replace"))
            progress.heard(heard[-1])
        progress.tick()
        if not chunk:
            return child.wait(), "\n".join(heard)


def tail(output: str, lines: int = 6) -> str:
    """Return the last lines, indented under an error."""
    return "\n".join("    " + line for line in output.strip().splitlines()[-lines:])


def quoted(path: str) -> str:
    """Quote a path for the shell line an error suggests."""
    return "'" + path.replace("'", "'\\''") + "'"
