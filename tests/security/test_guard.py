"""The guard: Host, Origin, client address, token, level. INVARIANT: A2 A3 B5"""

from __future__ import annotations

import pytest

from tests.security.lab import HOST, OWN_ORIGIN, Keys, code_of, http, refusal, websocket
from tidegate.api.door.admission import Level
from tidegate.api.door.guard import Guard, GuardSettings, answer_subprotocol
from tidegate.model.intent import Mode, Principal, PrincipalKind
from tidegate.units import HOUR_NS, SECOND_NS

GOOD_HOSTS = [b"127.0.0.1:8000", b"127.0.0.1", b"localhost:8000", b"LOCALHOST", b"[::1]:8000", b"[::1]"]
BAD_HOSTS = [
    b"evil.example", b"evil.example:8000", b"127.0.0.1:8001", b"127.0.0.1.evil.example", b"localhost.", b"", b"0.0.0.0:8000", b"127.0.0.1:8000:8000",
    b"127.0.0.1:8000/", b"user@127.0.0.1:8000", b"::1", b"127.1:8000", b"2130706433:8000", b"127.0.0.1:8000,evil.example", b"\xc7\x80localhost",
]  # fmt: skip
BAD_ORIGINS = [
    b"null", b"http://evil.example", b"http://127.0.0.1", b"http://127.0.0.1:3000", b"https://127.0.0.1:8000", b"http://localhost:8000", b"",
    b"http://127.0.0.1:8000.evil.example", b"http://127.0.0.1:8000/", b"file://", b"http://127.0.0.1:8000, http://evil.example",
]  # fmt: skip


@pytest.mark.parametrize("make", [http, websocket])
@pytest.mark.parametrize("host", GOOD_HOSTS)
def test_every_loopback_name_with_the_bound_port_or_none_is_this_server(keys: Keys, host: bytes, make: object) -> None:
    assert code_of(lambda: keys.guard().admit(make(host=host), Level.READ)) == "admitted"  # type: ignore[operator]


@pytest.mark.parametrize("make", [http, websocket])
@pytest.mark.parametrize("host", [*BAD_HOSTS, None])
def test_any_other_host_or_none_is_refused_even_with_an_operate_token(keys: Keys, host: bytes | None, make: object) -> None:
    scope = make(keys.header("operate"), host=host)  # type: ignore[operator]
    error = refusal(lambda: keys.guard().admit(scope, Level.READ))
    assert error is not None
    assert (error.status, error.code) == (421, "WRONG_HOST")


def test_two_hosts_are_refused_even_when_both_are_good(keys: Keys) -> None:
    assert code_of(lambda: keys.guard().admit(http((b"host", HOST)), Level.READ)) == "WRONG_HOST"


def test_the_port_in_the_host_is_the_one_that_was_really_bound(keys: Keys) -> None:
    guard = Guard(GuardSettings(Mode.PAPER, port=43_210), keys.store(), keys.monotonic)
    assert code_of(lambda: guard.admit(http(host=b"127.0.0.1:43210"), Level.READ)) == "admitted"
    assert code_of(lambda: guard.admit(http(host=HOST), Level.READ)) == "WRONG_HOST"


@pytest.mark.parametrize("make", [http, websocket])
def test_no_origin_and_the_own_origin_pass(keys: Keys, make: object) -> None:
    assert code_of(lambda: keys.guard().admit(make(), Level.READ)) == "admitted"  # type: ignore[operator]
    assert code_of(lambda: keys.guard().admit(make((b"origin", OWN_ORIGIN)), Level.READ)) == "admitted"  # type: ignore[operator]


@pytest.mark.parametrize("make", [http, websocket])
@pytest.mark.parametrize("origin", BAD_ORIGINS)
def test_any_other_origin_is_refused_even_with_an_operate_token(keys: Keys, origin: bytes, make: object) -> None:
    scope = make((b"origin", origin), keys.header("operate"))  # type: ignore[operator]
    error = refusal(lambda: keys.guard().admit(scope, Level.READ))
    assert error is not None
    assert (error.status, error.code) == (403, "WRONG_ORIGIN")


def test_two_origins_are_refused(keys: Keys) -> None:
    scope = http((b"origin", OWN_ORIGIN), (b"origin", OWN_ORIGIN))
    assert code_of(lambda: keys.guard().admit(scope, Level.READ)) == "WRONG_ORIGIN"


