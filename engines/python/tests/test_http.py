"""The way out, through real sockets: what is proven not to have been sent, whole answers, TLS and proxies."""

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from servicenow import Broken, Request, ServiceNow, Urllib3Transport, basic
from servicenow.http import MAX_ANSWER
from servicenow.outcomes import Error, IncidentCreated
from servicenow.records import Reason, WriteHappened

from .conftest import NODE_WASM, Simulator, running

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def server(converse: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does this with each connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=conversed, args=(connection,), daemon=True).start()

        def conversed(connection: socket.socket) -> None:
            with connection:
                try:
                    converse(connection)
                except OSError:
                    pass

        threading.Thread(target=serve, daemon=True).start()
        host, port = listener.getsockname()
        yield f"http://{host}:{port}"
        listener.shutdown(socket.SHUT_RDWR)


def answering(
    answer: bytes, then: Callable[[socket.socket], object] = lambda _: None
) -> Callable[[socket.socket], None]:
    def converse(connection: socket.socket) -> None:
        asked = b""
        while part := connection.recv(65_536):
            asked += part
            # What is closed with something unread is reset.
            if asked.endswith(b"\r\n\r\nbody"):
                asked = b""
                connection.sendall(answer)
                then(connection)
                if answer != OK:
                    return

    return converse


def post(url: str, within: float = 2.0, transport: Urllib3Transport | None = None) -> bytes:
    request = Request("POST", f"{url}/x", [("content-type", "text/plain")], b"body")
    return (transport or Urllib3Transport()).send(request, monotonic() + within).body


def broken(
    url: str, within: float = 2.0, transport: Urllib3Transport | None = None
) -> tuple[str, int | None, bool]:
    with pytest.raises(Broken) as raised:
        post(url, within, transport)
    return raised.value.reason, raised.value.status, raised.value.not_sent


def test_what_never_left_is_known_not_to_have_been_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        free = closed.getsockname()[1]
    assert broken(f"http://127.0.0.1:{free}") == ("connect", None, True)
    assert broken("http://no-such-host.invalid") == ("dns", None, True)
    assert broken("http://127.0.0.1:1", within=0) == ("deadline", None, True)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"", ("lost", None, False)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", ("lost", 200, False)),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", ("lost", 200, False)),
        (b"no HTTP\r\n\r\n", ("lost", None, False)),
        (f"HTTP/1.1 200 OK\r\nContent-Length: {MAX_ANSWER + 1}\r\n\r\n".encode(), ("too-large", 200, False)),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MAX_ANSWER + 1), ("too-large", 200, False)),
    ],
    ids=["closed", "cut", "cut chunk", "no HTTP", "too large by its length", "too large"],
)
def test_what_is_no_whole_answer_is_told_and_may_have_been_sent(
    answer: bytes, expected: tuple[str, int | None, bool]
) -> None:
    with server(answering(answer)) as url:
        assert broken(url) == expected


def test_an_answer_that_trickles_ends_at_the_deadline() -> None:
    go_on = threading.Event()

    def trickle(connection: socket.socket) -> None:
        while not go_on.wait(0.05):
            connection.sendall(b"x")

    head = b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n"
    with server(answering(head, trickle)) as url:
        started = monotonic()
        assert broken(url, within=0.4) == ("deadline", 200, False)
        assert monotonic() - started < 2
        go_on.set()


def test_connections_are_kept_and_no_redirect_is_followed() -> None:
    connections: list[object] = []

    def converse(connection: socket.socket) -> None:
        connections.append(connection)
        answering(OK)(connection)

    transport = Urllib3Transport()
    with server(converse) as url:
        assert [post(url, transport=transport) for _ in range(3)] == [b"ok"] * 3
    assert len(connections) == 1
    away = b"HTTP/1.1 307 Temporary\r\nLocation: /y\r\nContent-Length: 4\r\n\r\naway"
    with server(answering(away)) as url:
        assert post(url) == b"away"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Simulator, Path]]:
    """A simulator whose certificate is of a private CA."""
    folder = tmp_path_factory.mktemp("tls")
    with running("--tls", str(folder)) as simulator:
        yield simulator, folder / "ca.pem"


def create(simulator: Simulator, transport: Urllib3Transport) -> object:
    main = basic(simulator.base_url, simulator.username, simulator.password)
    with ServiceNow(NODE_WASM, {"main": main}, transport=transport) as host:
        return host.create("main", simulator.base_url, {"urgency": "2"})


