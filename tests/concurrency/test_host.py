"""The host: a feed that stops leaves the server up, a bug stops it all, side files come home, and its files are its own. INVARIANT: K4 S4 S5 J4"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.support.world_desk import SETTINGS, ask
from tidegate.engine.chronicle import encode
from tidegate.engine.control import Command, ControlFolder
from tidegate.engine.host import Host, HostRequest
from tidegate.errors import InputError, JournalError, JournalLocked
from tidegate.feeds.port import Batch
from tidegate.feeds.scenario import ScenarioFeed
from tidegate.journal.side_file import SideFile, side_path
from tidegate.journal.store_sqlite import SqliteJournal
from tidegate.model.event import HaltLatched, RunStarted
from tidegate.model.finding import Reason
from tidegate.model.halt import Halt
from tidegate.model.intent import Mode

LIMITS = SETTINGS.limits(Mode.PAPER)
Story = Callable[[Host], Awaitable[None]]


class Broken(ScenarioFeed):
    """A scenario that raises after a few batches."""

    def __init__(self, error: Exception, after: int = 3) -> None:
        super().__init__("open-market", 1, LIMITS.perpetuals())
        self._error, self._after = error, after

    def batches(self) -> Iterator[Batch]:
        """Yield a few batches at once, then raise."""
        for _, batch in zip(range(self._after), super().batches(), strict=False):
            yield batch
            raise self._error


def market(name: str = "open-market") -> ScenarioFeed:
    return ScenarioFeed(name, 1, LIMITS.perpetuals())


def served(path: Path, story: Story, feed: ScenarioFeed | None = None, speed: float = 1.0) -> Host:
    """Open a host, play a story on it, close it."""
    host = Host.open(SETTINGS, feed or market(), HostRequest(path, speed))

    async def play() -> None:
        async with host:
            await until(lambda: host.desk.view().assets[0].price is not None)
            await story(host)

    asyncio.run(asyncio.wait_for(play(), 30))
    return host


async def until(is_so: Callable[[], bool]) -> None:
    """Let the loop run until something is so."""
    while not is_so():
        await asyncio.sleep(0)


def test_a_feed_that_ends_in_an_error_of_the_house_leaves_the_host_up(tmp_path: Path) -> None:
    async def story(host: Host) -> None:
        await until(lambda: host.over)
        assert (await host.desk.submit(ask(0))).decision_id

    served(tmp_path / "journal", story, Broken(InputError("line 3", "x", "y")))


def test_a_bug_in_the_feed_stops_the_host_and_is_raised(tmp_path: Path) -> None:
    async def story(host: Host) -> None:
        assert isinstance(await host.broken(), ZeroDivisionError)

    with pytest.raises(ZeroDivisionError):
        served(tmp_path / "journal", story, Broken(ZeroDivisionError("a bug")))
    SqliteJournal.open(tmp_path / "journal", mode="paper", create=False).close()


def test_control_files_are_obeyed_on_the_writers_turn_and_nonsense_is_answered(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    folder = ControlFolder(path)

    async def story(host: Host) -> None:
        answer = await asyncio.to_thread(folder.ask, Command("halt", "anna", "news"))
        assert answer.ok
        assert [halt.cause for halt in host.desk.view().halts] == [Reason.L4_OPERATOR]
        assert not (await asyncio.to_thread(folder.ask, Command("dance", "anna", "why not"))).ok
        assert not (await asyncio.to_thread(folder.ask, Command("lift", "agent:x", "please", "OPERATOR"))).ok
        nonsense = Path(f"{path}.control") / "1-1.command.json"
        nonsense.write_text("{")
        await until(lambda: not nonsense.exists())
        assert b"false" in (Path(f"{path}.control") / "1-1.answer.json").read_bytes()

    served(path, story)
    assert not Path(f"{path}.control").exists()


def test_what_an_earlier_process_had_to_put_aside_comes_home_once_and_the_file_is_retired(tmp_path: Path) -> None:
    path = tmp_path / "journal"

    async def nothing(host: Host) -> None:
        pass

    first = served(path, nothing)
    halt = HaltLatched(first.desk.engine.now_ns, Halt(Reason.L4_OPERATOR, first.desk.engine.now_ns, "anna: the disk was full"))
    aside = SideFile(path)
    aside.append(halt.ts_ns, *encode(halt))
    aside.close()

    async def halted(host: Host) -> None:
        assert [each.detail for each in host.desk.view().halts] == ["anna: the disk was full"]

    served(path, halted)
    assert not side_path(path).exists()
    assert len(list(tmp_path.glob("journal.side.jsonl.reconciled-*"))) == 1
    served(path, halted)


def test_one_journal_has_one_host(tmp_path: Path) -> None:
    async def story(host: Host) -> None:
        with pytest.raises(JournalLocked, match="one writer"):
            Host.open(SETTINGS, market(), HostRequest(tmp_path / "journal"))

    served(tmp_path / "journal", story)


def test_a_scenario_with_an_end_goes_on_where_it_was_with_its_windows_filled(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    reached: list[int] = []

    async def some_minutes(host: Host) -> None:
        start_ns = host.desk.engine.now_ns
        await until(lambda: host.desk.engine.now_ns > start_ns + 90 * 10**9)
        await host.desk.submit(ask(0))
        reached.append(host.desk.engine.now_ns)

    async def at_once(host: Host) -> None:
        assert host.resumed > 0
        assert host.desk.started_ns >= reached[0]
        tape = host.desk.engine.market.asset("BTC")
        await until(lambda: tape.low_since(60 * 10**9) is not None)
        assert host.desk.engine.now_ns < reached[0] + 10**9

    served(path, some_minutes, market("crash"), speed=1_000)
    served(path, at_once, market("crash"), speed=0.01)


def test_the_tightened_cap_and_running_strategies_are_told_and_idle_again_after_a_restart(tmp_path: Path) -> None:
    async def story(host: Host) -> None:
        assert not host.desk.view().strategies_enabled
        assert await host.desk.start_strategies(2, "anna") == 2
        assert await host.desk.start_strategies(50, "anna") == 2
        assert host.desk.view().strategies_enabled
        tightened = [event for _, event in told if isinstance(event, RunStarted)]
        assert [event.limits.entries_per_day_max for event in tightened] == [LIMITS.entries_per_day_max, 2]
        await host.desk.stop_strategies("anna")
        assert not host.desk.view().strategies_enabled

    told: list = []
    host = Host.open(SETTINGS, market(), HostRequest(tmp_path / "journal"))
    host.desk.listen(told.extend)

    async def play() -> None:
        async with host:
            await story(host)

    asyncio.run(asyncio.wait_for(play(), 30))


def test_a_journal_of_something_else_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    async def nothing(host: Host) -> None:
        pass

    served(tmp_path / "journal", nothing)
    before = (tmp_path / "journal").read_bytes()
    with pytest.raises(JournalError, match="begun by"):
        Host.open(SETTINGS, market("crash"), HostRequest(tmp_path / "journal"))
    assert (tmp_path / "journal").read_bytes() == before
