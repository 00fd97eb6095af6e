"""The wire parsers know no clock, disk, network, randomness or lasting state, though their room (feeds) may."""

from __future__ import annotations

from tests.architecture import purity_rules
from tests.architecture.offence import assert_none
from tests.architecture.source_tree import package_sources

RULES = (
    purity_rules.outside_imports,
    purity_rules.outside_calls,
    purity_rules.module_mutables,
    purity_rules.floats,
    purity_rules.unordered_output,
)


def test_the_wire_parsers_are_pure() -> None:
    wire = [source for source in package_sources() if "feeds/wire/" in source.path]
    assert len(wire) >= 20
    assert_none("purity", [offence for source in wire for rule in RULES for offence in rule(source)])
