"""The liquidation map: the marked bands from top to bottom with the price among them.

In: the bands of the config and a price. Out: lines of text, highest first, with the distance of each level from the price.
"""

from __future__ import annotations

from tidegate.config.load import Settings
from tidegate.units import ONE, Price, change_bps, render

BAR = 34


def liquidation_map(settings: Settings) -> list[str]:
    """Draw the static bands and the context price as a ladder."""
    static = settings.document.bands.static
    price = settings.document.market_context.prices_usd[static.asset]
    levels: list[tuple[Price, str, str]] = [(level, "=", "upper level") for level in static.upper.next_usd]
    levels += [(static.upper.invalidation_usd, "x", "shorts are wrong above, held 60 s")]
    levels += [
        (static.upper.zone_usd[1], "#", "upper zone, high edge"),
        (static.upper.zone_usd[0], "#", "upper zone: fail-break short"),
    ]
    levels += [
        (static.lower.zone_usd[1], "#", "lower zone: reclaim long"),
        (static.lower.zone_usd[0], "#", "lower zone, low edge"),
    ]
    levels += [(level, "=", "lower level") for level in static.lower.next_usd]
    if static.mid_usd != price:
        levels.append((static.mid_usd, ".", "middle: do not trade here"))
    levels.append(
        (
            price,
            ">",
            f"{static.asset} at the time of the plan"
            + (" (middle: do not trade here)" if static.mid_usd == price else ""),
        )
    )
    lines = [f"{static.asset}, bands marked by hand (source: static)"]
    return lines + [_line(level, symbol, words, price) for level, symbol, words in sorted(levels, reverse=True)]


def _line(level: Price, symbol: str, words: str, price: Price) -> str:
    """Write one level. Zones and levels are bars, the price an arrow, the invalidation a cross."""
    away = f"{'+' if level >= price else ''}{render(change_bps(level, price), 0)} bps" if level != price else "price"
    bar = {"#": "#" * BAR, "=": "=" * (BAR // 2), ">": "-" * (BAR - 1) + ">", "x": "x", ".": "." * BAR}[symbol]
    return f"  {_thousands(level):>11}  {bar:<{BAR}}  {away:>9}  {words}"


def _thousands(level: Price) -> str:
    """Write a price with thousands separated: 108,402 or 0.52."""
    whole, _, fraction = render(level).partition(".")
    return f"{int(whole):,}" + (f".{fraction}" if level % ONE else "")
