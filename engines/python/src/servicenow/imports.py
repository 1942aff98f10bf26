"""What the component imports: credentials that it never sees, the way out, clocks, and the ledger. One linker
serves all calls: each function answers for the call of its thread."""

import base64
import hmac
import logging
import secrets
import threading
from collections.abc import Callable, Iterable
from time import monotonic, time
from typing import Any, TypeVar

from wasmtime import Engine
from wasmtime.component import Component, Linker, Variant

from .authorizations import (
    FIXED,
    Authorization,
    Authorizations,
    Header,
    TokenRequest,
    is_authorization,
    is_header,
)
from .calls import Call
from .component import functions, interface
from .http import Broken, Request, Response, Transport
from .ledger_imports import LedgerImports
from .policy import REQUEST_HEADERS, RESPONSE_HEADERS, AllowedCall, is_allowed
from .tokens import Refused, Token, Tokens
from .turn import Turn
from .values import define

MAX_REQUEST = 10 * 1024 * 1024
"""The largest request, in bytes: ServiceNow's own limit."""

MAX_BYTES = 1024 * 1024
"""The largest answer that is no text, in bytes: each of them crosses the border as a value of its own."""

MAX_HEADERS = 64 * 1024
"""The largest headers of a request, in characters."""

_NO_SUCH = Variant("err", Variant("unknown-authorization"))

_log = logging.getLogger("servicenow")

T = TypeVar("T")


