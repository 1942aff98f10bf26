"""What is given, checked before anything starts: a call that cannot be made is refused, and says what is
wrong."""

import json
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from .records import Violation

MAX_SHOWN = 80
"""How much of a wrong input is shown, as in the component."""

MAX_COUNT = 2**32 - 1
"""What a number of the interface holds."""


def is_text(value: object) -> TypeGuard[str]:
    """Whether a value is a text that can be written as UTF-8."""
    return isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value)


def is_body(value: object) -> bool:
    """Whether a value is a request body."""
    if isinstance(value, Mapping):
        value = list(value.items())
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return all(isinstance(pair, tuple) and len(pair) == 2 and all(map(is_text, pair)) for pair in value)
    return is_text(value)


def violations(
    *,
    timeout_ms: object = None,
    texts: Mapping[str, object] | None = None,
    optional_texts: Mapping[str, object] | None = None,
    documents: Mapping[str, object] | None = None,
    counts: Mapping[str, object] | None = None,
    truths: Mapping[str, object] | None = None,
    lists: Mapping[str, object] | None = None,
    request_body: object = "",
) -> list[Violation]:
    """The inputs that are not what they have to be, named as in the manifest."""
    checks = [(name, value, is_text(value), "a text") for name, value in (texts or {}).items()]
    checks += [
        (name, value, value is None or is_text(value), "a text")
        for name, value in (optional_texts or {}).items()
    ]
    checks += [
        (name, value, is_text(value), "an object of plain values, or the text of a JSON object")
        for name, value in (documents or {}).items()
    ]
    checks += [
        (name, value, _is_count(value), f"a whole number from 0 to {MAX_COUNT}")
        for name, value in (counts or {}).items()
    ]
    checks += [
        (name, value, isinstance(value, bool), "true or false") for name, value in (truths or {}).items()
    ]
    checks += [(name, value, _are_texts(value), "a list of texts") for name, value in (lists or {}).items()]
    is_deadline = timeout_ms is None or (_is_count(timeout_ms) and timeout_ms != 0)
    checks += [
        ("timeout_ms", timeout_ms, is_deadline, "a whole number of milliseconds, 1 or more"),
        (
            "request_body",
            request_body,
            is_body(request_body),
            "columns as texts, or the text of a JSON object",
        ),
    ]
    return [
        Violation(name, _shown(value), expected) for name, value, is_right, expected in checks if not is_right
    ]


def _are_texts(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes) and all(map(is_text, value))


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= MAX_COUNT


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        for name, held in value.items():
            if not (is_text(name) and is_text(held)):
                return f"{name!a}: {_kind(held)}"[:MAX_SHOWN]
    return _kind(value)


def _kind(value: object) -> str:
    return str(value) if isinstance(value, int | float) else f"a value of type {type(value).__name__}"


def names_correlation_id(request_body: object) -> bool:
    """Whether a request body names the correlation id itself."""
    if isinstance(request_body, str):
        try:
            request_body = json.loads(request_body)
        except (ValueError, RecursionError):
            # What is no JSON is the component's to refuse.
            return False
    if isinstance(request_body, Mapping):
        return "correlation_id" in request_body
    return isinstance(request_body, Sequence) and any(
        pair[0] == "correlation_id" for pair in request_body if isinstance(pair, tuple) and pair
    )
