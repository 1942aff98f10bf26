"""Where a host keeps what event sync remembers: texts by name, for each authorization."""

import os
import sqlite3
import threading
from pathlib import Path
from time import time
from typing import Protocol

APPLICATION_ID = 0x534E_4C47
"""Says in the file whose it is. The Rust host writes the same form: both use one file, also at the same
time."""

FORM = 2

KEPT_MS = 365 * 24 * 60 * 60 * 1000
"""How long a text is kept that nobody replaces; cursors and events that wait stay. What is forgotten is told
once more."""

BUSY = 5.0
"""How many seconds a statement waits for another process. A statement takes less than a millisecond."""

_TABLES = """
    BEGIN IMMEDIATE;
    CREATE TABLE texts (
        authorization TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, at_ms INTEGER NOT NULL,
        PRIMARY KEY (authorization, name)
    ) WITHOUT ROWID;
    CREATE INDEX by_age ON texts (at_ms);
    PRAGMA application_id = {application_id};
    PRAGMA user_version = {form};
    COMMIT;
"""


class Ledger(Protocol):
    """Texts by name. An embedder with a database of its own implements it; what is lost is told or written once more."""

    is_durable: bool
    """Whether texts outlive the process."""

    def get(self, authorization: str, name: str) -> str | None:
        """The text under a name."""

    def replace(self, authorization: str, name: str, before: str | None, after: str | None) -> bool:
        """Replaces a text where it is still what it was before, at once for all who share the ledger; `None`
        is no text. Whether it was."""

    def names(self, authorization: str, start: str) -> list[str]:
        """The names that begin so, in order."""


class MemoryLedger:
    """A ledger that ends with the process."""

    is_durable = False

    def __init__(self) -> None:
        self._texts: dict[tuple[str, str], str] = {}
        self._lock = threading.Lock()

    def get(self, authorization: str, name: str) -> str | None:
        """The text under a name."""
        return self._texts.get((authorization, name))

    def replace(self, authorization: str, name: str, before: str | None, after: str | None) -> bool:
        """Replaces a text."""
        with self._lock:
            if self._texts.get((authorization, name)) != before:
                return False
            if after is None:
                self._texts.pop((authorization, name), None)
            else:
                self._texts[authorization, name] = after
            return True

    def names(self, authorization: str, start: str) -> list[str]:
        """The names that begin so."""
        with self._lock:
            return sorted(
                name for whose, name in self._texts if whose == authorization and name.startswith(start)
            )


class SqliteLedger:
    """A ledger in a file, which any number of processes of one machine share."""

    is_durable = True

    def __init__(self, path: str | Path) -> None:
        self._lock = threading.Lock()
        # For its owner alone: it holds what records and events said.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        try:
            self._database = sqlite3.connect(
                path, timeout=BUSY, isolation_level=None, check_same_thread=False
            )
            self._prepare(path)
        except sqlite3.DatabaseError as error:
            raise ValueError(f"{path} is no ledger, or damaged ({error}); give another path") from error

    def _prepare(self, path: str | Path) -> None:
        if self._form() == (0, 0, 0):
            (mode,) = self._database.execute("PRAGMA journal_mode = WAL").fetchone()
            if mode != "wal":
                raise ValueError(f"{path}: its file system has no write-ahead log for it, but {mode}")
            try:
                self._database.executescript(_TABLES.format(application_id=APPLICATION_ID, form=FORM))
            except sqlite3.OperationalError:
                # Another process was first: what is there now tells.
                self._database.rollback()
        application_id, form, _ = self._form()
        if application_id != APPLICATION_ID:
            raise ValueError(f"{path} is another program's database, and is left alone; give another path")
        if form != FORM:
            raise ValueError(f"{path} has form {form}, and this version reads form {FORM}; give another path")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.execute(
            "DELETE FROM texts WHERE at_ms < ? AND name NOT GLOB 'cursor/*' AND name NOT GLOB 'outbox/*'",
            [_now_ms() - KEPT_MS],
        )

    def _form(self) -> tuple[int, int, int]:
        questions = ["PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_schema"]
        first, second, third = (self._database.execute(question).fetchone()[0] for question in questions)
        return first, second, third

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self._database.close()

    def get(self, authorization: str, name: str) -> str | None:
        """The text under a name."""
        query = "SELECT value FROM texts WHERE authorization = ? AND name = ?"
        with self._lock:
            row = self._database.execute(query, [authorization, name]).fetchone()
        return None if row is None else str(row[0])

    def replace(self, authorization: str, name: str, before: str | None, after: str | None) -> bool:
        """Replaces a text."""
        if before is None and after is None:
            return self.get(authorization, name) is None
        if before is None:
            statement = "INSERT OR IGNORE INTO texts VALUES (?, ?, ?, ?)"
            values: list[object] = [authorization, name, after, _now_ms()]
        elif after is None:
            statement = "DELETE FROM texts WHERE authorization = ? AND name = ? AND value = ?"
            values = [authorization, name, before]
        else:
            statement = (
                "UPDATE texts SET value = ?, at_ms = ? WHERE authorization = ? AND name = ? AND value = ?"
            )
            values = [after, _now_ms(), authorization, name, before]
        with self._lock:
            return self._database.execute(statement, values).rowcount == 1

    def names(self, authorization: str, start: str) -> list[str]:
        """The names that begin so."""
        query = "SELECT name FROM texts WHERE authorization = ? AND substr(name, 1, ?) = ? ORDER BY name"
        with self._lock:
            rows = self._database.execute(query, [authorization, len(start), start]).fetchall()
        return [str(name) for (name,) in rows]


def _now_ms() -> int:
    return int(time() * 1000)