def test_a_private_ca_is_trusted_where_it_is_given(tls: tuple[Simulator, Path]) -> None:
    simulator, ca = tls
    assert isinstance(create(simulator, Urllib3Transport(ca_file=ca)), IncidentCreated)


def test_a_tls_failure_is_told_as_one_and_nothing_was_written(tls: tuple[Simulator, Path]) -> None:
    simulator, _ = tls
    outcome = create(simulator, Urllib3Transport())
    assert isinstance(outcome, Error)
    assert (outcome.failure.reason, outcome.failure.write_happened) == (Reason.TLS, WriteHappened.NO)


def test_what_breaks_after_the_handshake_may_have_been_sent(
    tls: tuple[Simulator, Path], tmp_path: Path
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=127.0.0.1",
    ]
    make += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(make, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def converse(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(65_536)
            secured.unwrap()

    with server(converse) as url:
        secure = url.replace("http:", "https:")
        assert broken(secure, transport=Urllib3Transport(ca_file=certificate)) == ("lost", None, False)
        assert broken(secure) == ("tls", None, True)


@contextmanager
def proxy() -> Iterator[tuple[str, list[bytes]]]:
    """A proxy that tunnels, and what it was asked."""
    asked: list[bytes] = []

    def converse(connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65_536)
        asked.append(head)
        host, port = head.split()[1].decode().split(":")
        with socket.create_connection((host, int(port))) as target:
            connection.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=pump, args=(target, connection), daemon=True)
            back.start()
            pump(connection, target)
            back.join()

    with server(converse) as url:
        yield url, asked


def pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while part := source.recv(65_536):
            target.sendall(part)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def test_a_proxy_carries_the_connection_with_its_own_password(tls: tuple[Simulator, Path]) -> None:
    simulator, ca = tls
    with proxy() as (url, asked):
        through = url.replace("http://", "http://user:secret@")
        assert isinstance(create(simulator, Urllib3Transport(ca_file=ca, proxy=through)), IncidentCreated)
    (head,) = asked
    assert head.startswith(f"CONNECT {simulator.base_url.removeprefix('https://')} ".encode())
    assert b"Basic dXNlcjpzZWNyZXQ=" in head
    assert b"api/now" not in head


def test_the_proxy_of_the_environment_is_used_but_for_hosts_that_need_none(
    tls: tuple[Simulator, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator, ca = tls
    with proxy() as (url, asked):
        monkeypatch.setenv("https_proxy", url)
        assert isinstance(create(simulator, Urllib3Transport(ca_file=ca)), IncidentCreated)
        assert len(asked) == 1
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert isinstance(create(simulator, Urllib3Transport(ca_file=ca)), IncidentCreated)
        assert len(asked) == 1


def test_a_proxy_that_is_not_there_leaves_nothing_in_doubt(tls: tuple[Simulator, Path]) -> None:
    simulator, ca = tls
    with socket.create_server(("127.0.0.1", 0)) as closed:
        free = closed.getsockname()[1]
    outcome = create(simulator, Urllib3Transport(ca_file=ca, proxy=f"http://127.0.0.1:{free}"))
    assert isinstance(outcome, Error)
    assert (outcome.failure.reason, outcome.failure.write_happened) == (Reason.CONNECT, WriteHappened.NO)


def test_an_answer_whose_head_trickles_ends_at_the_deadline() -> None:
    go_on = threading.Event()

    def trickle(connection: socket.socket) -> None:
        while not go_on.wait(0.02):
            connection.sendall(b"x")

    with server(answering(b"HTTP/1.1 200 OK\r\nX-Slow: ", trickle)) as url:
        started = monotonic()
        assert broken(url, within=0.3) == ("deadline", 200, False)
        assert monotonic() - started < 1
        go_on.set()


def test_what_is_connected_only_after_the_deadline_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []
    resolve = socket.getaddrinfo

    def slowly(*given: Any, **named: Any) -> object:
        threading.Event().wait(0.3)
        return resolve(*given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", slowly)
    with server(lambda connection: asked.append(connection.recv(1))) as url:
        assert broken(url, within=0.1) == ("deadline", None, True)
    assert b"".join(asked) == b""


@pytest.mark.parametrize("address", ["http://user:hush@proxy:99999", "hush", "socks5://hush:1"])
def test_a_proxy_that_is_none_is_refused_without_its_words(address: str) -> None:
    with pytest.raises(ValueError, match="the proxy is no address") as raised:
        Urllib3Transport(proxy=address)
    assert "hush" not in str(raised.value)
