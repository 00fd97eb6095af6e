"""The import graph: contracts of pyproject.toml hold, every module imports, and starting stays light."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

from tests.architecture.source_tree import ROOT, module_names

HEAVY = frozenset(
    "aiohttp apprise ccxt duckdb fastapi gymnasium httpx2 matplotlib mcp numpy optuna pandas polars psycopg pyarrow quantstats scipy"
    " sqlalchemy starlette textual torch uvicorn websockets".split()
)
LOADED_BY = """
import json, sys
sys.argv = ["tidegate", *{arguments}]
from tidegate.cli.app import main
try:
    main()
except SystemExit:
    pass
finally:
    print("\\n" + json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""


def _python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def loggers() -> Iterator[None]:
    """Give the process its loggers back: import-linter configures logging and thereby disables every logger there is."""
    yield
    for logger in logging.root.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            logger.disabled = False


@pytest.mark.usefixtures("loggers")
def test_import_contracts_hold(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_every_module_imports_on_python_3_11(tmp_path: Path) -> None:
    missing_front_door = not (ROOT / "src/tidegate/cli/app.py").exists()
    names = [name for name in module_names() if not (missing_front_door and name == "tidegate.__main__")]
    answer = _python(f"import importlib\nfor name in {names}: importlib.import_module(name)", tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert sys.version_info[:2] == (3, 11)


def test_importing_the_package_writes_nothing(tmp_path: Path) -> None:
    _python("import tidegate, tidegate.units", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [(["--help"], HEAVY | {"apsw"}), (["--version"], HEAVY | {"apsw"}), (["validate"], HEAVY)],
    ids=["help", "version", "validate"],
)
def test_quick_commands_load_nothing_heavy(arguments: list[str], unwanted: frozenset[str]) -> None:
    answer = _python(LOADED_BY.format(arguments=arguments), ROOT)
    loaded = json.loads(answer.stdout.splitlines()[-1])
    assert "tidegate" in loaded, answer.stderr
    assert sorted(unwanted & set(loaded)) == []
