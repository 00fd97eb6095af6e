"""The house rules, applied to every file of the project (DESIGN sections 3, 6, 7, 9). The rules themselves are tested next door."""

from __future__ import annotations

from functools import cache

from tests.architecture import door_rules, hygiene_rules, name_rules, purity_rules, size_rules
from tests.architecture.offence import Offence, assert_none
from tests.architecture.source_tree import ROOT, files, package_sources, product_sources, python_sources
from tests.architecture.text_rules import telltale_text

TEXT_SUFFIXES = (
    ".py",
    ".md",
    ".toml",
    ".txt",
    ".json",
    ".sh",
    ".yml",
    ".yaml",
    ".html",
    ".js",
    ".ts",
    ".css",
    ".cfg",
    ".ini",
    "/run",
)


@cache
def _impurities() -> tuple[Offence, ...]:
    pure = [source for source in package_sources() if source.is_pure]
    return tuple(offence for source in pure for rule in purity_rules.RULES for offence in rule(source))


def test_pure_rooms_know_no_clock_disk_network_randomness_floats_or_lasting_state() -> None:
    assert_none("purity", [each for each in _impurities() if (each.path, each.what) not in purity_rules.ALLOWED])


def test_the_purity_allowlist_holds_no_entry_that_is_no_longer_needed() -> None:
    assert sorted(set(purity_rules.ALLOWED) - {(each.path, each.what) for each in _impurities()}) == []


def test_no_symbol_or_option_promises_a_way_around_the_gate() -> None:
    assert_none(
        "ways around the gate", [each for source in product_sources() for each in name_rules.ways_around(source)]
    )


def test_no_module_class_or_function_name_is_an_empty_noun() -> None:
    assert_none("empty nouns", [each for source in product_sources() for each in name_rules.empty_nouns(source)])


def test_files_functions_parameter_lists_and_nesting_stay_under_their_caps() -> None:
    assert_none("sizes", [each for source in product_sources() for rule in size_rules.RULES for each in rule(source)])


def test_test_files_and_their_functions_stay_under_the_caps_too() -> None:
    rules = (size_rules.long_file, size_rules.long_functions)
    assert_none(
        "sizes of tests", [each for source in python_sources("tests/") for rule in rules for each in rule(source)]
    )


def test_everything_is_caught_only_where_the_design_says_so() -> None:
    assert_none("broad excepts", [each for source in product_sources() for each in door_rules.broad_excepts(source)])


def test_only_the_gate_makes_approvals() -> None:
    assert_none("approvals", [each for source in package_sources() for each in door_rules.forged_approvals(source)])


def test_only_the_engine_imports_venues() -> None:
    assert_none("venues", [each for source in package_sources() for each in door_rules.venue_imports(source)])


def test_no_file_names_a_machine_path_a_registry_host_or_a_secret() -> None:
    found: list[Offence] = []
    for name in files():
        if name.endswith(TEXT_SUFFIXES) or name.startswith("bin/"):
            found += telltale_text(name, (ROOT / name).read_text(encoding="utf-8", errors="replace"))
    assert_none("telltale text", found)


def test_no_test_sleeps_and_no_test_is_left_uncollected() -> None:
    assert_none(
        "test hygiene",
        [each for source in python_sources("tests/") for rule in hygiene_rules.RULES for each in rule(source)],
    )
