"""The pieces of the live monitor: each turns a part of a `SessionView` into lines that fit a width.

In: the read model. Out: rich `Text` lines, coloured by meaning: green is fine, yellow is near, red is stale, halted or over a limit.
"""

from __future__ import annotations

from rich.text import Text

from tidegate.cli.words import fit, lasting, meter, price, signed, time_of_day
from tidegate.engine.session_view import AssetLine, FeedAge, LimitLine, PositionLine, SessionView, VerdictLine
from tidegate.units import ONE, SECOND_NS, render

WIDE = 110
_NEAR, _FULL = ONE // 2, ONE * 8 // 10
_GOOD, _WARN, _BAD, _DIM = "green", "yellow", "bold red", "dim"


def rule(title: str, width: int) -> Text:
    """Return a section's title line."""
    line = Text.assemble(("── ", _DIM), (title, "bold"), (f" {'─' * max(0, width - len(title) - 4)}", _DIM))
    line.truncate(width, overflow="ellipsis")
    return line


def halt_lines(view: SessionView, width: int) -> list[Text]:
    """Return one line that says whether entries are possible and, if not, why, since when and who may change it."""
    if view.flattening:
        residual = f"; left: {view.residual}" if view.residual else ""
        return [Text(fit(f"REDUCING  closing everything{residual}", width), style=_WARN)]
    if not view.halts:
        idle = "" if view.strategies_enabled else "; strategies idle until asked"
        return [Text(f"ACTIVE    no halt is latched{idle}", style=_GOOD)]
    halt = view.halts[0]
    more = f"  (+{len(view.halts) - 1} more)" if len(view.halts) > 1 else ""
    whom = ",".join(halt.assets) or "all"
    lifts = "lifts itself" if halt.self_lifting else "a human lifts it"
    since = lasting(view.now_ns - halt.since_ns)
    text = f"{'HALTED' if not halt.assets else 'HALTED in part'}  {halt.cause} {whom}, {since}, {lifts}{more}: {halt.detail}"
    return [Text(fit(text, width), style=_BAD if not halt.assets else _WARN)]


def money_line(view: SessionView, width: int) -> Text:
    """Return the day's result and the health factor with its distance."""
    line = Text("day ")
    line.append(f"{signed(view.equity_usd, 2)} USD", style=_money(view.equity_usd))
    line.append(f"  booked {signed(view.realised_day_usd, 2)}, open {signed(view.unrealised_usd, 2)}", style=_DIM)
    line.append("   health factor ")
    line.append_text(_health(view))
    line.truncate(width)
    return line


def _health(view: SessionView) -> Text:
    if view.health_feed is None:
        return Text("not configured", style=_DIM)
    if view.health_factor is None or not view.health_feed.fresh:
        return Text("missing" if view.health_factor is None else f"{render(view.health_factor, 2)} stale", style=_BAD)
    room = view.health_factor - view.health_factor_min
    style = _BAD if room < 0 else _WARN if room < ONE * 3 // 10 else _GOOD
    return Text(
        f"{render(view.health_factor, 2)} ({signed(room, 2)} to {render(view.health_factor_min, 2)})", style=style
    )


def bands_title(view: SessionView) -> str:
    """Return the title of the markets with the bands in play and their source."""
    for line in view.assets:
        if line.lower is not None and line.upper is not None:
            lower, upper = (f"{_edge(band.low)}-{_edge(band.high)}" for band in (line.lower, line.upper))
            return f"markets: {line.asset} bands {lower} and {upper} ({line.lower.source})"
    return "markets: no band is valid"


def _edge(level: int) -> str:
    """Return a band's edge; these are round numbers more often than not."""
    return price(level).removesuffix(".0")


def market_lines(view: SessionView, width: int) -> list[Text]:
    """Return the table of assets: where price sits between the bands, the crowd, funding, open interest, the feeds' ages."""
    wide = width >= WIDE
    map_width = max(18, min(40, width - 98)) if wide else 18
    first, second = (venue[:3] for venue in view.funding_venues)
    spread_head = f"funding {first}/{second} = spread" if wide else f"{first}-{second} bps"
    head = f"{'':4} {'price':>10}  {fit('between the bands', map_width)} {'crowd short':>11} {spread_head:>{23 if wide else 11}}"
    head += f" {'OI 24 h':>8}" + ("  spread  oldest feed" if wide else "  oldest")
    return [Text(fit(head, width), style=_DIM), *(_market_line(line, view, map_width, wide) for line in view.assets)]


