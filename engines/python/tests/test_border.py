"""The border of the sandbox: what may leave, what crosses it, and that no secret does."""

import json
import resource
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from time import monotonic
from typing import Any, cast

import pytest

from servicenow import (
    EventSync,
    Header,
    Request,
    Response,
    ServiceNow,
    TokenRequest,
    basic,
    client_credentials,
    headers,
    refresh_token,
    values,
)
from servicenow.outcomes import (
    AuthorizationFail,
    Error,
    GetIncidentSuccess,
    IncidentCreated,
    IncidentUpdateFailure,
    Unauthenticated,
)
from servicenow.policy import EVENT_CALLS, INCIDENT_CALLS, calls, headers_of_rules, is_allowed
from servicenow.records import Receipt, WriteHappened
from servicenow.tokens import Refused, Token, Tokens, read

from .conftest import CALLBACK_SECRET, NODE_WASM, SYNC_WASM, Simulator

ORIGIN = "https://dev1.service-now.com"
TABLE = f"{ORIGIN}/api/now/table"
KEY = "0" * 32


@pytest.mark.parametrize(
    ("allowed", "method", "url"),
    [
        (True, "GET", f"{TABLE}/incident?sysparm_query=a%3D..%2f"),
        (True, "POST", f"{TABLE}/incident"),
        (True, "PATCH", f"{TABLE}/incident/{KEY}"),
        (
            True,
            "GET",
            f"{TABLE}/sys_properties?sysparm_query=name%3Dglide.sys.default.tz&sysparm_fields=value",
        ),
        (False, "GET", f"{TABLE}/sys_properties?sysparm_query=nameSTARTSWITHx"),
        (False, "GET", f"{TABLE}/sys_properties?sysparm_query=name%3Dglide.sys.default.tz&sysparm_query=x"),
        (False, "GET", f"{TABLE}/sys_properties"),
        (False, "GET", f"{TABLE}/sys_properties/{KEY}?sysparm_query=name%3Dglide.sys.default.tz"),
        (False, "DELETE", f"{TABLE}/incident/{KEY}"),
        (False, "POST", f"{TABLE}/sys_user"),
        (False, "GET", f"{TABLE}/incident_task"),
        (False, "GET", "http://dev1.service-now.com/api/now/table/incident"),
        (False, "GET", "https://dev1.service-now.com:8443/api/now/table/incident"),
        (False, "GET", "https://evil.example/api/now/table/incident"),
        (False, "GET", f"{ORIGIN}@evil.example/api/now/table/incident"),
        (False, "GET", f"{ORIGIN}.evil.example/api/now/table/incident"),
        (False, "GET", f"{ORIGIN}/x/../api/now/table/incident"),
        (False, "GET", f"{TABLE}/incident/..%2f..%2fsys_user"),
        (False, "GET", f"{TABLE}/incident/..;/sys_user"),
        (False, "GET", f"{TABLE}/incident//x"),
        (False, "GET", f"{TABLE}/incident/batch"),
        (False, "GET", f"{ORIGIN}/nav_to.do"),
        (False, "POST", f"{ORIGIN}/oauth_token.do"),
        (False, "GET", ORIGIN),
    ],
)
def test_only_these_requests_leave(allowed: bool, method: str, url: str) -> None:
    request = Request(method, url, [])
    assert is_allowed(request, ORIGIN, calls(EVENT_CALLS), writes=True) is allowed
    if method != "GET":
        assert not is_allowed(request, ORIGIN, calls(EVENT_CALLS), writes=False)


def test_an_allowed_call_that_is_none_is_named() -> None:
    for text in ["GET", "GET api/now", "get /api/now/table/incident", "GET /api/../x", "GET /api/now/batch"]:
        with pytest.raises(ValueError, match="is no allowed call"):
            calls([text])
    assert calls(INCIDENT_CALLS)[0].methods == {"GET", "POST", "PATCH"}


def test_rules_add_no_header_that_changes_what_is_called() -> None:
    added = {"X-Site": "a", "Authorization": "b", "x-http-method-override": "c", "X-Forwarded-Host": "d"}
    assert headers_of_rules(json.dumps({"headers": added})) == {"x-site"}
    for nothing in ["", "[]", "{}", '{"headers":[]}', "\0"]:
        assert headers_of_rules(nothing) == frozenset()


def test_many_calls_fetch_one_token(simulator: Simulator) -> None:
    main = client_credentials(
        simulator.base_url, simulator.client_id, simulator.client_secret, scope="useraccount"
    )

    def fetched() -> int:
        return simulator.requests().count("POST /oauth_token.do")

    before = fetched()
    simulator.faults({"path": "/oauth_token.do", "effect": {"delay": {"ms": 200}}})
    with ServiceNow(NODE_WASM, {"main": main}) as host, ThreadPoolExecutor(16) as threads:
        reads = threads.map(lambda _: host.authenticate("main", simulator.base_url), range(16))
        assert {type(outcome).__name__ for outcome in reads} == {"Authenticated"}
        assert fetched() - before == 1
        simulator.faults({"method": "GET", "path": "/api/now/table/", "effect": {"status": {"status": 401}}})
        assert type(host.authenticate("main", simulator.base_url)).__name__ == "Authenticated"
        assert fetched() - before == 2


