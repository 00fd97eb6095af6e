"""Every house rule finds its own small bad example, and leaves the good one next to it alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.architecture import door_rules, hygiene_rules, name_rules, purity_rules, size_rules
from tests.architecture.offence import Offence, report
from tests.architecture.source_tree import Source, source
from tests.architecture.text_rules import telltale_text

Rule = Callable[[Source], list[Offence]]
GATE = "src/tidegate/gate/decide.py"
ENGINE = "src/tidegate/engine/engine.py"
API = "src/tidegate/api/routing.py"
TEST = "tests/unit/test_gate.py"
CATCH = "try:\n    x()\nexcept {}:\n    pass\n"


def nested(depth: int) -> str:
    lines = ["def f():"] + ["    " * (level + 1) + "if x:" for level in range(depth)]
    return "\n".join([*lines, "    " * (depth + 1) + "y()"])


BAD: list[tuple[Rule, str, str]] = [
    (purity_rules.outside_imports, GATE, "import time"),
    (purity_rules.outside_imports, GATE, "from os.path import join"),
    (purity_rules.outside_imports, GATE, "def f():\n    import random"),
    (purity_rules.outside_calls, GATE, "open('x')"),
    (purity_rules.outside_calls, GATE, "datetime.now()"),
    (purity_rules.outside_calls, GATE, "exec('x')"),
    (purity_rules.module_mutables, GATE, "SEEN = {}"),
    (purity_rules.module_mutables, GATE, "SEEN: list[int] = []"),
    (purity_rules.module_mutables, GATE, "SEEN = defaultdict(int)"),
    (purity_rules.module_mutables, GATE, "class A:\n    seen = []"),
    (purity_rules.module_mutables, GATE, "class A(msgspec.Struct):\n    halts: dict[str, int] = {'a': 1}"),
    (purity_rules.module_mutables, GATE, "def f():\n    global x\n    x = 1"),
    (purity_rules.floats, GATE, "x = 0.5"),
    (purity_rules.floats, GATE, "x = float(y)"),
    (purity_rules.floats, GATE, "def f(x: float): ..."),
    (purity_rules.floats, GATE, "x = a / b"),
    (purity_rules.floats, GATE, "x /= b"),
    (purity_rules.unordered_output, GATE, "for x in {1, 2}: pass"),
    (purity_rules.unordered_output, GATE, "y = [x for x in set(z)]"),
    (purity_rules.open_keywords, GATE, "def f(**kwargs): ..."),
    (name_rules.ways_around, API, "def bypass_gate(): ..."),
    (name_rules.ways_around, API, "def f(force): ..."),
    (name_rules.ways_around, API, "class UnsafeMode: ..."),
    (name_rules.ways_around, API, "self.skip_risk = True"),
    (name_rules.ways_around, API, "skipRisk = True"),
    (name_rules.ways_around, API, "f('--force')"),
    (name_rules.ways_around, API, "from x import y as unsafe"),
    (name_rules.empty_nouns, API, "class OrderManager: ..."),
    (name_rules.empty_nouns, API, "def load_data(): ..."),
    (name_rules.empty_nouns, "src/tidegate/api/utils.py", ""),
    (size_rules.long_file, API, "x = 1\n" * 401),
    (size_rules.long_functions, API, "def f():\n" + "    x = 1\n" * 50),
    (size_rules.many_parameters, API, "def f(a, b, c, d, e, *, g, h): ..."),
    (size_rules.deep_nesting, API, nested(4)),
    (
        size_rules.deep_nesting,
        API,
        "def f():\n  for a in b:\n    with c:\n      try:\n        while d: pass\n      except E: pass",
    ),
    (door_rules.broad_excepts, API, CATCH.format("Exception")),
    (door_rules.broad_excepts, API, CATCH.format("(KeyError, BaseException)")),
    (door_rules.broad_excepts, API, "try:\n    x()\nexcept:\n    pass"),
    (
        door_rules.broad_excepts,
        API,
        "for y in z:\n  try:\n    x()\n  except BaseException:\n    if y: continue\n    raise",
    ),
    (door_rules.broad_excepts, API, "try:\n    x()\nexcept Exception:\n    y()\n    raise"),
    (door_rules.broad_excepts, API, "with suppress(Exception): x()"),
    (door_rules.broad_excepts, GATE, CATCH.format("Exception")),
    (door_rules.broad_excepts, ENGINE, CATCH.format("Exception") * 2),
    (door_rules.forged_approvals, API, "Approval(decision_id='x')"),
    (door_rules.forged_approvals, API, "model.ExitApproval()"),
    (door_rules.forged_approvals, API, "msgspec.convert(row, type=Approval)"),
    (door_rules.forged_approvals, API, "object.__new__(Approval)"),
    (door_rules.venue_imports, API, "from tidegate.venues.paper import PaperVenue"),
    (door_rules.venue_imports, API, "from tidegate import venues"),
    (door_rules.venue_imports, API, "import tidegate.venues"),
    (hygiene_rules.sleeps, TEST, "time.sleep(1)"),
    (hygiene_rules.sleeps, TEST, "from time import sleep"),
    (hygiene_rules.sleeps, TEST, "await asyncio.sleep(0.1)"),
    (hygiene_rules.uncollected, TEST, "def should_refuse(): ...\ndef test_x(): ..."),
    (hygiene_rules.uncollected, TEST, "X = 1"),
]

GOOD: list[tuple[Rule, str, str]] = [
    (purity_rules.outside_imports, GATE, "import msgspec\nfrom enum import StrEnum\nfrom tidegate.model import intent"),
    (purity_rules.outside_calls, GATE, "x.replace('a', 'b')\nsorted(y)"),
    (
        purity_rules.module_mutables,
        GATE,
        "A = (1, 2)\nB = frozenset({1})\nC = MappingProxyType({1: 2})\n__all__ = ['A']",
    ),
    (purity_rules.module_mutables, GATE, "class A(msgspec.Struct):\n    halts: dict[str, int] = {}"),
    (purity_rules.module_mutables, GATE, "def f():\n    seen = []\n    return seen"),
    (purity_rules.floats, GATE, "x = 7 // 2"),
    (purity_rules.unordered_output, GATE, "for x in sorted({1, 2}): pass"),
    (name_rules.ways_around, API, "time_in_force = 1\nreinforce = 2\nenforced = 3"),
    (name_rules.ways_around, API, "channel = 'forceOrder'"),
    (name_rules.empty_nouns, API, "class Metadata: ...\ndef items_seen(): ..."),
    (size_rules.long_file, API, "x = 1\n" * 400),
    (size_rules.long_functions, API, "def f():\n" + "    x = 1\n" * 49),
    (size_rules.many_parameters, API, "def f(self, a, b, c, d, e, g): ..."),
    (size_rules.deep_nesting, API, nested(3)),
    (size_rules.deep_nesting, API, "def f():\n  if a: x()\n  elif b: x()\n  elif c: x()\n  elif d: x()\n  elif e: x()"),
    (door_rules.broad_excepts, API, CATCH.format("KeyError")),
    (door_rules.broad_excepts, GATE, "def evaluate():\n  try:\n    x()\n  except Exception:\n    pass"),
    (door_rules.broad_excepts, ENGINE, CATCH.format("Exception")),
    (door_rules.broad_excepts, API, "try:\n    x()\nexcept BaseException:\n    undo()\n    raise"),
    (door_rules.forged_approvals, GATE, "Approval(decision_id='x')"),
    (door_rules.forged_approvals, API, "def place(approval: Approval): venue.place(approval)"),
    (door_rules.venue_imports, ENGINE, "from tidegate.venues.port import Venue"),
    (door_rules.venue_imports, API, "from tidegate.model import venues_known"),
    (hygiene_rules.sleeps, TEST, "await asyncio.sleep(0)\nclock.sleep(5)"),
    (hygiene_rules.uncollected, TEST, "def build(): ...\ndef test_x(): build()\n@pytest.fixture\ndef y(): ..."),
    (hygiene_rules.uncollected, "tests/support/worlds.py", "def build(): ..."),
]


def _label(case: object) -> str:
    return str(getattr(case, "__name__", "case"))


@pytest.mark.parametrize(("rule", "path", "text"), BAD, ids=_label)
def test_a_rule_finds_its_bad_example(rule: Rule, path: str, text: str) -> None:
    assert rule(source(path, text)) != [], f"{rule.__name__} does not see: {text[:200]}"


@pytest.mark.parametrize(("rule", "path", "text"), GOOD, ids=_label)
def test_a_rule_leaves_its_good_example_alone(rule: Rule, path: str, text: str) -> None:
    found = rule(source(path, text))
    assert found == [], report(rule.__name__, found)


@pytest.mark.parametrize(
    "text",
    [
        "open('/" + "work/main/x')",
        "cd /" + "home/alice/tidegate",
        "--index-url https://" + "pypi" + ".org/simple",
        "resolved: https://registry." + "npmjs" + ".org/x",
        "-----BEGIN EC " + "PRIVATE KEY-----",
        "api_" + "key = 'abcdefghijklmnopqrstuvwxyz'",
        '"sec' + 'ret": "0123456789abcdef0123456789abcdef"',
        "sk-" + "a" * 30,
    ],
)
def test_telltale_text_is_found(text: str) -> None:
    assert telltale_text("README.md", text) != []


@pytest.mark.parametrize(
    "text",
    [
        "see docs/work/main.md",
        "GET /api/health",
        "a / b",
        "token = os.environ['T']",
        "canary: sk-" + "a" * 30,
        "../shared/data",
    ],
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert telltale_text("README.md", text) == []


def test_an_offence_says_where_what_and_what_is_allowed() -> None:
    found = purity_rules.outside_imports(source(GATE, "x = 1\nimport time"))
    expected = (
        "  src/tidegate/gate/decide.py:2: a pure room imports time; time, ids, files and randomness are arguments"
    )
    assert report("purity", found).splitlines() == ["purity: 1 offence(s)", expected]
