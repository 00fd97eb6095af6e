"""Reading the config file: the one place that opens it.

In: a path. Out: `Settings`, or InputErrors with every error at once, each with line, path, what was given and what is allowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from tidegate.config import jsonc
from tidegate.config.ceilings import loosened
from tidegate.config.fields import Asset, Section
from tidegate.config.jsonc import Path, Plain, Source
from tidegate.config.problems import problems, secrets
from tidegate.config.rules import Parts, broken
from tidegate.config.schema import (
    BandsSection,
    CapitalSection,
    Document,
    MonitoringSection,
    PaperSection,
    SessionSection,
    VenueSection,
)
from tidegate.config.schema_limits import AssetSection, ConditionLimits, ContextSection, GlobalLimits, KillLimits
from tidegate.config.schema_strategies import External, StrategiesSection, StrategySection
from tidegate.config.settings import Settings
from tidegate.errors import InputError, InputErrors
from tidegate.model.catalog import instruments
from tidegate.model.instrument import Instrument, InstrumentKind

__all__ = ["DEFAULT_PATH", "Settings", "load", "parse"]

S = TypeVar("S", bound=Section)
_ASSETS = TypeAdapter(dict[Asset, AssetSection])
DEFAULT_PATH = FilePath(__file__).resolve().parents[3] / "config" / "tactical_scalp_config.json"


def load(path: FilePath | str = DEFAULT_PATH) -> Settings:
    """Read and check a config file. Raises InputErrors naming everything that is wrong with it."""
    place = str(path)
    try:
        content = FilePath(path).read_bytes()
    except OSError as error:
        given = Plain(error.strerror or "a file that cannot be read")
        raise InputErrors(
            place, [InputError("the file", given, "a readable file", "name another with --config")]
        ) from error
    return parse(content, place)


def parse(content: bytes, place: str) -> Settings:
    """Check the bytes of a config file. Raises InputErrors naming everything that is wrong with it."""
    source = jsonc.read(content, place)
    errors = [*source.repeated, *secrets(source), *loosened(source)]
    document: Document | None = None
    try:
        document = Document.model_validate(source.tree)
    except ValidationError as error:
        errors += problems(source, Document, error)
    errors += broken(_sound_parts(source))
    if errors or document is None:
        raise InputErrors(place, _in_order(errors))
    return Settings(place=place, source=source, document=document)


def _sound_parts(source: Source) -> Parts:
    """Read each section on its own, so that an error in one does not hide what is wrong between the others."""
    venue = _sound(source, ("venue",), VenueSection)
    return Parts(
        source=source,
        session=_sound(source, ("session",), SessionSection),
        market_context=_sound(source, ("market_context",), ContextSection),
        capital=_sound(source, ("capital",), CapitalSection),
        layer1=_sound(source, ("limits", "layer1_global"), GlobalLimits),
        layer3=_sound(source, ("limits", "layer3_conditions"), ConditionLimits),
        layer4=_sound(source, ("limits", "layer4_kill_switch"), KillLimits),
        assets=_sound_assets(source),
        strategies=tuple(_sound_strategies(source)),
        bands=_sound(source, ("bands",), BandsSection),
        venue=venue,
        paper=_sound(source, ("paper",), PaperSection),
        monitoring=_sound(source, ("monitoring",), MonitoringSection),
        instruments=_perpetuals(venue),
    )


def _sound(source: Source, path: Path, kind: type[S]) -> S | None:
    """Return the section at a path, or None while it has errors of its own."""
    try:
        return kind.model_validate(source.at(path))
    except (KeyError, ValidationError):
        return None


def _sound_assets(source: Source) -> dict[Asset, AssetSection] | None:
    try:
        return _ASSETS.validate_python(source.at(("assets",)))
    except (KeyError, ValidationError):
        return None


def _sound_strategies(source: Source) -> Iterator[tuple[str, Path, StrategySection]]:
    """Yield every strategy that is sound on its own."""
    for key, field in StrategiesSection.model_fields.items():
        path: Path = ("strategies", key)
        kind = field.annotation
        if (
            isinstance(kind, type)
            and issubclass(kind, StrategySection)
            and (section := _sound(source, path, kind)) is not None
        ):
            yield key, path, section
    for key, path in _external_paths(source):
        if (outside := _sound(source, path, External)) is not None:
            yield key, path, outside


def _external_paths(source: Source) -> list[tuple[str, Path]]:
    try:
        found = source.at(("strategies", "external"))
    except KeyError:
        return []
    return [(key, ("strategies", "external", key)) for key in found] if isinstance(found, dict) else []


def _perpetuals(venue: VenueSection | None) -> dict[str, Instrument]:
    """Return the execution venue's perpetuals by asset; none while its section is unreadable."""
    found = instruments(venue.name).values() if venue is not None else ()
    return {one.asset: one for one in found if one.kind is InstrumentKind.PERP}


def _in_order(errors: list[InputError]) -> list[InputError]:
    """Sort by line, and drop an error that says the same about the same place twice."""
    unique = {str(error): error for error in errors}
    return sorted(unique.values(), key=lambda error: (_line(error), error.path))


def _line(error: InputError) -> int:
    digits = error.path.removeprefix("line ").partition(",")[0]
    return int(digits) if digits.isdigit() else 0