def test_a_refresh_token_is_used(simulator: Simulator, incident: Receipt) -> None:
    main = refresh_token(simulator.base_url, simulator.client_id, simulator.client_secret, "none of it")
    with ServiceNow(NODE_WASM, {"main": main}) as host:
        outcome = host.get("main", simulator.base_url, incident.number)
    assert isinstance(outcome, AuthorizationFail)
    assert outcome.failure.status == 401
    asked = [request for request in simulator.requests() if request == "POST /oauth_token.do"]
    assert asked


@pytest.mark.parametrize(
    ("status", "kind", "body", "expected"),
    [
        (200, "application/json", '{"access_token":"t","expires_in":"60","scope":"s"}', Token),
        (200, "application/json; charset=utf-8", '{"access_token":"t"}', Token),
        (200, "application/json", '{"access_token":"t","scope":"\\ud800"}', Token),
        (200, "application/json", '{"access_token":"t\\nx"}', "not-json"),
        (200, "application/json", "[]", "not-json"),
        (200, "text/html", "Your instance is hibernating", "hibernating"),
        (200, "text/html", "<html>", "not-json"),
        (302, "text/html", "", "not-json"),
        (401, "application/json", '{"error":"invalid_client"}', Refused),
        (401, "text/html", "", Refused),
        (404, "text/html", "", "not-json"),
        (429, "application/json", "{}", "rate-limited"),
        (503, "text/html", "", "server-error"),
    ],
)
def test_a_token_answer_is_read_by_its_status(status: int, kind: str, body: str, expected: Any) -> None:
    answer = read(Response(status, [("Content-Type", kind)], body.encode()))
    assert answer == expected if isinstance(expected, str) else isinstance(answer, expected)


def test_a_header_of_a_function_is_asked_for_anew_after_a_401_and_sent_once(
    simulator: Simulator, incident: Receipt
) -> None:
    asked: list[bool] = []
    good = basic(simulator.base_url, simulator.username, simulator.password).credential
    assert isinstance(good, Header)

    def function(refused: bool) -> Header:
        asked.append(refused)
        return good if refused else Header("authorization", "Bearer expired")

    with ServiceNow(NODE_WASM, {"main": headers(simulator.base_url, function)}) as host:
        read_back = host.get("main", simulator.base_url, incident.number)
        assert isinstance(read_back, GetIncidentSuccess)
        assert asked == [False, True]

    def expired(refused: bool) -> Header:
        asked.append(refused)
        return Header("authorization", "Bearer expired")

    asked.clear()
    with ServiceNow(NODE_WASM, {"main": headers(simulator.base_url, expired)}) as host:
        outcome = host.update("main", simulator.base_url, incident.sys_id, {"work_notes": "once"})
    assert isinstance(outcome, IncidentUpdateFailure)
    assert outcome.failure.write_happened is WriteHappened.NO
    assert asked == [False, True]


CANARIES = {
    "client": ["canary-client-secret", "canary-bearer", CALLBACK_SECRET],
    "basic": ["canary-password", "dXNlcjpjYW5hcnktcGFzc3dvcmQ=", CALLBACK_SECRET],
}
"""What is secret of each authorization."""


