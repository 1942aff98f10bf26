"""The way out: one exchange at a time, by urllib3 or by a client of the embedder's."""

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Literal, Protocol, TypeAlias
from urllib.parse import unquote
from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.util import Url, make_headers, parse_url

from .exchanges import Exchange, Exchanges

MAX_ANSWER = 10 * 1024 * 1024
"""The largest answer that is taken in, in bytes: ServiceNow's own limit of requests."""

MAX_CONNECTIONS = 64
"""How many connections to one host are kept."""

_CHUNK = 64 * 1024

Reason: TypeAlias = Literal[
    "dns", "connect", "tls", "deadline", "lost", "too-large", "denied-by-host", "limit"
]
"""Why there is no whole answer, as in `wit/transport.wit`."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request, with the credential among its headers."""

    method: str
    url: str
    headers: list[tuple[str, str]] = field(repr=False)
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer. A redirect is one: none is followed."""

    status: int
    headers: list[tuple[str, str]] = field(repr=False)
    body: bytes = field(repr=False)


class Broken(Exception):
    """There is no whole answer. `not_sent` is true only where nothing of the request can have left."""

    def __init__(self, reason: Reason, *, status: int | None = None, not_sent: bool = False) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
        self.status = status
        self.not_sent = not_sent


class Transport(Protocol):
    """An HTTP client. It is used by many threads at once, repeats nothing by itself and follows no
    redirect."""

    def send(self, request: Request, deadline: float) -> Response:
        """Sends a request and takes in the whole answer until a time of `time.monotonic`; raises `Broken`."""

    def close(self) -> None:
        """Closes the connections."""


class _Current(threading.local):
    """The exchange of this thread."""

    exchange = Exchange(0.0)


_CURRENT = _Current()


class _Watched:
    """A connection that says when the first byte of a request leaves. What makes it, a proxy's tunnel
    included, is none."""

    _connecting = False

    def connect(self) -> None:
        self._connecting = True
        try:
            super().connect()  # type: ignore[misc]
        finally:
            self._connecting = False

    def send(self, data: Any) -> None:
        if not self._connecting:
            if self.sock is None:  # type: ignore[attr-defined]
                self.connect()
            # Names and connections take as long as they take: whoever called was told meanwhile that nothing left.
            exchange = _CURRENT.exchange
            if not exchange.begun and monotonic() >= exchange.deadline:
                raise TimeoutError("the time was over before it was sent")
            exchange.begun = True
            exchange.connection = self.sock  # type: ignore[attr-defined]
        super().send(data)  # type: ignore[misc]


class _Http(_Watched, HTTPConnection):
    pass


class _Https(_Watched, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class Urllib3Transport:
    """urllib3 with connections that are kept, the machine's certificates and those of `ca_file` beside them,
    and a proxy: the one that is given, or that of `HTTPS_PROXY` and `NO_PROXY` where none is."""

    def __init__(self, *, ca_file: str | Path | None = None, proxy: str | None = None) -> None:
        self._tls = ssl.create_default_context()
        if ca_file is not None:
            self._tls.load_verify_locations(ca_file)
        self._proxy = proxy
        if proxy is not None:
            _address_of_proxy(proxy)
        self._direct = _pools(urllib3.PoolManager(**self._settings()))
        self._through_proxies: list[urllib3.PoolManager] = []
        self._known: dict[str, tuple[Callable[..., Any], bool]] = {}
        self._lock = threading.Lock()
        self._exchanges = Exchanges()

    def send(self, request: Request, deadline: float) -> Response:
        """Sends a request and takes in the whole answer."""
        left = deadline - monotonic()
        if left <= 0:
            raise Broken("deadline", not_sent=True)
        exchange = _CURRENT.exchange = Exchange(deadline)
        with self._exchanges.watched(exchange):
            return self._exchange(request, exchange, left)

    def _exchange(self, request: Request, exchange: Exchange, left: float) -> Response:
        try:
            opened, target = self._opened(request.url)
            response = opened(
                request.method,
                target,
                body=request.body,
                headers=dict(request.headers),
                timeout=urllib3.Timeout(connect=left, read=left),
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
        except (HTTPError, OSError, ValueError) as error:
            raise _broken(error, exchange) from None
        try:
            body = _read(response, exchange.deadline)
        except BaseException:
            # What is left of the answer belongs to nobody: the connection is not used again.
            response.close()
            raise
        response.release_conn()
        return Response(response.status, list(response.headers.iteritems()), body)

    def close(self) -> None:
        """Closes the connections."""
        for manager in [self._direct, *self._through_proxies]:
            manager.clear()

    def _settings(self) -> dict[str, Any]:
        return {"maxsize": MAX_CONNECTIONS, "ssl_context": self._tls}

    def _opened(self, url: str) -> tuple[Callable[..., Any], str]:
        """What opens a request to this address, and what it calls the address."""
        origin = "/".join(url.split("/", 3)[:3])
        known = self._known.get(origin)
        if known is None:
            with self._lock:
                known = self._known.setdefault(origin, self._made(origin))
        opened, takes_whole_address = known
        return opened, url if takes_whole_address else url[len(origin) :]

    def _made(self, origin: str) -> tuple[Callable[..., Any], bool]:
        proxy = self._proxy if self._proxy is not None else _proxy_of_environment(origin)
        if not proxy:
            return self._direct.connection_from_url(origin).urlopen, False
        auth = _address_of_proxy(proxy).auth
        headers = make_headers(proxy_basic_auth=unquote(auth)) if auth else {}
        manager = _pools(urllib3.ProxyManager(proxy, proxy_headers=headers, **self._settings()))
        self._through_proxies.append(manager)
        if origin.startswith("http:"):
            return manager.urlopen, True
        return manager.connection_from_url(origin).urlopen, False


def _pools(manager: urllib3.PoolManager) -> urllib3.PoolManager:
    manager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
    return manager


def _address_of_proxy(proxy: str) -> Url:
    """A proxy's address. The error does not quote it: it may hold a password."""
    told = "the proxy is no address of one; give http://HOST:PORT, with USER:PASSWORD@ before it if need be"
    try:
        address = parse_url(proxy)
    except HTTPError:
        raise ValueError(told) from None
    if address.scheme not in ("http", "https") or not address.host:
        raise ValueError(told)
    return address


