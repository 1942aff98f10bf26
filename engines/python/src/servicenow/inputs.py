"""What is given, checked before anything starts: a call that cannot be made is refused, and says what is wrong."""

import json
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from .credentials import GRANT_TYPES, Granted, Header, OAuthClient
from .outcomes import Violation

Checks = list[tuple[str, object, bool, str]]


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
    timeout_ms: object,
    texts: Mapping[str, object],
    optional_texts: Mapping[str, object] | None = None,
    request_body: object = "",
    input_display_values: object = False,
) -> list[Violation]:
    """The inputs that are not what they have to be, named as in the manifest."""
    is_deadline = timeout_ms is None or (type(timeout_ms) is int and timeout_ms >= 1)
    checks: Checks = [(name, value, is_text(value), "a text") for name, value in texts.items()]
    checks += [
        (name, value, value is None or is_text(value), "a text")
        for name, value in (optional_texts or {}).items()
    ]
    checks += [
        ("timeout_ms", timeout_ms, is_deadline, "a whole number of milliseconds, 1 or more"),
        (
            "request_body",
            request_body,
            is_body(request_body),
            "columns as texts, or the text of a JSON object",
        ),
        (
            "input_display_values",
            input_display_values,
            isinstance(input_display_values, bool),
            "true or false",
        ),
    ]
    return [
        Violation(name, _shown(value), expected) for name, value, is_right, expected in checks if not is_right
    ]


def _shown(value: object) -> str:
    return str(value) if isinstance(value, int | float) else f"a value of type {type(value).__name__}"


def is_credential(value: object) -> TypeGuard[Granted]:
    """Whether what the credentials function returned is a credential."""
    if not isinstance(value, Granted) or value.grant_type not in GRANT_TYPES:
        return False
    match value.credential:
        case Header(name, secret):
            texts = [name, secret]
        case OAuthClient(name, secret, scope):
            texts = [name, secret, scope or ""]
        case _:
            return False
    return all(map(is_text, [*texts, value.origin, value.token_url]))


def names_correlation_id(request_body: object) -> bool:
    """Whether a request body names the correlation id itself."""
    if isinstance(request_body, str):
        try:
            request_body = json.loads(request_body)
        except ValueError:
            # What is no JSON is the component's to refuse.
            return False
    if isinstance(request_body, Mapping):
        return "correlation_id" in request_body
    return isinstance(request_body, Sequence) and any(
        pair[0] == "correlation_id" for pair in request_body if pair
    )