@pytest.mark.parametrize(
    "site,code", [(b"cross-site", "WRONG_ORIGIN"), (b"same-site", "WRONG_ORIGIN"), (b"same-origin", "admitted"), (b"none", "admitted")]
)
def test_what_a_page_elsewhere_loads_without_an_origin_is_refused_by_its_fetch_site(keys: Keys, site: bytes, code: str) -> None:
    assert code_of(lambda: keys.guard().admit(http((b"sec-fetch-site", site), method="GET"), Level.READ)) == code


def test_a_link_that_a_person_followed_is_shown_but_a_frame_or_a_posted_form_is_not(keys: Keys) -> None:
    link = ((b"sec-fetch-site", b"cross-site"), (b"sec-fetch-mode", b"navigate"))
    guard = keys.guard()
    assert code_of(lambda: guard.admit(http(*link, (b"sec-fetch-dest", b"document"), method="GET"), Level.READ)) == "admitted"
    assert code_of(lambda: guard.admit(http(*link, (b"sec-fetch-dest", b"iframe"), method="GET"), Level.READ)) == "WRONG_ORIGIN"
    assert code_of(lambda: guard.admit(http(*link, (b"sec-fetch-dest", b"document")), Level.READ)) == "WRONG_ORIGIN"


def test_requests_of_other_pages_do_not_use_up_the_local_callers_rate(keys: Keys) -> None:
    guard = keys.guard()
    for _ in range(50):
        assert code_of(lambda: guard.admit(http((b"sec-fetch-site", b"cross-site"), method="GET"), Level.READ)) == "WRONG_ORIGIN"
    assert code_of(lambda: guard.admit(http(), Level.READ)) == "admitted"


@pytest.mark.parametrize("client", [("192.168.1.7", 1), ("10.0.0.1", 1), ("::2", 1), ("testclient", 1), None, ("::ffff:10.0.0.1", 1)])
def test_on_loopback_a_client_from_elsewhere_is_refused_even_with_a_token(keys: Keys, client: object) -> None:
    assert code_of(lambda: keys.guard().admit(http(keys.header("operate"), client=client), Level.READ)) == "FORBIDDEN"


@pytest.mark.parametrize("client", [("127.0.0.1", 1), ("127.8.8.8", 1), ("::1", 1), ("::ffff:127.0.0.1", 1)])
def test_every_loopback_address_is_this_machine(keys: Keys, client: object) -> None:
    assert code_of(lambda: keys.guard().admit(http(client=client), Level.READ)) == "admitted"


@pytest.mark.parametrize(
    "token,kind,level",
    [
        ("read", PrincipalKind.AGENT, Level.READ),
        ("propose", PrincipalKind.AGENT, Level.PROPOSE),
        ("operate", PrincipalKind.OPERATOR, Level.OPERATE),
    ],
)
def test_a_token_gives_the_name_kind_and_level_it_was_made_with(keys: Keys, token: str, kind: PrincipalKind, level: Level) -> None:
    admission = keys.guard().admit(http(keys.header(token)), Level.READ)
    assert admission.principal == Principal(kind, f"{token} holder")
    assert admission.level is level
    assert admission.token_id not in ("", "none")


@pytest.mark.parametrize("token", ["read", "propose", "operate"])
@pytest.mark.parametrize("need", [Level.READ, Level.PROPOSE, Level.OPERATE])
def test_a_token_reaches_its_own_level_and_no_higher(keys: Keys, token: str, need: Level) -> None:
    wanted = "admitted" if Level[token.upper()] >= need else "FORBIDDEN"
    assert code_of(lambda: keys.guard().admit(http(keys.header(token)), need)) == wanted


def test_a_propose_token_may_not_halt_though_a_caller_without_one_may(keys: Keys) -> None:
    guard = keys.guard()
    assert code_of(lambda: guard.admit(http(keys.header("propose")), Level.OPERATE, open_on_loopback=True)) == "FORBIDDEN"
    assert code_of(lambda: guard.admit(http(), Level.OPERATE, open_on_loopback=True)) == "admitted"