def _proxy_of_environment(origin: str) -> str | None:
    address = parse_url(origin)
    proxies = getproxies_environment()
    if proxy_bypass_environment(address.host or "", proxies):
        return None
    found = proxies.get(address.scheme or "", proxies.get("all"))
    return found if found is None or "://" in found else f"http://{found}"


def _read(response: urllib3.HTTPResponse, deadline: float) -> bytes:
    status = response.status
    length = response.headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_ANSWER:
        raise Broken("too-large", status=status)
    parts: list[bytes] = []
    size = 0
    try:
        while part := response.read1(_CHUNK):
            parts.append(part)
            size += len(part)
            if size > MAX_ANSWER:
                raise Broken("too-large", status=status)
            if monotonic() >= deadline:
                raise Broken("deadline", status=status)
    except (HTTPError, OSError) as error:
        late = isinstance(error, ReadTimeoutError) or monotonic() >= deadline
        raise Broken("deadline" if late else "lost", status=status) from None
    # What was cut off by the deadline looks like an answer that ended.
    if monotonic() >= deadline:
        raise Broken("deadline", status=status)
    return b"".join(parts)


def _broken(error: BaseException, exchange: Exchange) -> Broken:
    not_sent, late = not exchange.begun, monotonic() >= exchange.deadline
    cause = error.original_error if isinstance(error, ProxyError) else error
    kinds: list[tuple[type[BaseException], Reason]] = [
        (NameResolutionError, "dns"),
        (NewConnectionError, "connect"),
        (ConnectTimeoutError, "deadline"),
        (ReadTimeoutError, "deadline"),
    ]
    for kind, reason in kinds:
        if isinstance(cause, kind):
            return Broken(reason, not_sent=not_sent)
    # A connection that was made may break by TLS as well: then something was sent.
    if isinstance(cause, SSLError | ssl.SSLError) and not_sent:
        return Broken("tls", not_sent=True)
    if late:
        return Broken("deadline", not_sent=not_sent)
    return Broken("connect" if not_sent else "lost", not_sent=not_sent)
