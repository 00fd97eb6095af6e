"""The one-time operator link: once, soon, few tries, a named human. INVARIANT: A2 K2"""

from __future__ import annotations

import pytest

from tests.security.lab import NOW_NS, Keys, code_of, http, refusal
from tidegate.api.door.admission import Level
from tidegate.api.door.operator_link import CODE_LASTS_NS, WRONG_TRIES_MAX, OperatorLink
from tidegate.api.door.token_file import create
from tidegate.api.door.token_text import redact
from tidegate.errors import InputError
from tidegate.units import HOUR_NS


def code(link: OperatorLink) -> str:
    return link.address("http://127.0.0.1:8000/").partition("#code=")[2]


def test_the_address_carries_the_code_behind_the_sign_that_browsers_do_not_send() -> None:
    address = OperatorLink(Keys.__new__(Keys)).address("http://127.0.0.1:8000")  # type: ignore[arg-type]
    assert address.startswith("http://127.0.0.1:8000/operator#code=")
    assert len(address.partition("#code=")[2]) == 22  # 128 bits in base64url


def test_codes_differ_and_do_not_show(keys: Keys) -> None:
    links = [OperatorLink(keys.store(), keys.monotonic) for _ in range(50)]
    assert len({code(link) for link in links}) == 50
    assert all(code(link) not in repr(link) for link in links)
    assert code(links[0]) not in redact(f"open {links[0].address('http://127.0.0.1:8000')} now")


def test_the_code_gives_an_operate_token_under_the_name_of_who_redeemed_it(keys: Keys) -> None:
    guard = keys.guard()
    link = OperatorLink(guard.tokens, keys.monotonic)
    token = link.redeem(code(link), "Ada")
    admission = guard.admit(http((b"authorization", f"Bearer {token}".encode())), Level.OPERATE)
    assert str(admission.principal) == "operator:Ada"
    keys.monotonic.move(12 * HOUR_NS)
    assert code_of(lambda: guard.admit(http((b"authorization", f"Bearer {token}".encode())), Level.OPERATE)) == "UNAUTHENTICATED"


def test_it_works_once(keys: Keys) -> None:
    link = OperatorLink(keys.store(), keys.monotonic)
    used = code(link)
    link.redeem(used, "Ada")
    assert code_of(lambda: link.redeem(used, "Ada")) == "FORBIDDEN"
    assert code_of(lambda: link.redeem("", "Ada")) == "FORBIDDEN"
    assert code(link) == ""


def test_it_works_for_ten_minutes(keys: Keys) -> None:
    early, late = OperatorLink(keys.store(), keys.monotonic), OperatorLink(keys.store(), keys.monotonic)
    keys.monotonic.move(CODE_LASTS_NS - 1)
    assert early.redeem(code(early), "Ada")
    keys.monotonic.move(1)
    assert code_of(lambda: late.redeem(code(late), "Ada")) == "FORBIDDEN"


def test_five_wrong_tries_close_it_and_four_do_not(keys: Keys) -> None:
    patient, closed = OperatorLink(keys.store(), keys.monotonic), OperatorLink(keys.store(), keys.monotonic)
    for attempt in range(WRONG_TRIES_MAX):
        assert code_of(lambda: closed.redeem("x" * 22, "Ada")) == "FORBIDDEN"
        if attempt:
            assert code_of(lambda: patient.redeem("x" * 22, "Ada")) == "FORBIDDEN"
    assert patient.redeem(code(patient), "Ada")
    assert code_of(lambda: closed.redeem(code(closed), "Ada")) == "FORBIDDEN"


def test_wrong_used_late_and_closed_codes_get_one_answer(keys: Keys) -> None:
    used, late, closed, wrong = (OperatorLink(keys.store(), keys.monotonic) for _ in range(4))
    used_code, late_code = code(used), code(late)
    used.redeem(used_code, "Ada")
    for _ in range(5):
        code_of(lambda: closed.redeem("x", "Ada"))
    answers = [refusal(lambda: wrong.redeem("Ä" * 22, "Ada")), refusal(lambda: used.redeem(used_code, "Ada"))]
    answers.append(refusal(lambda: closed.redeem(code(closed), "Ada")))
    keys.monotonic.move(CODE_LASTS_NS)
    answers.append(refusal(lambda: late.redeem(late_code, "Ada")))
    assert len({str(answer) for answer in answers}) == 1
    assert None not in answers


@pytest.mark.parametrize(
    "name", ["", "local", "system", "kill switch", "agent:bot", "scripted operator", "deploy command", "a" * 65, "bot", "BOT"]
)
def test_only_a_humans_name_redeems_it_and_a_bad_name_does_not_use_it_up(keys: Keys, name: str) -> None:
    create(keys.path, "bot", Level.PROPOSE, NOW_NS, None)
    link = OperatorLink(keys.store(), keys.monotonic)
    with pytest.raises(InputError, match="name"):
        link.redeem(code(link), name)
    assert link.redeem(code(link), "Ada")


def test_a_bad_name_with_a_wrong_code_is_a_wrong_try_and_tells_nothing_of_the_name(keys: Keys) -> None:
    link = OperatorLink(keys.store(), keys.monotonic)
    assert code_of(lambda: link.redeem("x", "")) == "FORBIDDEN"