def test_without_a_token_loopback_paper_gives_read_and_propose_as_local_and_no_more(keys: Keys) -> None:
    guard = keys.guard()
    admission = guard.admit(http(), Level.PROPOSE)
    assert (admission.principal, admission.level) == (Principal(PrincipalKind.AGENT, "local"), Level.PROPOSE)
    error = refusal(lambda: guard.admit(http(), Level.OPERATE))
    assert error is not None
    assert (error.status, error.code) == (401, "UNAUTHENTICATED")
    assert "operate" in error.reason


@pytest.mark.parametrize(
    "settings", [{"mode": Mode.TEST}, {"mode": Mode.LIVE}, {"require_token": True}, {"behind_tls": True}, {"host": "0.0.0.0"}]
)
@pytest.mark.parametrize("need", [Level.READ, Level.PROPOSE, Level.OPERATE])
def test_anywhere_but_loopback_paper_a_token_is_needed_for_everything(keys: Keys, settings: dict[str, object], need: Level) -> None:
    guard = keys.guard(**settings)  # type: ignore[arg-type]
    assert code_of(lambda: guard.admit(http(), need, open_on_loopback=True)) == "UNAUTHENTICATED"
    assert code_of(lambda: guard.admit(http(keys.header("operate")), need)) == "admitted"


@pytest.mark.parametrize("settings", [{"behind_tls": True}, {"host": "0.0.0.0"}])
def test_public_pages_are_public_on_loopback_only(keys: Keys, settings: dict[str, object]) -> None:
    assert code_of(lambda: keys.guard(mode=Mode.LIVE).admit(http(), Level.PUBLIC)) == "admitted"
    assert code_of(lambda: keys.guard(**settings).admit(http(), Level.PUBLIC)) == "UNAUTHENTICATED"  # type: ignore[arg-type]
    assert code_of(lambda: keys.guard(**settings).admit(http(keys.header("read")), Level.PUBLIC)) == "admitted"  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip", b"via"])
def test_forwarded_headers_grant_nothing_and_take_the_tokenless_rights_away(keys: Keys, name: bytes) -> None:
    guard = keys.guard()
    assert code_of(lambda: guard.admit(http((name, b"127.0.0.1")), Level.READ)) == "UNAUTHENTICATED"
    assert code_of(lambda: guard.admit(http((name, b"127.0.0.1"), client=("10.0.0.1", 1)), Level.READ)) == "FORBIDDEN"
    assert code_of(lambda: guard.admit(http((name, b"1.2.3.4"), keys.header("read")), Level.READ)) == "admitted"


def test_a_configured_public_name_is_a_host_with_a_secure_origin_and_needs_a_token(keys: Keys) -> None:
    guard = keys.guard(behind_tls=True, hosts=("gate.example",))
    token = keys.header("read")
    assert code_of(lambda: guard.admit(http(token, host=b"gate.example"), Level.READ)) == "admitted"
    assert code_of(lambda: guard.admit(http(token, (b"origin", b"https://gate.example"), host=b"gate.example"), Level.READ)) == "admitted"
    assert (
        code_of(lambda: guard.admit(http(token, (b"origin", b"http://gate.example"), host=b"gate.example"), Level.READ)) == "WRONG_ORIGIN"
    )
    assert code_of(lambda: guard.admit(http(host=b"gate.example"), Level.READ)) == "UNAUTHENTICATED"


def test_a_configured_name_has_no_tokenless_rights_even_without_tls(keys: Keys) -> None:
    assert code_of(lambda: keys.guard(hosts=("box.example",)).admit(http(host=b"box.example"), Level.READ)) == "UNAUTHENTICATED"


@pytest.mark.parametrize("make", [http, websocket])
def test_wrong_expired_revoked_and_malformed_tokens_get_one_answer_and_never_the_tokenless_rights(keys: Keys, make: object) -> None:
    malformed = ["", "tg_o_", "tg_x_" + "a" * 52, keys.secrets["operate"][:-1], keys.secrets["operate"].upper(), "x" * 10_000, "ÿ" * 57]
    tokens = [keys.secrets["wrong"], keys.secrets["expired"], keys.secrets["revoked"], *malformed]
    answers = []
    for token in tokens:
        scope = make((b"authorization", b"Bearer " + token.encode("latin-1")))  # type: ignore[operator]
        error = refusal(lambda scope=scope: keys.guard().admit(scope, Level.READ))  # type: ignore[misc]
        assert error is not None
        answers.append((error.status, error.body(), error.headers))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == 401
    assert answers[0][2] == (("WWW-Authenticate", 'Bearer realm="tidegate", error="invalid_token"'),)


