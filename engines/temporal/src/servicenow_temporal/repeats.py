"""What a repeated update still has to write. Nothing here does any I/O.

An attempt that was cut off may have written. Columns can be written again; what goes to a journal is appended each
time, so it is looked for in the record first.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from servicenow.records import ColumnResult, Incident, Made, Receipt, Stored

JOURNALS = ("comments", "work_notes", "comments_and_work_notes")
"""The journals among the columns of the incident table, by its dictionary."""

_HEADING = re.compile(r"(?P<when>\S.*?) - .+ \(.+\)")
"""The line above an entry: when, who, and to which journal."""

_TIME_OF_DAY = re.compile(r"\d[:.]\d\d")

_NONE = re.compile(r"(?!)")
"""Matches no line."""


class Note(StrEnum):
    """What became of a text for a journal."""

    ADDED = "added"
    """It was appended, by the only attempt that can have written it."""
    ALREADY_THERE = "already-there"
    """The journal has an entry of this text, and none was appended."""
    MAY_BE_TWICE = "may-be-twice"
    """It was appended, and may be once more: an earlier attempt may have written it, or may still."""


@dataclass(frozen=True, slots=True)
class Update:
    """An update that appends to journals."""

    body: dict[str, Any]
    """What is still to be written."""
    notes: dict[str, Note]
    """What becomes of each text for a journal, once it is written."""


def columns(request_body: Any) -> dict[str, Any]:
    """The columns of a request body, in whatever shape it was given. None where it has none of the shapes: the
    component says what is wrong with it."""
    try:
        body = json.loads(request_body) if isinstance(request_body, str) else request_body
        pairs = list(body.items() if isinstance(body, Mapping) else body)
        named = {name: value for name, value in pairs}
    except (TypeError, ValueError, RecursionError):
        return {}
    return named if len(named) == len(pairs) and all(isinstance(name, str) for name in named) else {}


def has_notes(request_body: Any) -> bool:
    """Whether a request body appends to a journal."""
    named = columns(request_body)
    return any(_is_note(named.get(name)) for name in JOURNALS)


def first(body: Mapping[str, Any]) -> Update:
    """An update of which nothing was written."""
    return Update(dict(body), {name: Note.ADDED for name in JOURNALS if _is_note(body.get(name))})


def repeated(body: Mapping[str, Any], incident: Incident | None) -> Update:
    """What is left of an update that may have been written, or may still be, by the record as it is now. `None` is a
    record that could not be read."""
    shown = {field.name: field.display_value for field in incident.fields} if incident else {}
    notes = {
        name: Note.ALREADY_THERE if _has_entry(shown.get(name, ""), str(body[name])) else Note.MAY_BE_TWICE
        for name in JOURNALS
        if _is_note(body.get(name))
    }
    left = {name: value for name, value in body.items() if notes.get(name) is not Note.ALREADY_THERE}
    return Update(left, notes)


def confirmed(incident: Incident, body: Mapping[str, Any]) -> Receipt:
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


def _is_note(value: Any) -> bool:
    return value is not None and str(value).strip() != ""


def _has_entry(journal: str, text: str) -> bool:
    """Whether a journal, as it is displayed, has an entry of just this text."""
    lines, wanted = _lines(journal), _lines(text)
    heading = _heading_like(lines[0] if lines else "")
    for start in range(1, len(lines) - len(wanted) + 1):
        rest = [line for line in lines[start + len(wanted) :] if line]
        is_entry = heading.fullmatch(lines[start - 1]) and (not rest or heading.fullmatch(rest[0]))
        if is_entry and lines[start : start + len(wanted)] == wanted:
            return True
    return False


def _heading_like(first: str) -> re.Pattern[str]:
    """What the headings of a journal look like, by its first line, which is one: a time in the user's format. A line of
    an entry may have a dash and parentheses too."""
    found = _HEADING.fullmatch(first)
    if found is None or not _TIME_OF_DAY.search(found["when"]):
        return _NONE
    when = "".join(
        r"\d" if letter.isdigit() else r"[^\W\d_]" if letter.isalpha() else re.escape(letter)
        for letter in found["when"]
    )
    return re.compile(rf"{when} - .+ \(.+\)")


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]
