"""The read model of the one screen, and the screen made of it."""

from __future__ import annotations

import msgspec
import pytest

from tests.support.cli_runs import driven, long_of, market_run
from tidegate.cli.monitor import Banner, screen
from tidegate.engine.run import Run
from tidegate.engine.session_view import SessionView, session_view
from tidegate.engine.verdicts import RecentVerdicts
from tidegate.model.observation import Side
from tidegate.units import ONE, SECOND_NS

BANNER = Banner("scenario:open-market:7", "10x", "var/journals/paper-open-market-7-1.db")


def asked_run() -> tuple[Run, RecentVerdicts]:
    """Return a run in which an agent's long was filled and its 500 USD short was refused."""
    run, verdicts = market_run(), RecentVerdicts()
    run.engine.chronicle.listen(verdicts.note)
    driven(run, 60)
    run.engine.submit(long_of("BTC/USDT"))
    run.engine.flush()
    run.engine.submit(long_of("ETH/USDT", 500, Side.SHORT))
    run.engine.flush()
    return driven(run, 65), verdicts


def text_of(view: SessionView, width: int, height: int) -> list[str]:
    return [line.plain for line in screen(view, BANNER, width, height)]


def test_the_view_tells_position_stop_targets_and_remaining_time_of_an_open_trade() -> None:
    run, verdicts = asked_run()
    view = session_view(run.engine, verdicts.newest_first())
    (position,) = view.positions
    assert (position.asset, position.side) == ("BTC", Side.LONG)
    assert position.stop < position.entry < position.targets[0]
    assert 0 < position.left_ns <= 4 * 3600 * SECOND_NS


def test_the_newest_verdict_stands_first_with_the_sentence_of_its_primary_reason() -> None:
    run, verdicts = asked_run()
    newest, oldest = session_view(run.engine, verdicts.newest_first()).verdicts
    assert (newest.approved, newest.primary, newest.side, newest.asset) == (
        False,
        "L1_NOTIONAL_TOO_LARGE",
        Side.SHORT,
        "ETH",
    )
    assert "500.00 USD" in newest.sentence
    assert oldest.approved


def test_limits_are_ordered_by_distance_the_nearest_first() -> None:
    run, _ = asked_run()
    lines = session_view(run.engine).limits
    assert [line.share for line in lines] == sorted((line.share for line in lines), reverse=True)
    assert {line.name for line in lines} >= {
        "drawdown",
        "daily loss",
        "exposure",
        "open trades",
        "entries today",
        "loss streak",
        "losses",
    }
    entries = next(line for line in lines if line.name == "open trades")
    assert (entries.used, entries.limit) == (ONE, 3 * ONE)


def test_a_market_that_falls_silent_is_shown_stale_with_its_age() -> None:
    run = driven(market_run(), 60)
    run.engine.now_ns += 10 * SECOND_NS
    btc = session_view(run.engine).assets[0]
    book = next(feed for feed in btc.feeds if feed.name == "book")
    assert (book.fresh, book.age_ns) == (False, 10 * SECOND_NS)
    assert any("book 10s" in line for line in text_of(session_view(run.engine), 120, 40))


def test_before_the_first_batch_everything_is_missing_and_nothing_is_zero() -> None:
    run = market_run()
    view = session_view(run.engine)
    assert all(line.price is None and line.short_pct is None and line.funding_a_bps is None for line in view.assets)
    assert any("missing" in line for line in text_of(view, 80, 24))


@pytest.mark.parametrize(("width", "height"), [(80, 24), (100, 30), (120, 40), (200, 60)])
def test_the_screen_fits_every_terminal_from_80_by_24_up(width: int, height: int) -> None:
    run, verdicts = asked_run()
    run.engine.halt("ada", "a rather long reason " * 10)
    lines = text_of(session_view(run.engine, verdicts.newest_first() * 16), width, height)
    assert len(lines) == height
    assert max(map(len, lines)) <= width
    assert lines[0].startswith(" PAPER ")
    assert lines[1].startswith("HALTED  L4_OPERATOR")


def test_a_partial_halt_is_told_as_one() -> None:
    run = driven(market_run(), 60)
    view = session_view(run.engine)
    run.engine.halt("ada", "reason")
    (halt,) = session_view(run.engine).halts
    partial = msgspec.structs.replace(view, halts=(msgspec.structs.replace(halt, assets=("SOL",)),))
    assert text_of(partial, 80, 24)[1].startswith("HALTED in part  L4_OPERATOR SOL")
