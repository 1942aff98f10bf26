"""What a repeated update still has to write. Nothing here does any I/O.

An attempt that was cut off may have written. Columns can be written again; what goes to a journal is appended each
time, so it is looked for in the record first.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from servicenow.records import ColumnResult, Incident, Made, Receipt, Stored

JOURNALS = ("comments", "work_notes", "comments_and_work_notes")
"""The journals among the columns of the incident table, by its dictionary."""

_REWRITTEN = frozenset("<>&\"'[")
"""What instances may store otherwise than it was sent: markup and entities."""


class Note(StrEnum):
    """What became of a text for a journal."""

    ADDED = "added"
    """It was appended, by this attempt alone."""
    ALREADY_THERE = "already-there"
    """The journal has it."""
    MAY_BE_TWICE = "may-be-twice"
    """It was appended, and may have been before: the journal does not tell."""


@dataclass(frozen=True, slots=True)
class Update:
    """An update that appends to journals."""

    body: dict[str, str]
    """What is still to be written."""
    notes: dict[str, Note]
    """What becomes of each text for a journal, once it is written."""


def columns(request_body: Any) -> dict[str, str]:
    """The columns of a request body, in whatever shape it was given. None where it has none of the shapes: the
    component says what is wrong with it."""
    try:
        body = json.loads(request_body) if isinstance(request_body, str) else request_body
        pairs = list(body.items() if isinstance(body, Mapping) else body)
        named = {name: value for name, value in pairs}
    except (TypeError, ValueError):
        return {}
    are_texts = all(isinstance(text, str) for pair in named.items() for text in pair)
    return named if are_texts and len(named) == len(pairs) else {}


def has_notes(request_body: Any) -> bool:
    """Whether a request body appends to a journal."""
    return any(columns(request_body).get(name) for name in JOURNALS)


def first(body: Mapping[str, str]) -> Update:
    """An update of which nothing was written."""
    return Update(dict(body), {name: Note.ADDED for name in JOURNALS if body.get(name)})


def repeated(body: Mapping[str, str], incident: Incident | None) -> Update:
    """What is left of an update that may have been written, by the record as it is now. `None` is a record that
    could not be read."""
    shown = {field.name: field.display_value for field in incident.fields} if incident else {}
    notes = {name: _note(shown.get(name, ""), body[name]) for name in JOURNALS if body.get(name)}
    left = {name: text for name, text in body.items() if notes.get(name) is not Note.ALREADY_THERE}
    return Update(left, notes)


def confirmed(incident: Incident, body: Mapping[str, str]) -> Receipt:
    """The receipt of an update that is found to have been made."""
    keys = [field.value for field in incident.fields if field.name == "correlation_id"]
    return Receipt(
        number=incident.number,
        sys_id=incident.sys_id,
        task_effective_number=incident.task_effective_number,
        correlation_id="".join(keys),
        made=Made.CONFIRMED_BY_READING,
        columns=[ColumnResult(name, Stored.STORED) for name in body],
        url=incident.url,
        response_payload=incident.response_payload,
    )


def _note(journal: str, text: str) -> Note:
    if _plain(text) in _plain(journal):
        return Note.ALREADY_THERE
    # An empty journal is one without entries, or one that is not shown.
    is_told = journal.strip() and not _REWRITTEN & set(text)
    return Note.ADDED if is_told else Note.MAY_BE_TWICE


def _plain(text: str) -> str:
    return "\n".join(line.strip() for line in text.strip().splitlines())
