"""What README, the deployment guide and the runbooks tell people to type exists, and what they show is what it prints.

A fenced `bash` block is checked word by word: launcher, command, options. Marked `<!-- run -->` (or `<!-- run 1 -->` for another exit code)
it is also typed, line by line, in one fresh folder per document; the next `text` block is what must come out, in that order, `...` for what
is left out. Marked `<!-- later -->` it belongs to a later version, and its launchers must not be here yet.

After a wanted change of output, take over the nearest printed lines and read the difference:
README_OUTPUT=write bin/test tests/e2e/test_readme.py -p no:xdist
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

import pytest

from tidegate.cli import api_checks, deploy
from tidegate.cli.app import COMMANDS, app

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "TACTICAL_SCALPS_DEPLOYMENT.md",
    *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/runbooks/*.md")),
)
LINKING = ("docs/README.md", "ARCHITECTURE.md", "SECURITY.md", "CHANGELOG.md", "PROMISES.md")
LINK = re.compile(r"\]\(([^)\s]+)\)")
TIDEGATE = "./bin/tidegate"
DEPLOY = "python3 scripts/deploy_tactical_scalps.py"
API_CHECKS = "python3 scripts/test_trading_api.py"
WORKED_EXAMPLE = "python3 core/trading/tactical_risk_gate.py"
ENTRIES = {
    TIDEGATE: "tidegate.cli.app",
    DEPLOY: "tidegate.cli.deploy",
    API_CHECKS: "tidegate.cli.api_checks",
    WORKED_EXAMPLE: "tidegate.cli.worked_example",
}
LAUNCHERS = (*ENTRIES, "./bin/test", "./bin/START_API_SERVER.sh", "python3 scripts/write_reason_reference.py")
SYSTEM = ("mkdir", "mv", "cp", "df", "ls", "timedatectl", "kill", "tail", "git")
BENCHMARK = re.compile(r"PYTHONPATH=src \.venv/bin/python benchmarks/(\w+\.py)( --quick)?")
FENCE = re.compile(
    r"(?:^<!-- (?P<mark>run(?: \d)?|later) -->\n)?^```(?P<kind>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL
)
DECISION_ID = re.compile(r"\bD[A-Z]?[0-9a-f]{8,}\b")


class Block(NamedTuple):
    """One fenced block: its mark (empty, `run`, `run 1`, `later`), its kind and its lines."""

    mark: str
    kind: str
    lines: tuple[str, ...]


def blocks(text: str) -> list[Block]:
    return [
        Block(found["mark"] or "", found["kind"], tuple(found["body"].splitlines())) for found in FENCE.finditer(text)
    ]


def commands(page: str, mark: str | None = None) -> Iterator[str]:
    """Yield each command of a page without its comment; `mark` None means every block that is not for later."""
    for block in blocks((ROOT / page).read_text(encoding="utf-8")):
        if block.kind == "bash" and (block.mark != "later" if mark is None else block.mark.split(" ")[0] == mark):
            yield from (shlex.join(words) for line in block.lines if (words := shlex.split(line, comments=True)))


def unknown_words(command: str) -> list[str]:
    """Return what a command names that is not there."""
    if found := BENCHMARK.fullmatch(command):
        return [] if (ROOT / "benchmarks" / found[1]).is_file() else [found[1]]
    launcher = next((each for each in LAUNCHERS if command.startswith(each)), "")
    if not launcher:
        return [] if command.split(" ")[0] in SYSTEM else [command.split(" ")[0]]
    if not (ROOT / launcher.split(" ")[-1]).is_file():
        return [launcher]
    words = shlex.split(command.removeprefix(launcher))
    if launcher == TIDEGATE:
        known = [name for name, _, _ in COMMANDS]
        if words and not words[0].startswith("-") and words[0] not in known:
            return [words[0]]
    options = [word.split("=")[0] for word in words if word.startswith("--")]
    told = help_of(launcher, words[0] if words and not words[0].startswith("-") else "") if options else ""
    return [option for option in options if not re.search(rf"(?<![\w-]){option}(?![\w-])", told)]


def help_of(launcher: str, word: str) -> str:
    """Return the help text a command prints, read in this process."""
    page = io.StringIO()
    with contextlib.redirect_stdout(page), contextlib.suppress(SystemExit):
        if launcher == TIDEGATE:
            app([word, "--help"] if word else ["--help"])
        elif launcher == DEPLOY:
            deploy.main(["--help"])
        elif launcher == API_CHECKS:
            api_checks.main(["--help"])
    return page.getvalue()


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_is_written_down_exists_with_its_options(page: str) -> None:
    wrong = [f"{command}: {', '.join(unknown)}" for command in commands(page) if (unknown := unknown_words(command))]
    assert not wrong


@pytest.mark.parametrize("page", PAGES)
def test_what_is_said_to_come_later_is_not_here_yet(page: str) -> None:
    here = [
        command
        for command in commands(page, "later")
        if not command.startswith((DEPLOY, "curl", *SYSTEM)) and not unknown_words(command)
    ]
    assert not here, "it came: say so in the page and take the mark away"


@pytest.mark.parametrize("page", [page for page in PAGES if any(commands(page, "run"))])
def test_what_a_page_shows_is_what_its_commands_print(page: str, tmp_path: Path) -> None:
    printed: list[str] = []
    for block in blocks((ROOT / page).read_text(encoding="utf-8")):
        if block.mark.startswith("run"):
            printed = typed(block, tmp_path)
        elif block.kind == "text" and printed:
            missing = first_missing(block.lines, printed)
            if missing and os.environ.get("README_OUTPUT") == "write":
                take_over(page, block.lines, printed)
            else:
                assert not missing, f"{page} shows {missing!r}; nearest printed: {nearest(missing, printed)!r}"
            printed = []


def take_over(page: str, shown: tuple[str, ...], printed: list[str]) -> None:
    """Replace the shown lines that are no longer printed, in order, by the nearest ones that are."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for line in shown:
        if first_missing((line,), printed):
            taken = nearest(line, printed)
            text = text.replace(f"\n{line}\n", f"\n{taken}\n", 1)
            printed = printed[printed.index(taken) + 1 :] if taken else printed
    (ROOT / page).write_text(text, encoding="utf-8")


