"""The `tidegate` command: the table of contents of everything an operator can type.

In: the command line. Out: the exit code of one command. Nothing heavy is imported before a command is chosen, so that `--help` is instant.
"""

from __future__ import annotations

import importlib
import io
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from tidegate import __version__

# name, where its `main(argv) -> int` lives, what it does
COMMANDS: tuple[tuple[str, str, str], ...] = (
    ("paper", "tidegate.cli.paper_command", "Trade a built-in scenario in PAPER: live monitor, then the report."),
    ("serve", "tidegate.cli.serve", "Host engine and API in one process: HTTP, WebSocket, docs."),
    ("envelope", "tidegate.cli.envelope_command", "Ask what the gate would allow right now: largest amount, binding rule, until when."),
    ("alerts", "tidegate.cli.alerts_command", "Say who is told of halts and outages, and send a test message."),
    ("token", "tidegate.cli.token_command", "Create, list and revoke the tokens of agents and operators."),
    (
        "replay",
        "tidegate.cli.replay_command",
        "Run recorded candles or a recording through the same engine at full speed.",
    ),
    ("report", "tidegate.cli.report_command", "Recompute the report of a session from its journal alone."),
    ("validate", "tidegate.cli.validate", "Pre-flight: every check with required and actual."),
    ("show-config", "tidegate.cli.show_config", "Show every value in force and where it came from."),
    ("check", "tidegate.cli.check", "Ask the gate without trading: every finding of a dry run."),
    ("explain", "tidegate.cli.explain", "Explain one decision and decide it again from the journal."),
    ("journal", "tidegate.cli.journal_command", "Verify, show or export a journal."),
    ("state", "tidegate.cli.operate:state", "Show trading state, halts and open trades of the running session."),
    ("halt", "tidegate.cli.operate:halt", "Refuse entries from now on; exits stay open."),
    ("lift", "tidegate.cli.operate:lift", "End a halt: a named human with a reason."),
    ("review", "tidegate.cli.operate:review", "Record that the losses were reviewed: ends the two-loss pause."),
    ("flatten", "tidegate.cli.flatten", "Cancel everything, close everything, wait until the venue says flat."),
)
_EPILOG = "Start with: tidegate paper (no keys, no real money). Every command has examples: tidegate COMMAND --help."
_PASS_ON: dict[str, object] = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}

app = typer.Typer(
    name="tidegate",
    help="Tactical scalping behind a four-layer risk gate. Strategies and agents propose; the gate decides; the journal remembers.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _say_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tidegate {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def _command(target: str) -> Callable[[typer.Context], None]:
    module, _, function = target.partition(":")

    def run(context: typer.Context) -> None:
        chosen: Callable[[list[str]], int] = getattr(importlib.import_module(module), function or "main")
        raise typer.Exit(chosen(list(context.args)))

    return run


for _name, _target, _about in COMMANDS:
    app.command(_name, help=_about, context_settings=dict(_PASS_ON), add_help_option=False)(_command(_target))


@app.command()
def version() -> None:
    """Show the version."""
    _say_version(True)


def main() -> None:
    """Run the command line and leave with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    app()