class Echoing:
    """A transport to an instance that repeats every secret it is sent, in headers and in the body."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.canaries: list[str] = []

    def send(self, request: Request, _deadline: float) -> Response:
        self.seen += [value for _, value in request.headers] + [(request.body or b"").decode()]
        if request.url.endswith("/oauth_token.do"):
            body = json.dumps({"access_token": "canary-bearer", "expires_in": 60, "scope": "s"})
            return Response(200, [("content-type", "application/json")], body.encode())
        said = f"{request.headers} {self.canaries}"
        body = json.dumps({"error": {"message": said, "detail": said}})
        shown = [("content-type", "application/json"), ("retry-after", said), ("set-cookie", said)]
        return Response(400, shown, body.encode())

    def close(self) -> None:
        pass


def test_no_secret_reaches_the_component_an_outcome_or_a_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    crossed: list[str] = []
    put = values._put

    def watched(text: bytes, place: Any) -> None:
        crossed.append(text.decode())
        put(text, place)

    monkeypatch.setattr(values, "_put", watched)
    secrets = (CALLBACK_SECRET,)
    known = {
        "client": client_credentials(ORIGIN, "id", "canary-client-secret", callback_secrets=secrets),
        "basic": basic(ORIGIN, "user", "canary-password", callback_secrets=secrets),
    }
    echoing = Echoing()
    outcomes: list[object] = []
    with (
        ServiceNow(NODE_WASM, known, transport=echoing) as host,
        EventSync(SYNC_WASM, known, transport=echoing) as sync,
    ):
        for name, canaries in CANARIES.items():
            echoing.canaries = canaries
            outcomes.append(host.create(name, ORIGIN, {"short_description": "x"}))
            outcomes.append(host.authenticate(name, ORIGIN))
            event = {"id": 1, "title": "x"}
            rules = {"name": "R", "correlation_id": "{{ id }}", "body": {"short_description": "{{ title }}"}}
            outcomes.append(sync.push(name, ORIGIN, rules, event))
            body = json.dumps({"sys_id": KEY, "note": CALLBACK_SECRET}).encode()
            presented = [("x-callback-secret", CALLBACK_SECRET), ("cookie", CALLBACK_SECRET)]
            outcomes.append(sync.deliver(name, presented, body, lambda _: None))
    sent = " ".join(echoing.seen)
    assert "canary-bearer" in sent
    assert "canary-client-secret" in sent
    everything = " ".join([*crossed, str(outcomes), caplog.text])
    assert "short_description" in everything
    for canary in [canary for canaries in CANARIES.values() for canary in canaries]:
        assert canary not in everything


def test_a_component_that_is_shown_bytes_that_are_no_text_goes_on(simulator: Simulator) -> None:
    class Garbled:
        def send(self, _request: Request, _deadline: float) -> Response:
            return Response(200, [("content-type", "application/json")], b"\xff\xfe" * 50)

        def close(self) -> None:
            pass

    main = basic(ORIGIN, "user", "password")
    with ServiceNow(NODE_WASM, {"main": main}, transport=Garbled()) as host:
        outcome = host.get("main", ORIGIN, "INC1")
    assert outcome.failure.reason == "not-json"  # type: ignore[union-attr]


@pytest.mark.parametrize("error", [RuntimeError("hush"), SystemExit("hush")], ids=["an error", "an exit"])
def test_a_transport_that_raises_proves_nothing(
    error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    class Raising:
        def send(self, _request: Request, _deadline: float) -> Response:
            raise error

        def close(self) -> None:
            pass

    main = basic(ORIGIN, "user", "password")
    with ServiceNow(NODE_WASM, {"main": main}, transport=Raising()) as host:
        outcome = host.update("main", ORIGIN, KEY, {"urgency": "1"})
    failure = outcome.failure  # type: ignore[union-attr]
    assert (failure.reason, failure.write_happened) == ("lost", WriteHappened.UNKNOWN)
    assert "hush" not in caplog.text + str(outcome)


def test_a_large_answer_that_is_no_text_is_told_as_one() -> None:
    def outcome_of(size: int) -> Any:
        class Garbled:
            def send(self, _request: Request, _deadline: float) -> Response:
                return Response(200, [("content-type", "application/json")], b"\xff" * size)

            def close(self) -> None:
                pass

        main = basic(ORIGIN, "user", "password")
        with ServiceNow(NODE_WASM, {"main": main}, transport=Garbled()) as host:
            return host.get("main", ORIGIN, "INC1")

    assert outcome_of(1024 * 1024).failure.reason == "not-json"
    assert outcome_of(1024 * 1024 + 1).failure.reason == "too-large"


def test_a_token_service_that_hangs_keeps_a_client_for_ten_seconds_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from servicenow import tokens

    monkeypatch.setattr(tokens, "FETCH_TIMEOUT", 0.2)
    hangs = Event()
    asked: list[str] = []

    class Hanging:
        def send(self, request: Request, _deadline: float) -> Response:
            asked.append(request.url)
            if len(asked) == 1:
                hangs.wait(10)
            return Response(200, [("content-type", "application/json")], b'{"access_token":"t"}')

        def close(self) -> None:
            pass

    known = Tokens(Hanging())
    request = client_credentials(ORIGIN, "id", "secret").credential
    assert isinstance(request, TokenRequest)
    assert known.get(request, monotonic() + 0.3) == "timeout"
    assert isinstance(known.get(request, monotonic() + 5), Token)
    hangs.set()


def test_callback_secrets_are_no_single_text(simulator: Simulator) -> None:
    for secrets in ["text", [""], 5]:
        wrong = replace(simulator.main(), callback_secrets=cast(Any, secrets))
        with EventSync(SYNC_WASM, {"main": wrong}) as sync:
            presented = [("x-callback-secret", "t")]
            assert isinstance(sync.deliver("main", presented, b"{}", lambda _: None), Unauthenticated)


def test_a_host_of_another_process_says_so(host: ServiceNow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host._runner, "_process", -1)
    outcome = host.create("main", ORIGIN, {"urgency": "2"})
    assert isinstance(outcome, Error)
    assert outcome.failure.message == "the process was forked: make a host in each"


def test_what_crosses_the_border_is_freed() -> None:
    class Large:
        def send(self, _request: Request, _deadline: float) -> Response:
            return Response(
                400,
                [("content-type", "application/json")],
                b'{"error":{"message":"' + b"x" * 100_000 + b'"}}',
            )

        def close(self) -> None:
            pass

    main = basic(ORIGIN, "user", "password")
    with ServiceNow(NODE_WASM, {"main": main}, transport=Large()) as host:

        def calls_made(count: int) -> int:
            for _ in range(count):
                assert not isinstance(
                    host.create("main", ORIGIN, {"description": "y" * 100_000}), IncidentCreated
                )
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

        before = calls_made(100)
        # A leak of one of the texts would be 60 MB.
        assert calls_made(300) - before < 15_000