def nearest(line: str, printed: list[str]) -> str:
    return next(iter(get_close_matches(line, printed, 1, 0.3)), "")


def typed(block: Block, folder: Path) -> list[str]:
    """Type a block's commands in a folder; return the lines they printed. Every one must end as the mark says."""
    wanted = int(block.mark.removeprefix("run") or 0)
    lines: list[str] = []
    for line in block.lines:
        words = shlex.split(line, comments=True)
        if not words:
            continue
        launcher = next(each for each in ENTRIES if shlex.join(words).startswith(each))
        call = f"import sys; from {ENTRIES[launcher]} import main; sys.exit(main())"
        done = subprocess.run(
            [sys.executable, "-c", call, *words[len(launcher.split(" ")) :]],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "200", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == wanted, f"{line}\n{done.stdout[-2000:]}\n{done.stderr}"
        lines += done.stdout.splitlines() + done.stderr.splitlines()
    return lines


def first_missing(shown: tuple[str, ...], printed: list[str]) -> str:
    """Return the first line shown that is not printed after the one before it; empty when all are. A shown line may end early."""
    place = 0
    lines = [plain(line) for line in printed]
    for line in shown:
        wanted = plain(line)
        if wanted in ("", "..."):
            continue
        found = next((at for at in range(place, len(lines)) if lines[at].startswith(wanted)), None)
        if found is None:
            return line
        place = found + 1
    return ""


def plain(line: str) -> str:
    """Return a line without what may differ: column gaps and decision ids (they begin with the hash of version and limits)."""
    return " ".join(DECISION_ID.sub("D", line).split())


@pytest.mark.parametrize("page", (*PAGES, *LINKING))
def test_every_link_between_pages_leads_somewhere(page: str) -> None:
    text = FENCE.sub("", (ROOT / page).read_text(encoding="utf-8"))
    paths = [target.split("#")[0] for target in LINK.findall(text) if not target.startswith(("http", "#"))]
    assert not [path for path in paths if not (ROOT / page).parent.joinpath(path).exists()]


def test_a_command_that_is_not_there_is_noticed() -> None:
    assert unknown_words("./bin/tidegate fly") == ["fly"]
    assert unknown_words("./bin/tidegate journal verify --gently") == ["--gently"]
    assert unknown_words("rm -rf var") == ["rm"]
    assert unknown_words("./bin/tidegate flatten --drill") == []


def test_a_line_that_is_not_printed_is_noticed() -> None:
    assert first_missing(("a 1", "...", "c  3"), ["a 1", "b 2", "c 3 and more"]) == ""
    assert first_missing(("c 3", "a 1"), ["a 1", "b 2", "c 3"]) == "a 1"
