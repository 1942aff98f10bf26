"""What a repeated update still has to write."""

from typing import Any

import pytest

from servicenow.records import Field, Incident
from servicenow_temporal.repeats import Note, columns, has_notes, repeated

JOURNAL = (
    "2026-01-01 10:00:00 - Ann (Work notes)\nRack B7 is\nhot\n\n"
    "2026-01-01 09:00:00 - Bob (Work notes)\nDisk full on db1\n\nand on db2\n\n"
)

AT = "2026-01-01 10:00:00 - Ann"


def incident(journal: str) -> Incident:
    fields = [Field("work_notes", "", journal, None)]
    return Incident("INC1", "1" * 32, "INC1", "1", 1, fields, "", "{}")


@pytest.mark.parametrize(
    ("journal", "text", "expected"),
    [
        (JOURNAL, "Rack B7 is\nhot", Note.ALREADY_THERE),
        (JOURNAL, " Rack B7 is \r\nhot\r\n", Note.ALREADY_THERE),
        (JOURNAL, "Disk full on db1\n\nand on db2", Note.ALREADY_THERE),
        (JOURNAL, "Rack B8 is hot", Note.MAY_BE_TWICE),
        (JOURNAL, "Disk full", Note.MAY_BE_TWICE),
        (JOURNAL, "Disk full on db1", Note.MAY_BE_TWICE),
        (JOURNAL, "and on db2", Note.MAY_BE_TWICE),
        (JOURNAL, "Work notes", Note.MAY_BE_TWICE),
        (f"{AT} (Work notes)\nAlert: db1 - CPU high (critical)\nDisk full", "Disk full", Note.MAY_BE_TWICE),
        (f"{AT} (Work notes)\nDisk full\nHost: db1 - rack 7 (prod)", "Disk full", Note.MAY_BE_TWICE),
        (f"{AT} (Work notes)\nAt 10:00 - db1 (critical)\nDisk full", "Disk full", Note.MAY_BE_TWICE),
        ("26/11/2026 10:00:00 PM - Ann (Notes)\nDisk full", "Disk full", Note.ALREADY_THERE),
        ("Disk full", "Disk full", Note.MAY_BE_TWICE),
        ("", "Rack B7 is hot", Note.MAY_BE_TWICE),
        (None, "Rack B7 is hot", Note.MAY_BE_TWICE),
    ],
)
def test_a_note_is_looked_for_in_the_journal(journal: str | None, text: str, expected: Note) -> None:
    update = repeated({"work_notes": text, "urgency": "1"}, None if journal is None else incident(journal))
    assert update.notes == {"work_notes": expected}
    assert ("work_notes" in update.body) == (expected is not Note.ALREADY_THERE)
    assert update.body["urgency"] == "1"


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"urgency": "1"}, {"urgency": "1"}),
        ([("urgency", "1")], {"urgency": "1"}),
        ('{"urgency": "1"}', {"urgency": "1"}),
        ([("urgency", "1"), ("urgency", "2")], {}),
        ({"urgency": 1}, {"urgency": 1}),
        ('{"urgency": 1, "work_notes": "x"}', {"urgency": 1, "work_notes": "x"}),
        ("[" * 100_000, {}),
        ("[]", {}),
        ("{", {}),
        (None, {}),
        (7, {}),
        ([1], {}),
        ([[[], "1"]], {}),
    ],
)
def test_columns_are_read_out_of_each_shape(body: Any, named: dict[str, Any]) -> None:
    assert columns(body) == named


def test_an_empty_text_appends_nothing() -> None:
    assert not has_notes({"work_notes": "", "urgency": "1"})
    assert has_notes({"comments": "x"})
