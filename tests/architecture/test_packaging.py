"""What a clone is started with: launchers stay thin, locks stay honest, the bootstrap stays startable on old Pythons."""

from __future__ import annotations

import ast
import os
import re
import tomllib

import pytest

from tests.architecture.source_tree import ROOT, files

LAUNCHER_LINES_MAX = 25
RUNTIME_DEPENDENCIES_MAX = 10
BOOTSTRAP = ("bin/bootstrap.py", "bin/set_up.py")
STANDARD_LIBRARY_OF_BOOTSTRAP = {
    "bootstrap",
    "fcntl",
    "glob",
    "hashlib",
    "os",
    "select",
    "set_up",
    "shutil",
    "subprocess",
    "sys",
    "time",
    "typing",
}
LAUNCHERS = [
    name for name in files() if name.startswith(("bin/", "scripts/", "core/", ".ci/")) and name not in BOOTSTRAP
]
_PIN = re.compile(r"^(?P<name>[a-z0-9-]+)(?:\[[^]]*\])?==(?P<version>[^\s;\\]+)", re.MULTILINE)


def _project() -> dict[str, object]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert isinstance(project, dict)
    return project


def _lock(kind: str) -> str:
    return (ROOT / "requirements" / f"{kind}.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", LAUNCHERS)
def test_a_launcher_is_short_executable_and_without_logic(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    lines = len(text.splitlines())
    assert lines <= LAUNCHER_LINES_MAX, (
        f"{name} has {lines} lines; a launcher has at most {LAUNCHER_LINES_MAX}: move logic into src"
    )
    assert text.startswith("#!"), f"{name} has no #! line"
    assert os.access(ROOT / name, os.X_OK), f"{name} is not executable: chmod +x {name}"
    if name.endswith(".py"):
        logic = (ast.FunctionDef, ast.ClassDef, ast.For, ast.While, ast.Try)
        assert not any(isinstance(node, logic) for node in ast.walk(ast.parse(text))), (
            f"{name} contains logic; move it into src"
        )


@pytest.mark.parametrize("name", BOOTSTRAP)
def test_the_bootstrap_parses_on_python_3_8_and_needs_only_the_standard_library(name: str) -> None:
    tree = ast.parse((ROOT / name).read_text(encoding="utf-8"), feature_version=(3, 8))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported <= STANDARD_LIBRARY_OF_BOOTSTRAP, sorted(imported - STANDARD_LIBRARY_OF_BOOTSTRAP)


@pytest.mark.parametrize("name", [name for name in LAUNCHERS if name.endswith(".py")])
def test_python_launchers_parse_on_python_3_8(name: str) -> None:
    ast.parse((ROOT / name).read_text(encoding="utf-8"), feature_version=(3, 8))


@pytest.mark.parametrize("kind", ["core", "dev"])
def test_a_lock_hashes_every_pin_and_names_no_host(kind: str) -> None:
    text = _lock(kind)
    assert "://" not in text
    assert "--index" not in text
    blocks = re.split(r"\n(?=[a-z0-9])", text)
    assert [
        block.splitlines()[0] for block in blocks if _PIN.match(block) is None or "--hash=sha256:" not in block
    ] == []


def test_the_locks_match_pyproject() -> None:
    project = _project()
    dependencies = project["dependencies"]
    extras = project["optional-dependencies"]
    assert isinstance(dependencies, list)
    assert isinstance(extras, dict)
    core, dev = (dict(_PIN.findall(_lock(kind))) for kind in ("core", "dev"))
    wanted_core = dict(_PIN.findall("\n".join(dependencies)))
    wanted_dev = dict(_PIN.findall("\n".join(extras["dev"])))
    assert {name: core.get(name) for name in wanted_core} == wanted_core, "renew the locks: requirements/README.md"
    assert {name: dev.get(name) for name in wanted_dev} == wanted_dev, "renew the locks: requirements/README.md"
    assert core.items() <= dev.items(), "the dev lock must contain the core lock, same versions"


def test_runtime_dependencies_are_few_and_pinned_exactly() -> None:
    dependencies = _project()["dependencies"]
    assert isinstance(dependencies, list)
    assert len(dependencies) <= RUNTIME_DEPENDENCIES_MAX
    assert [each for each in dependencies if not _PIN.match(each)] == []