@pytest.mark.parametrize("value", [b"Basic dXNlcjpwYXNz", b"Bearer", b"bearer  ", b"Token x", b"tg_o_" + b"a" * 52])
def test_another_scheme_or_an_empty_token_is_nobody(keys: Keys, value: bytes) -> None:
    assert code_of(lambda: keys.guard().admit(http((b"authorization", value)), Level.READ)) == "UNAUTHENTICATED"


@pytest.mark.parametrize("scheme", ["Basic ", "Token ", "Bearer:", "", "Bearer\t", "Digest Bearer "])
def test_a_good_token_under_another_scheme_is_nobodys(keys: Keys, scheme: str) -> None:
    value = f"{scheme}{keys.secrets['operate']}".encode()
    assert code_of(lambda: keys.guard().admit(http((b"authorization", value)), Level.READ)) == "UNAUTHENTICATED"


def test_the_scheme_may_be_written_in_any_case(keys: Keys) -> None:
    value = f"bearer {keys.secrets['read']}".encode()
    assert code_of(lambda: keys.guard().admit(http((b"authorization", value)), Level.READ)) == "admitted"


def test_two_authorizations_are_refused_even_when_both_are_good(keys: Keys) -> None:
    scope = http(keys.header("operate"), keys.header("operate"))
    assert code_of(lambda: keys.guard().admit(scope, Level.READ)) == "UNAUTHENTICATED"


def test_cookies_are_not_looked_at(keys: Keys) -> None:
    cookie = (b"cookie", f"token={keys.secrets['operate']}".encode())
    admission = keys.guard().admit(http(cookie), Level.READ)
    assert admission.principal.name == "local"
    assert code_of(lambda: keys.guard(require_token=True).admit(http(cookie), Level.READ)) == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    "query",
    [
        b"token=%s",
        b"access_token=%s",
        b"since=5&x=%s",
        b"%s",
        b"x=%%74g_o_&token=1",
        b"api_key=abc",
        b"bearer=abc",
        b"operator_token=1",
        b"code=aB-_" + b"x" * 18,
    ],
)
@pytest.mark.parametrize("make", [http, websocket])
def test_a_token_in_the_address_is_refused_whatever_else_is_sent(keys: Keys, query: bytes, make: object) -> None:
    filled = query % keys.secrets["operate"].encode() if b"%s" in query else query.replace(b"%%", b"%")
    scope = make(keys.header("operate"), query=filled)  # type: ignore[operator]
    error = refusal(lambda: keys.guard().admit(scope, Level.READ))
    assert error is not None
    assert (error.status, error.code) == (401, "UNAUTHENTICATED")
    assert keys.secrets["operate"] not in error.reason


def test_a_token_in_the_path_or_another_header_is_refused(keys: Keys) -> None:
    secret = keys.secrets["propose"]
    assert code_of(lambda: keys.guard().admit(http(path=f"/api/decisions/{secret}"), Level.READ)) == "UNAUTHENTICATED"
    assert code_of(lambda: keys.guard().admit(http((b"idempotency-key", secret.encode())), Level.READ)) == "UNAUTHENTICATED"


def test_ordinary_queries_pass(keys: Keys) -> None:
    assert (
        code_of(lambda: keys.guard().admit(websocket(query=b"since=12&reason=none&asset=BTC&code=L3_COSTS_EXCEED_TARGET"), Level.READ))
        == "admitted"
    )


def test_a_browser_may_bring_its_token_as_a_subprotocol_and_it_is_never_echoed(keys: Keys) -> None:
    offered = (b"sec-websocket-protocol", f"tidegate.v1, tidegate.bearer.{keys.secrets['propose']}".encode())
    scope = websocket(offered, (b"origin", OWN_ORIGIN))
    assert keys.guard().admit(scope, Level.READ).principal.name == "propose holder"
    assert answer_subprotocol(scope) == "tidegate.v1"
    assert answer_subprotocol(websocket((b"sec-websocket-protocol", f"tidegate.bearer.{keys.secrets['propose']}".encode()))) is None