class Imports:
    """The imports of a component."""

    def __init__(
        self, authorizations: Authorizations, transport: Transport, allowed: Iterable[AllowedCall]
    ) -> None:
        self._authorizations = authorizations
        self._transport = transport
        self._tokens = Tokens(transport)
        self._allowed = tuple(allowed)
        self._current = threading.local()
        self.turn = Turn()
        self._callbacks: list[object] = []
        self._answers: dict[str, dict[str, Callable[..., Any]]] = {
            interface("credentials"): {
                "get": self._get,
                "refused": self._refused,
                "verify-callback": self._verify_callback,
            },
            interface("transport"): {
                "send": self._send,
                "now-ms": lambda: int(monotonic() * 1000),
                "unix-seconds": lambda: int(time()),
                "wait-ms": self._wait,
                "random": lambda: (secrets.randbits(64), secrets.randbits(64)),
            },
            interface("ledger"): LedgerImports(self._call, self.turn).answers,
        }
        self.closed = threading.Event()

    def linker(self, engine: Engine, component: Component) -> Linker:
        """A linker with what a component imports."""
        linker = Linker(engine)
        with linker.root() as root:
            for whole_name, imported in component.type.imports(engine).items():
                answers = self._answers[whole_name]
                with root.add_instance(whole_name) as instance:
                    for name, function in functions(engine, imported).items():
                        self._callbacks.append(define(instance, name, function, answers[name]))
        return linker

    def enter(self, call: Call) -> None:
        """Has the functions answer for this call, in this thread."""
        self._current.call = call

    def _call(self) -> Call:
        """The call of this thread."""
        call: Call = self._current.call
        return call

    def authorization(self, name: str) -> Authorization | None | Variant:
        """An authorization by its name; a variant is why there is none to be had."""
        try:
            known = self._authorizations
            given: object = known(name) if callable(known) else known.get(name)
        except BaseException as error:  # noqa: BLE001 - it must not unwind through the component
            _log.warning("the authorization %r raised %s", name, type(error).__name__)
            return Variant("unreachable", "denied-by-host")
        if given is None or is_authorization(given):
            return given  # type: ignore[return-value]
        _log.warning(
            "the authorization %r is none: make it with basic, client_credentials or their like", name
        )
        return Variant("unreachable", "denied-by-host")

    def _get(self, name: str) -> Variant:
        call = self._call()
        if name != call.plan.authorization:
            return _NO_SUCH
        with self.turn.left():
            authorization = self.authorization(name)
        if authorization is None:
            return _NO_SUCH
        if isinstance(authorization, Variant):
            return Variant("err", authorization)
        call.authorization = authorization
        call.knows(*authorization.callback_secrets)
        match authorization.credential:
            case TokenRequest() as request:
                call.knows(*self._tokens.secrets(request))
                with self.turn.left():
                    token = self._tokens.get(request, call.deadline)
                return self._granted(call, authorization, token)
            case Header() as header:
                return self._granted(call, authorization, header)
            case function:
                return self._granted(call, authorization, self._asked(call, function, False))

    def _refused(self, name: str) -> Variant:
        call = self._call()
        authorization = call.authorization
        if name != call.plan.authorization or authorization is None:
            return _NO_SUCH
        match authorization.credential:
            case TokenRequest() as request:
                with self.turn.left():
                    renewed = self._tokens.renewed(request, call.header, call.deadline)
                return self._granted(call, authorization, renewed)
            case function if callable(function) and authorization.grant_type not in FIXED:
                return self._granted(call, authorization, self._asked(call, function, True))
            case _:
                told = "the stored credential is no longer accepted; store a new one"
                return _refusal(authorization, Refused(401, "", told), call)

    def _asked(self, call: Call, function: Callable[[bool], Header], refused: bool) -> object:
        try:
            with self.turn.left():
                return function(refused)
        except BaseException as error:  # noqa: BLE001 - it must not unwind through the component
            name = call.plan.authorization
            _log.warning("the header function of %r raised %s", name, type(error).__name__)
            return None

    def _granted(self, call: Call, authorization: Authorization, answer: object) -> Variant:
        """What the component is told of a credential, which the host keeps for the requests of this call."""
        token, header = None, answer
        match answer:
            case Token():
                header = answer.header
                token = {"scope": answer.scope, "expires_in": min(answer.seconds_left(), 2**32 - 1)}
            case Refused():
                return _refusal(authorization, answer, call)
            case "timeout":
                return Variant("err", Variant("timeout"))
            case str():
                return Variant("err", Variant("unreachable", answer))
        if not isinstance(header, Header) or not is_header(header):
            _log.warning("the header of %r cannot be sent as it is", call.plan.authorization)
            return Variant("err", Variant("unreachable", "denied-by-host"))
        call.header = header
        call.knows(*_parts(header.value))
        granted = {
            "origin": authorization.origin,
            "token_url": "",
            "grant_type": authorization.grant_type,
            "credential": Variant("added-by-host"),
            "token": token,
        }
        return Variant("ok", granted)

    def _verify_callback(self, name: str, presented: str) -> bool:
        call = self._call()
        own = call.one_time
        return own is not None and name == call.plan.authorization and hmac.compare_digest(own, presented)

    def _send(self, asked: dict[str, Any]) -> Variant:
        call = self._call()
        try:
            request = self._request(call, asked)
            deadline = min(call.deadline, monotonic() + asked["within_ms"] / 1000)
            return Variant("ok", _answered(call, self._exchange(call, request, deadline)))
        except Broken as broken:
            return Variant(
                "err", {"reason": broken.reason, "status": broken.status, "not_sent": broken.not_sent}
            )

    def _request(self, call: Call, asked: Any) -> Request:
        """A request as it will leave. Raises `Broken` where it may not."""
        denied = Broken("denied-by-host", not_sent=True)
        body = None
        if asked["body"] is not None:
            given = asked["body"].payload
            body = given.encode() if isinstance(given, str) else given
        headers = [(header["name"].lower(), header["value"]) for header in asked["headers"]]
        may_set = REQUEST_HEADERS | call.plan.headers
        are_allowed = all(name in may_set and is_header(Header(name, value)) for name, value in headers)
        size = sum(len(name) + len(value) for name, value in headers)
        if not are_allowed or size > MAX_HEADERS or len(body or b"") > MAX_REQUEST:
            raise denied
        request = Request(asked["method"].upper(), asked["url"], headers, body)
        if call.authorization is None or call.header is None:
            raise denied
        if not is_allowed(request, call.authorization.origin, self._allowed, writes=call.plan.writes):
            _log.warning("a request was refused: %s %s", request.method, request.url.partition("?")[0])
            raise denied
        headers.append((call.header.name, call.header.value))
        return request

    def _exchange(self, call: Call, request: Request, deadline: float) -> Response:
        is_write = request.method != "GET"
        with call.lock:
            # A call that was given up sends nothing any more: its caller was told what had left.
            if monotonic() >= call.deadline or self.closed.is_set():
                raise Broken("deadline", not_sent=True)
            before = call.wrote
            call.wrote = before or is_write
        try:
            with self.turn.left():
                return self._transport.send(request, deadline)
        except Broken as broken:
            if broken.not_sent:
                call.wrote = before
            raise
        except BaseException as error:  # noqa: BLE001 - whatever an embedder's client does: it proves nothing
            _log.warning("the transport raised %s", type(error).__name__)
            raise Broken("lost") from None

    def _wait(self, ms: int) -> None:
        call = self._call()
        with self.turn.left():
            self.closed.wait(max(min(ms / 1000, call.deadline - monotonic()), 0))


def _refusal(authorization: Authorization, refused: Refused, call: Call) -> Variant:
    refusal = {
        "grant_type": authorization.grant_type,
        "status": refused.status,
        "error": call.struck(refused.error),
        "description": call.struck(refused.description),
    }
    return Variant("err", Variant("refused", refusal))


def _parts(value: str) -> list[str]:
    """A header's value, what follows its scheme, and the password within."""
    scheme, _, rest = value.partition(" ")
    parts = [value, rest]
    if scheme == "Basic":
        try:
            parts.append(base64.b64decode(rest, validate=True).decode().partition(":")[2])
        except ValueError:
            pass
    return parts


def _answered(call: Call, response: Response) -> dict[str, Any]:
    """An answer as the component is shown it: without credentials, and as text where it is text."""
    headers = [
        {
            "name": name.lower(),
            "value": call.struck(value.encode("latin-1", "replace").decode(errors="replace")),
        }
        for name, value in response.headers
        if name.lower() in RESPONSE_HEADERS
    ]
    try:
        body = Variant("text", call.struck(response.body.decode()))
    except UnicodeDecodeError:
        if len(response.body) > MAX_BYTES:
            raise Broken("too-large", status=response.status) from None
        body = Variant("bytes", response.body)
    return {"status": response.status, "headers": headers, "body": body}
