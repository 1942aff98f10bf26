"""What is remembered: the same in every ledger, in one that processes share, and in the form of the Rust
host."""

import sqlite3
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic

import pytest

from servicenow import Ledger, MemoryLedger, SqliteLedger
from servicenow.remembered import MAX_SETTLED, Known, Remembered

from .conftest import HOST_TEST

Make = Callable[[Path], Ledger]
LEDGERS: list[Make] = [lambda _: MemoryLedger(), lambda folder: SqliteLedger(folder / "ledger.db")]


@pytest.mark.parametrize("make", LEDGERS, ids=["memory", "sqlite"])
def test_texts_are_replaced_where_they_are_what_they_were(make: Make, tmp_path: Path) -> None:
    ledger = make(tmp_path)
    for before, after, replaced, now in [
        ("x", "1", False, None),
        (None, None, True, None),
        (None, "1", True, "1"),
        (None, "2", False, "1"),
        ("x", None, False, "1"),
        ("1", "1", True, "1"),
        ("1", "🔥 2", True, "🔥 2"),
        (None, None, False, "🔥 2"),
        ("🔥 2", None, True, None),
    ]:
        assert ledger.replace("main", "a/1", before, after) is replaced, (before, after)
        assert ledger.get("main", "a/1") == now
    for name in ["b/2", "b/10", "b%", "c/1"]:
        assert ledger.replace("main", name, None, "")
    assert ledger.names("main", "b/") == ["b/10", "b/2"]
    assert ledger.names("main", "b%") == ["b%"]
    assert ledger.get("other", "b/2") is None


@pytest.mark.parametrize("make", LEDGERS, ids=["memory", "sqlite"])
def test_of_many_who_change_one_text_each_adds_to_the_others(make: Make, tmp_path: Path) -> None:
    ledger = make(tmp_path)

    def count(_: int) -> None:
        while True:
            before = ledger.get("main", "count")
            if ledger.replace("main", "count", before, str(int(before or 0) + 1)):
                return

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(count, range(200)))
    assert ledger.get("main", "count") == "200"


def test_what_was_seen_and_settled_is_known_and_nothing_is_set_back() -> None:
    remembered = Remembered(MemoryLedger(), "main")
    assert remembered.known("a") == Known()
    for before, after, is_remembered in [(None, "1", True), (None, "x", False), ("1", "2", True)]:
        assert remembered.seen("a", before, after) is is_remembered
    for count in [3, 1, 3, *range(100, 200)]:
        remembered.settle("a", count)
    assert remembered.known("a") == Known("2", tuple(range(200 - MAX_SETTLED, 200)))


def test_a_claim_is_one_s_until_it_ends_or_its_time_passed() -> None:
    remembered = Remembered(MemoryLedger(), "main")
    assert remembered.claim("note/1", "one", 60) == "granted"
    assert remembered.claim("note/1", "other", 60) is None
    remembered.release("note/1", "other")
    remembered.done("note/1", "other")
    assert remembered.claim("note/1", "one", -1) == "granted"
    assert remembered.claim("note/1", "other", 60) == "orphaned"
    remembered.release("note/1", "other")
    assert remembered.claim("note/1", "one", 60) == "orphaned"
    remembered.done("note/1", "one")
    assert remembered.claim("note/1", "other", 60) == "done"
    started = monotonic()
    assert remembered.claim("note/2", "one", 60) == "granted"
    assert remembered.wait("note/2", "other", 60, started + 0.1) is None


def test_a_file_that_is_none_is_left_alone(tmp_path: Path) -> None:
    text, other, newer = tmp_path / "text", tmp_path / "other.db", tmp_path / "newer.db"
    text.write_text("hello, this is no database at all, whatever its name may say")
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE t (a)")
    SqliteLedger(newer).close()
    with sqlite3.connect(newer) as database:
        database.execute("PRAGMA user_version = 9")
    for path, says in [(text, "is no ledger"), (other, "another program's"), (newer, "has form 9")]:
        before = path.read_bytes()
        with pytest.raises(ValueError, match=says):
            SqliteLedger(path)
        assert path.read_bytes() == before


def test_the_rust_host_opens_what_was_made_here(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    assert SqliteLedger(path).replace("main", "event/a", None, "b")
    # A ledger is opened before its events are listed.
    listed = subprocess.run(
        [HOST_TEST, "outbox", "list", "--authorization", "main", "--ledger", str(path)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert listed.returncode == 0, listed.stderr
    assert path.stat().st_mode & 0o777 == 0o600
