"""Which requests of the component may leave, and with which headers. Nothing here does any I/O."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from .http import Request

INCIDENT_CALLS = (
    "GET,POST,PATCH /api/now/table/incident",
    "GET /api/now/table/sys_choice",
    "GET /api/now/table/sys_dictionary",
)
"""What the incident node asks for."""

EVENT_CALLS = (
    *INCIDENT_CALLS,
    "GET /api/now/table/sys_journal_field",
    "GET /api/now/table/task",
    "GET /api/now/table/sc_request",
    "GET /api/now/table/sc_req_item",
    "GET /api/now/table/sc_task",
    "GET /api/now/table/change_request",
    "GET /api/now/table/problem",
    "GET /api/now/table/sys_user",
    "GET /api/now/table/sys_user_group",
    "GET /api/now/table/cmdb_ci",
    "GET /api/now/table/cmdb_ci_service",
    "GET /api/now/table/service_offering",
    "GET /api/now/table/core_company",
    "GET /api/now/table/cmn_location",
    "GET /api/now/table/sys_properties?name=glide.sys.default.tz",
)
"""What event sync asks for."""

REQUEST_HEADERS = frozenset({"accept", "accept-language", "content-type", "user-agent"})
"""What a component may set: what describes a request and its body."""

RESPONSE_HEADERS = frozenset(
    {"content-encoding", "content-type", "retry-after", "x-ratelimit-reset", "x-total-count"}
)
"""What a component reads of an answer. It is shown nothing else, and so no credential, such as a session's
cookie."""

NEVER_SENT = frozenset(
    {
        "accept-encoding",
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "cookie",
        "cookie2",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "range",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
        "x-original-url",
        "x-rewrite-url",
        "x-sn-apikey",
    }
)
"""What rules may not add either: it changes what is called or by whom, or how a body is read."""

_SHAPING = frozenset(
    {"sysparm_display_value", "sysparm_exclude_reference_link", "sysparm_fields", "sysparm_limit"}
)
"""Parameters that say how rows are shown, and not which."""

_SEGMENT = re.compile(r"[A-Za-z0-9_-]+")
"""A segment of a path that every server reads alike: no dots, no escapes, no parameters."""


@dataclass(frozen=True, slots=True)
class AllowedCall:
    """Methods and a path, with all that is below it; of properties the one that is named."""

    methods: frozenset[str]
    path: str
    query: str

    @classmethod
    def parse(cls, text: str) -> "AllowedCall":
        """Reads `GET,POST /api/now/table/incident`."""
        methods, _, target = text.partition(" ")
        path, _, query = target.partition("?")
        if not _is_plain(path) or not re.fullmatch(r"[A-Z]+(,[A-Z]+)*", methods):
            raise ValueError(
                f"{text!r} is no allowed call; give methods and a path, such as 'GET,POST /api/now/table/incident'"
            )
        return cls(frozenset(methods.split(",")), path, query)

    def allows(self, method: str, path: str, query: str) -> bool:
        """Whether it allows a request."""
        if method not in self.methods:
            return False
        if self.query:
            return path == self.path and _asks_for(query, self.query)
        return path == self.path or path.startswith(f"{self.path}/")


def calls(texts: Iterable[str]) -> tuple[AllowedCall, ...]:
    """Reads allowed calls."""
    return tuple(map(AllowedCall.parse, texts))


def is_allowed(request: Request, origin: str, allowed: Iterable[AllowedCall], *, writes: bool) -> bool:
    """Whether a request may leave: to the authorization's own origin, by a call that is allowed, and a write
    only for a method that writes."""
    if not request.url.startswith(f"{origin}/") or not _is_origin(origin):
        return False
    path, _, query = request.url.removeprefix(origin).partition("?")
    if not _is_plain(path) or (request.method != "GET" and not writes):
        return False
    return any(call.allows(request.method, path, query) for call in allowed)


def headers_of_rules(rules: str) -> frozenset[str]:
    """The headers that a rules document adds to requests, but for those that none may."""
    try:
        named = json.loads(rules)["headers"].keys()
    except (ValueError, LookupError, TypeError, AttributeError):
        return frozenset()
    names = {name.lower() for name in named}
    return frozenset(name for name in names - NEVER_SENT if not name.startswith("x-forwarded-"))


def _is_origin(origin: str) -> bool:
    parts = urlsplit(origin)
    return (
        parts.scheme in ("http", "https")
        and origin == f"{parts.scheme}://{parts.netloc}"
        and "@" not in origin
    )


def _is_plain(path: str) -> bool:
    segments = path.split("/")
    is_batch = "batch" in (segment.lower() for segment in segments)
    return (
        segments[0] == ""
        and len(segments) > 1
        and not is_batch
        and all(map(_SEGMENT.fullmatch, segments[1:]))
    )


def _asks_for(query: str, condition: str) -> bool:
    """Whether a query selects by this condition alone: properties hold secrets, so they are read by their
    names."""
    asked = parse_qsl(query, keep_blank_values=True)
    selecting = [value for name, value in asked if name.lower() not in _SHAPING]
    names = [name for name, _ in asked if name.lower() not in _SHAPING]
    return names == ["sysparm_query"] and selecting == [condition]