def feed_lines(view: SessionView) -> list[Text]:
    """Return every feed of every asset with its age, stale ones in red."""
    names = max((tuple(feed.name for feed in line.feeds) for line in view.assets), key=len, default=())
    head = Text(f"{'age of':7}" + "".join(f" {name:>15}" for name in names), style=_DIM)
    lines = [head]
    for line in view.assets:
        text = Text(f"{line.asset:7}", style="bold")
        ages = {feed.name: feed for feed in line.feeds}
        for name in names:
            feed = ages.get(name)
            shown = "" if feed is None else "never" if feed.age_ns is None else lasting(feed.age_ns)
            text.append(f" {shown:>15}", style="" if feed is None else _GOOD if feed.fresh else _BAD)
        lines.append(text)
    return lines


def _market_line(line: AssetLine, view: SessionView, map_width: int, wide: bool) -> Text:
    text = Text(f"{line.asset:4}", style="bold red" if line.halted else "bold")
    text.append(
        f" {price(line.price) if line.price is not None else 'missing':>10}  ",
        style="" if line.price is not None else _BAD,
    )
    text.append_text(_band_map(line, map_width))
    text.append_text(_crowd(line))
    text.append_text(_funding(line, wide))
    spiking = line.oi_change_pct is not None and line.oi_change_pct > view.oi_change_pct_max
    oi = f"{signed(line.oi_change_pct, 2)}%" if line.oi_change_pct is not None else "missing"
    text.append(f" {oi:>8}", style=_WARN if spiking else "" if line.oi_change_pct is not None else _BAD)
    if wide:
        broad = line.spread_bps is not None and line.spread_bps > line.spread_bps_max
        spread = f"{render(line.spread_bps, 2)}" if line.spread_bps is not None else "missing"
        text.append(f" {spread:>7}", style=_BAD if broad or line.spread_bps is None else "")
    text.append("  ")
    text.append_text(_worst_feed(line.feeds, wide))
    return text


def _band_map(line: AssetLine, width: int) -> Text:
    """Draw where price sits: between the outer edges of the bands, or (assets without bands) within the last hour's range."""
    low = line.lower.low if line.lower is not None else line.low
    high = line.upper.high if line.upper is not None else line.high
    if line.price is None or low is None or high is None or high <= low:
        return Text("·" * width, style=_DIM)
    span, inner = high - low, width - 2
    cells = ["·"] * inner
    if line.lower is not None and line.upper is not None:
        for place in range(inner):
            edge = low + span * place // inner
            if edge < line.lower.high or edge + span // inner > line.upper.low:
                cells[place] = "▒"
    marked = (line.price - low) * inner // span
    text = Text("▕", style=_DIM)
    if 0 <= marked < inner:
        text.append("".join(cells[:marked]), style="cyan")
        text.append("●", style="bold yellow" if cells[marked] == "▒" else "bold")
        text.append("".join(cells[marked + 1 :]), style="cyan")
    else:
        arrow = "◀" if marked < 0 else "▶"
        body = arrow + "".join(cells[1:]) if marked < 0 else "".join(cells[:-1]) + arrow
        text.append(body, style="bold yellow")
    return text.append("▏", style=_DIM)


def _crowd(line: AssetLine) -> Text:
    if line.short_pct is None:
        return Text(f" {'missing':>11}", style=_BAD)
    crowded = line.short_pct > line.short_pct_max
    shown = f"{render(line.short_pct, 1)}{'>' if crowded else '≤'}{render(line.short_pct_max, 0)}%"
    return Text(f" {shown:>11}", style=_WARN if crowded else "")


def _funding(line: AssetLine, wide: bool) -> Text:
    if line.funding_a_bps is None or line.funding_b_bps is None:
        return Text(f" {'missing':>{23 if wide else 11}}", style=_BAD)
    spread = line.funding_a_bps - line.funding_b_bps
    both = f"{signed(line.funding_a_bps, 2)}/{signed(line.funding_b_bps, 2)} = "
    return Text(f" {(both if wide else '') + signed(spread, 2):>{23 if wide else 11}}")


