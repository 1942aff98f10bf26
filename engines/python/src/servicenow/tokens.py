"""Access tokens: fetched outside of the component, one fetch at a time for each client, and shared by all
calls."""

import json
import logging
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYet
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Literal, TypeAlias
from urllib.parse import urlencode

from .authorizations import Header, TokenRequest
from .http import Broken, Request, Response, Transport
from .threads import in_thread

FETCH_TIMEOUT = 10.0
"""A fetch is given up after so many seconds: a token comes within one, and while a fetch hangs nobody starts
another."""

ASSUMED_LIFE = 300
"""The life of a token whose answer names none, in seconds. ServiceNow's default is 1800; a shorter guess
costs a fetch more."""

MIN_LIFE = 10
"""A token is used for so many seconds whatever life its answer names."""

RENEWAL_MARGIN = 60
"""A token is renewed when a tenth of its life is left, and at most so many seconds before its end."""

MAX_ANSWER = 64 * 1024
"""A token answer is below 1 KB, or a few KB with a JWT."""

MAX_SAID = 1_000
"""How much of a token service's words is told."""

MAX_KNOWN = 1_000
"""How many clients are remembered."""

_HIBERNATING = ("instance-hibernating-page", "Your instance is hibernating")
"""What stands in the wake-up page of an instance."""

_log = logging.getLogger("servicenow")

Unreachable: TypeAlias = Literal[
    "dns",
    "connect",
    "tls",
    "lost",
    "denied-by-host",
    "hibernating",
    "not-json",
    "rate-limited",
    "server-error",
]
"""Why a token service could not be asked, as in `wit/credentials.wit`."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token, ready to be sent."""

    header: Header
    scope: str | None
    obtained: float
    expires: float
    refresh_token: str | None = field(repr=False, default=None)

    def is_fresh(self) -> bool:
        """Whether it need not be renewed yet."""
        return monotonic() + min((self.expires - self.obtained) / 10, RENEWAL_MARGIN) < self.expires

    def seconds_left(self) -> int:
        """How long it lives."""
        return max(int(self.expires - monotonic()), 0)


@dataclass(frozen=True, slots=True)
class Refused:
    """The token service refused."""

    status: int
    error: str
    description: str


Answer: TypeAlias = Token | Refused | Unreachable | Literal["timeout"]
"""A token, or why there is none."""


class _Slot:
    """What is known of one client."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.current: Token | None = None
        self.fetching: Future[Answer] | None = None
        self.given_up = 0.0
        """When a fetch that is under way counts as none."""
        self.refresh_token: str | None = None


class Tokens:
    """The tokens of all clients."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._slots: dict[TokenRequest, _Slot] = {}

    def get(self, request: TokenRequest, deadline: float) -> Answer:
        """The current token, fetched where there is none. A fetch goes on where the call that began it ran
        out of time."""
        slot = self._slot(request)
        with slot.lock:
            if slot.current is not None and slot.current.is_fresh():
                return slot.current
            fetching = slot.fetching
            # A fetch that hangs, in a name service for instance, keeps nobody from another.
            if fetching is None or monotonic() >= slot.given_up:
                slot.given_up = monotonic() + FETCH_TIMEOUT
                fetching = slot.fetching = in_thread(lambda: self._fetch(request, slot))
        try:
            return fetching.result(max(deadline - monotonic(), 0))
        except NotYet:
            return "timeout"

    def renewed(self, request: TokenRequest, refused: Header | None, deadline: float) -> Answer:
        """A token after ServiceNow refused this one. Where another call renewed it meanwhile, that one."""
        slot = self._slot(request)
        with slot.lock:
            if slot.current is not None and slot.current.header == refused:
                slot.current = None
        return self.get(request, deadline)

    def secrets(self, request: TokenRequest) -> list[str]:
        """What nobody may be shown of a client."""
        slot = self._slot(request)
        form = dict(request.form)
        known = [form.get("client_secret"), form.get("refresh_token"), slot.refresh_token]
        return [secret for secret in known if secret]

    def _slot(self, request: TokenRequest) -> _Slot:
        with self._lock:
            slot = self._slots.pop(request, None) or _Slot()
            # The one that was used last stands last.
            self._slots[request] = slot
            while len(self._slots) > MAX_KNOWN:
                del self._slots[next(iter(self._slots))]
            return slot

    def _fetch(self, request: TokenRequest, slot: _Slot) -> Answer:
        answer = self._ask(request, slot.refresh_token)
        with slot.lock:
            slot.fetching = None
            if isinstance(answer, Token):
                slot.current = answer
                slot.refresh_token = answer.refresh_token or slot.refresh_token
            elif slot.current is not None and slot.current.seconds_left() > 0:
                # An early renewal that failed: the token at hand is still good.
                return slot.current
        return answer

    def _ask(self, request: TokenRequest, rotated: str | None) -> Answer:
        form = [
            (name, rotated if name == "refresh_token" and rotated else text) for name, text in request.form
        ]
        headers = [("accept", "application/json"), ("content-type", "application/x-www-form-urlencoded")]
        post = Request("POST", request.url, headers, urlencode(form).encode())
        try:
            return read(self._transport.send(post, monotonic() + FETCH_TIMEOUT))
        except Broken as broken:
            match broken.reason:
                case "deadline":
                    return "timeout"
                case "dns" | "connect" | "tls" | "denied-by-host":
                    return broken.reason
                case _:
                    return "lost"
        except Exception as error:  # noqa: BLE001 - whatever an embedder's client raises may hold a secret
            _log.warning("the transport raised %s", type(error).__name__)
            return "lost"


def read(response: Response) -> Answer:
    """Reads a token service's answer. The status decides: `error` is `server_error` for nearly every
    mistake."""
    types = [value for name, value in response.headers if name.lower() == "content-type"]
    is_json = bool(types) and types[0].partition(";")[0].strip().lower() == "application/json"
    text = response.body[: MAX_ANSWER + 1].decode(errors="replace")
    if not is_json and any(mark in text for mark in _HIBERNATING):
        return "hibernating"
    answer = _object(text) if is_json and len(text) <= MAX_ANSWER else None
    if response.status == 429:
        return "rate-limited"
    if response.status >= 500:
        return "server-error"
    if response.status == 200 and answer is not None:
        token = answer.get("access_token")
        if isinstance(token, str) and token and all("!" <= letter <= "~" for letter in token):
            return _token(token, answer)
    is_refusal = 400 <= response.status < 500 and (answer is not None or response.status in (400, 401, 403))
    if not is_refusal:
        return "not-json"
    said = answer or {}
    return Refused(response.status, _said(said.get("error")), _said(said.get("error_description")))


def _token(token: str, answer: dict[str, Any]) -> Token:
    try:
        life = int(float(answer["expires_in"]))
    except (LookupError, ValueError, TypeError, OverflowError):
        life = ASSUMED_LIFE
    now = monotonic()
    scope, refresh_token = answer.get("scope"), answer.get("refresh_token")
    return Token(
        header=Header("authorization", f"Bearer {token}"),
        scope=_said(scope) if isinstance(scope, str) else None,
        obtained=now,
        expires=now + max(life, MIN_LIFE),
        refresh_token=refresh_token if isinstance(refresh_token, str) and refresh_token else None,
    )


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _said(value: object) -> str:
    # What JSON can spell is not all text: half an emoji is not.
    return value[:MAX_SAID].encode(errors="replace").decode() if isinstance(value, str) else ""
