"""Every halt condition a config can name is latched by some code, and every one that is latched can be named. INVARIANT: K6"""

from __future__ import annotations

import ast
from pathlib import Path

import tidegate
from tests.support.config_lab import error_at, replaced
from tidegate.cli.preflight import NOTE, checks
from tidegate.config.load import load
from tidegate.config.schema_limits import HaltConditions
from tidegate.model.finding import Reason

SOURCE = Path(tidegate.__file__).parent


def _latched() -> dict[str, bool]:
    """Return every cause that code builds a `Halt` of, and whether any of them flattens."""
    causes: dict[str, bool] = {}
    for path in [SOURCE / "gate" / "kill_switch.py", *sorted((SOURCE / "engine").glob("*.py"))]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Halt" and node.args:
                cause = node.args[0]
                name = cause.attr if isinstance(cause, ast.Attribute) else getattr(cause, "id", "")
                flattens = any(keyword.arg == "flattens" for keyword in node.keywords)
                causes[name] = causes.get(name, False) or flattens
    return causes


def test_the_conditions_of_the_config_are_exactly_those_that_code_latches() -> None:
    assert sorted(HaltConditions.model_fields) == sorted(_latched()), (
        "change HaltConditions, the shipped file and the schema together"
    )


def test_an_action_says_flatten_only_where_the_code_flattens_on_its_own() -> None:
    conditions = load().document.limits.layer4_kill_switch.conditions
    latched = _latched()
    for name in HaltConditions.model_fields:
        if name != "L4_OPERATOR":  # flattens only when flatten was pressed
            assert (getattr(conditions, name) == "halt_and_flatten") == latched[name], name


def test_a_condition_nothing_latches_is_refused() -> None:
    missing = sorted({str(reason) for reason in Reason if reason.startswith("L4_")} - set(_latched()) - {"L4_HALTED"})
    for name in [*missing, "L4_HALTED", "L4_MOON_PHASE"]:
        error = error_at(
            replaced(('"L4_CLOCK": "halt"', f'"{name}": "halt", "L4_CLOCK": "halt"')),
            f"limits.layer4_kill_switch.conditions.{name}",
        )
        assert repr(error.given) == "an unknown key"


def test_the_preflight_names_every_condition_that_nothing_latches() -> None:
    missing = {str(reason) for reason in Reason if reason.startswith("L4_")} - set(_latched()) - {"L4_HALTED"}
    noted = {check.name for check in checks(load()) if check.group == "config" and check.status == NOTE}
    assert noted == missing
