"""Bringing alerts to people: in time, together in a flood, again when a target is down, and never showing an address. INVARIANT: C3 C4"""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from tests.support.alert_inbox import CANARY, WITHIN_S, Target, alert, receiver, settings_file
from tidegate.api.alerts.alerts import QUIET_S, Told
from tidegate.api.alerts.post import AT_ONCE, GAP_S, PAUSE_S_MAX, WAITING_MAX, Courier, couriers_to, pause_s
from tidegate.api.alerts.rules import Urgency
from tidegate.api.alerts.settings import ENVIRONMENT, AlertsUnusable, add_url, load_settings
from tidegate.cli import alerts_command

# -- once --


def test_the_same_is_not_told_again_within_five_minutes_and_a_change_is_told_at_once() -> None:
    told = Told()
    seen = [
        told.is_new(alert("halt", "latched"), 0),
        told.is_new(alert("halt", "latched"), QUIET_S - 0.1),
        told.is_new(alert("other", "latched"), 1),
        told.is_new(alert("halt", "lifted"), 2),
        told.is_new(alert("halt", "latched"), 3),
        told.is_new(alert("halt", "latched"), 4),
        told.is_new(alert("halt", "latched"), 3 + QUIET_S),
    ]
    assert seen == [True, False, True, True, True, False, True]


def test_memory_of_what_was_told_is_bounded() -> None:
    told = Told()
    for number in range(5_000):
        told.is_new(alert(str(number)), 0)
    assert len(told._told) <= 1_024


# -- the courier, with a clock of our own --


def test_the_first_alerts_go_at_once_and_in_a_flood_what_gathers_goes_together() -> None:
    target = Target()
    courier = Courier("1 (json)", target.send)
    for number in range(AT_ONCE):
        courier.put(alert(str(number)))
        assert courier.step(100.0) is None
    assert len(target.taken) == AT_ONCE
    courier.put(alert("b", urgency=Urgency.NOTE))
    courier.put(alert("c"))
    assert courier.step(101.0) == pytest.approx(GAP_S - 1.0)
    assert courier.step(100.0 + GAP_S) is None
    last = target.taken[-1]
    assert (last.title, last.body) == ("title c (and 1 more)", "title b\nbody b\n\ntitle c\nbody c")
    assert len(target.taken) == AT_ONCE + 1
    assert GAP_S < WITHIN_S


def test_a_target_that_is_down_is_tried_again_with_growing_pauses_and_loses_nothing() -> None:
    target = Target()
    target.up = False
    courier = Courier("1 (json)", target.send)
    courier.put(alert("a"))
    now_s, waits = 0.0, []
    for _ in range(4):
        wait_s = courier.step(now_s)
        assert wait_s is not None
        waits.append(wait_s)
        now_s += wait_s
    assert waits == [2.0, 4.0, 8.0, 16.0]
    assert pause_s(1_000) == PAUSE_S_MAX
    assert (courier.status.failures, courier.status.waiting) == (4, 1)
    courier.put(alert("b"))
    target.up = True
    assert courier.step(now_s) is None
    assert [each.body for each in target.taken] == ["title a\nbody a\n\ntitle b\nbody b"]
    assert (courier.status.failures, courier.status.waiting, courier.status.sent) == (0, 0, 1)


def test_when_too_much_waits_the_least_urgent_goes_first_and_it_is_said() -> None:
    target = Target()
    courier = Courier("1 (json)", target.send)
    for number in range(WAITING_MAX):
        courier.put(alert(f"note {number}", urgency=Urgency.NOTE))
    for number in range(3):
        courier.put(alert(f"halt {number}"))
    assert (courier.status.waiting, courier.status.dropped) == (WAITING_MAX, 3)
    courier.step(0.0)
    assert "3 less urgent alerts were dropped" in target.taken[0].body
    assert target.taken[0].title.startswith("title halt 0 (and")


def test_a_courier_brings_what_waits_when_it_is_closed() -> None:
    target = Target()
    courier = Courier("1 (json)", target.send)
    courier.start()
    for key in "abc":
        courier.put(alert(key))
    assert courier.close(WITHIN_S)
    assert sum(each.body.count("body") for each in target.taken) == 3


# -- the settings --


def test_addresses_are_read_from_a_file_of_its_owner_alone(tmp_path: Path) -> None:
    path = settings_file(tmp_path, json.dumps({"urls": [f"json://localhost/{CANARY}"]}))
    settings = load_settings(path)
    assert settings
    assert settings.urls == (f"json://localhost/{CANARY}",)
    assert CANARY not in repr(settings)
    assert load_settings(tmp_path / "none.json") is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_a_file_that_others_can_read_is_refused_with_the_fix(tmp_path: Path, mode: int) -> None:
    with pytest.raises(AlertsUnusable, match="chmod 600"):
        load_settings(settings_file(tmp_path, json.dumps({"urls": ["json://localhost"]}), mode))


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"urls": []}', '{"urls": "json://canary"}', '{"url": ["json://canary"]}', json.dumps({"urls": ["json://canary"] * 9}), "\udcff"],
)
def test_a_file_that_is_not_right_is_refused_without_showing_it(tmp_path: Path, content: str) -> None:
    path = tmp_path / "alerts.json"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    path.chmod(0o600)
    with pytest.raises(AlertsUnusable) as refused:
        load_settings(path)
    assert "canary" not in str(refused.value)


def test_adding_an_address_makes_a_private_file_and_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "var" / "alerts.json"
    assert (add_url(path, "json://one"), add_url(path, "json://two")) == (1, 2)
    assert path.stat().st_mode & 0o777 == 0o600
    settings = load_settings(path)
    assert settings
    assert settings.urls == ("json://one", "json://two")


def test_an_address_that_means_nothing_is_refused_without_showing_it() -> None:
    pytest.importorskip("apprise")
    with pytest.raises(AlertsUnusable, match="url 2 of 2") as refused:
        couriers_to(("json://localhost", f"nothing://{CANARY}"))
    assert CANARY not in str(refused.value)


def test_no_address_is_logged_or_shown_when_a_target_is_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("apprise")
    with receiver() as inbox:
        url = inbox.url
    monkeypatch.setenv(ENVIRONMENT, str(settings_file(tmp_path, json.dumps({"urls": [url]}))))
    with caplog.at_level(logging.DEBUG):
        assert alerts_command.main(["test"]) == 1
    shown = capsys.readouterr()
    assert CANARY not in caplog.text + shown.out + shown.err
    assert "1 (json)" in shown.err + shown.out


# -- the command --


def test_the_command_sends_a_test_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("apprise")
    with receiver() as inbox:
        monkeypatch.setenv(ENVIRONMENT, str(settings_file(tmp_path, json.dumps({"urls": [inbox.url]}))))
        assert alerts_command.main(["test"]) == 0
        assert "test" in inbox.next()["title"]
    assert "1 (json)" in capsys.readouterr().out


def test_the_command_takes_an_address_from_stdin_and_never_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("apprise")
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "alerts.json"))
    monkeypatch.setattr(alerts_command, "ask_for_address", lambda: f"json://localhost/{CANARY}\n")
    assert alerts_command.main(["add"]) == 0
    shown = capsys.readouterr()
    assert CANARY not in shown.out + shown.err
    assert load_settings(tmp_path / "alerts.json") is not None


def test_the_command_says_what_to_do_when_nothing_is_set_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "none.json"))
    assert alerts_command.main(["test"]) == 2
    assert "tidegate alerts add" in capsys.readouterr().err