def _worst_feed(feeds: tuple[FeedAge, ...], wide: bool) -> Text:
    """Return the feed nearest to its limit, or every stale one by name."""
    stale = [feed for feed in feeds if not feed.fresh]
    if stale:
        named = [f"{feed.name} {lasting(feed.age_ns) if feed.age_ns is not None else 'never'}" for feed in stale]
        shown = ", ".join(named) if wide else f"{named[0]}{f' +{len(named) - 1}' if len(named) > 1 else ''}"
        return Text(shown, style=_BAD)
    worst = max(feeds, key=lambda feed: (feed.age_ns or 0) * ONE // max(feed.limit_ns, 1))
    shown = (
        f"{worst.name} {lasting(worst.age_ns or 0)} of {worst.limit_ns // SECOND_NS}s"
        if wide
        else f"{(worst.age_ns or 0) // SECOND_NS}s"
    )
    return Text(shown, style=_GOOD)


def limit_lines(limits: tuple[LimitLine, ...], width: int) -> list[Text]:
    """Return every limit with a meter, the nearest first, in two columns."""
    half = (width - 2) // 2
    shown = [_limit_cell(line, half) for line in limits]
    rows: list[Text] = []
    for place in range(0, len(shown), 2):
        row = shown[place].copy()
        if place + 1 < len(shown):
            row.append("  ")
            row.append_text(shown[place + 1])
        rows.append(row)
    return rows


def _limit_cell(line: LimitLine, width: int) -> Text:
    places = 2 if line.unit else 0
    amount = f"{render(line.used, places)} of {render(line.limit)}{' ' + line.unit if line.unit else ''}"
    bar_width = max(6, min(24, width - 33))
    style = _BAD if line.share >= _FULL else _WARN if line.share >= _NEAR else _GOOD
    text = Text(f"{line.name:13} ")
    text.append(meter(line.share, bar_width), style=style)
    text.append(f" {amount}")
    text.truncate(width)
    text.pad_right(max(0, width - len(text)))
    return text


def position_lines(positions: tuple[PositionLine, ...], width: int) -> list[Text]:
    """Return the open trades with stop, next target, remaining time and result."""
    if not positions:
        return []
    wide = width >= WIDE
    strategy_head = f"{'strategy':28}" if wide else ""
    head = f"{strategy_head}{'':10} {'quantity':>9} {'entry':>9} {'mark':>9} {'stop':>9} {'target':>9} {'left':>6} {'USD':>7}"
    return [Text(head, style=_DIM), *(_position_line(line, wide) for line in positions)]


def _position_line(line: PositionLine, wide: bool) -> Text:
    target = price(line.targets[0]) if line.targets else "-"
    text = Text(fit(line.strategy, 28) if wide else "")
    text.append(f"{line.asset:4} {'pair' if line.is_pair else line.side:5}", style="bold")
    stop, left = ("-", "-") if line.is_pair else (price(line.stop), lasting(line.left_ns))
    prices = " ".join(f"{shown:>9}" for shown in (price(line.entry), price(line.mark), stop, target))
    text.append(f" {render(line.quantity):>9} {prices} {left:>6} ")
    result = line.unrealised_usd + line.realised_usd
    return text.append(f"{signed(result, 2):>7}", style=_money(result))


def verdict_lines(verdicts: tuple[VerdictLine, ...], width: int, rows: int) -> list[Text]:
    """Return the newest verdicts: time, strategy, side, asset, verdict, and the sentence of the primary reason."""
    wide = width >= WIDE
    lines: list[Text] = []
    for verdict in verdicts[:rows]:
        who = f"{fit(verdict.strategy, 27)} " if wide else ""
        text = Text(f"{time_of_day(verdict.ts_ns)} {who}{verdict.way:5} {verdict.asset:4} ")
        text.append("APPROVED" if verdict.approved else "REJECTED", style=_GOOD if verdict.approved else _BAD)
        amount = f"{render(verdict.notional_usd, 2)} USD"
        told = (
            f"{verdict.primary}: {verdict.sentence}"
            if verdict.primary
            else f"{amount}{'; ' + verdict.sentence if verdict.sentence else ''}"
        )
        text.append(f" {verdict.decision_id} {told}" if wide else f" {told}")
        text.truncate(width, overflow="ellipsis")
        lines.append(text)
    return lines


def _money(usd: int) -> str:
    return _GOOD if usd > 0 else "red" if usd < 0 else ""