def test_a_subprotocol_token_beside_a_header_or_another_is_refused_and_on_http_it_is_nothing(keys: Keys) -> None:
    one = (b"sec-websocket-protocol", f"tidegate.bearer.{keys.secrets['propose']}".encode())
    two = (b"sec-websocket-protocol", f"tidegate.bearer.{keys.secrets['operate']}".encode())
    guard = keys.guard()
    assert code_of(lambda: guard.admit(websocket(one, keys.header("propose")), Level.READ)) == "UNAUTHENTICATED"
    assert code_of(lambda: guard.admit(websocket(one, two), Level.READ)) == "UNAUTHENTICATED"
    assert guard.admit(http(two), Level.READ).principal.name == "local"


def test_the_twenty_first_request_in_one_second_is_refused_and_says_when_to_come_back(keys: Keys) -> None:
    guard = keys.guard()
    for _ in range(20):
        guard.admit(http(keys.header("read")), Level.READ)
    error = refusal(lambda: guard.admit(http(keys.header("read")), Level.READ))
    assert error is not None
    assert (error.status, error.code, error.retryable, error.headers) == (429, "TOO_MANY_REQUESTS", True, (("Retry-After", "1"),))
    keys.monotonic.move(SECOND_NS)
    assert code_of(lambda: guard.admit(http(keys.header("read")), Level.READ)) == "admitted"


def test_each_principal_has_a_rate_of_its_own_and_callers_without_a_token_share_one(keys: Keys) -> None:
    guard = keys.guard()
    for number in range(20):
        guard.admit(http(client=("127.0.0.1", number)), Level.READ)
    assert code_of(lambda: guard.admit(http(client=("127.0.0.2", 1)), Level.READ)) == "TOO_MANY_REQUESTS"
    assert code_of(lambda: guard.admit(http(keys.header("read")), Level.READ)) == "admitted"


def test_two_tokens_of_one_person_share_that_persons_rate(keys: Keys) -> None:
    guard = keys.guard()
    session = (b"authorization", f"Bearer {guard.tokens.grant_session('operate holder', HOUR_NS)}".encode())
    codes = [code_of(lambda header=header: guard.admit(http(header), Level.READ)) for header in [session, keys.header("operate")] * 11]
    assert codes == ["admitted"] * 20 + ["TOO_MANY_REQUESTS"] * 2


def test_a_flood_of_other_requests_does_not_keep_anybody_from_halting(keys: Keys) -> None:
    guard = keys.guard()
    for _ in range(30):
        code_of(lambda: guard.admit(http(), Level.READ))
    assert code_of(lambda: guard.admit(http(), Level.OPERATE, open_on_loopback=True)) == "admitted"


def test_halts_too_are_at_most_twenty_a_second(keys: Keys) -> None:
    guard = keys.guard()
    codes = [code_of(lambda: guard.admit(http(), Level.OPERATE, open_on_loopback=True)) for _ in range(21)]
    assert codes == ["admitted"] * 20 + ["TOO_MANY_REQUESTS"]


def test_no_refusal_repeats_what_was_sent(keys: Keys) -> None:
    canary = "canaryzz" * 4
    scopes = [
        http(host=canary.encode()),
        http((b"origin", canary.encode())),
        http((b"authorization", f"Bearer {canary}".encode())),
        http(query=f"token={canary}".encode()),
        http(client=(canary, 1)),
        websocket((b"sec-websocket-protocol", f"tidegate.bearer.{canary}".encode())),
    ]
    for scope in scopes:
        error = refusal(lambda scope=scope: keys.guard().admit(scope, Level.READ))  # type: ignore[misc]
        assert error is not None
        assert canary not in f"{error!r} {error} {error.body()} {error.headers}"


def test_a_revoked_token_ends_a_long_connection(keys: Keys) -> None:
    from tidegate.api.door.token_file import revoke

    guard = keys.guard()
    admission = guard.admit(websocket(keys.header("read")), Level.READ)
    assert guard.still_admitted(admission)
    revoke(keys.path, "read holder", keys.wall())
    keys.monotonic.move(SECOND_NS)
    assert not guard.still_admitted(admission)
    assert guard.still_admitted(guard.admit(websocket(), Level.READ))
