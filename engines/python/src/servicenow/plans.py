"""Calls before they are made: each method of the component as what it takes, checked. Nothing here does any
I/O."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeAlias, TypeVar
from uuid import uuid4

from wasmtime.component import Variant

from . import outcomes, records
from .inputs import names_correlation_id, violations
from .policy import headers_of_rules

RequestBody: TypeAlias = Mapping[str, str] | Sequence[tuple[str, str]] | str
"""The columns to write: names and values, or the text of a JSON object."""

Document: TypeAlias = Mapping[str, Any] | str
"""Rules or an event: a JSON object, or its text."""

MAX_DELIVERY = 4 * 1024 * 1024
"""The largest body of a delivery, in bytes. The component says so itself of one that is larger."""

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Plan(Generic[T_co]):
    """A call that can be made, or what is wrong with its inputs."""

    interface: str
    function: str
    returns: Any
    """The class of what it returns."""
    parameters: tuple[Any, ...]
    authorization: str
    """Empty for what needs none."""
    instance: str = ""
    timeout_ms: int | None = None
    is_local: bool = False
    """Whether it needs no instance, and so no deadline."""
    writes: bool = False
    correlation_id: str | None = None
    headers: frozenset[str] = frozenset()
    """Those that the rules add to requests."""
    violations: list[records.Violation] = field(default_factory=list)


def create(
    authorization: str,
    instance: str,
    request_body: RequestBody,
    *,
    timeout_ms: int | None = None,
    correlation_id: str | None = None,
    input_display_values: bool = False,
    choice_check: str | None = None,
) -> Plan[outcomes.CreateOutcome]:
    """Creates an incident, of columns or of the text of a JSON object. Safe to repeat with the same
    correlation id; one is made where none is given."""
    wrong = violations(
        timeout_ms=timeout_ms,
        texts={"authorization": authorization, "instance": instance},
        optional_texts={"correlation_id": correlation_id, "choice_check": choice_check},
        request_body=request_body,
        truths={"input_display_values": input_display_values},
    )
    key = correlation_id
    if key is None and not names_correlation_id(request_body):
        key = uuid4().hex
    options = {
        "correlation_id": key,
        "input_display_values": input_display_values,
        "choice_check": choice_check,
    }
    parameters = () if wrong else (_columns(request_body), options)
    return Plan(
        "incidents",
        "create",
        outcomes.CreateOutcome,
        parameters,
        authorization,
        instance,
        timeout_ms,
        writes=True,
        correlation_id=key,
        violations=wrong,
    )


def get(
    authorization: str, instance: str, value: str, kind: str = "number", *, timeout_ms: int | None = None
) -> Plan[outcomes.GetOutcome]:
    """Gets an incident by its number, or by another `kind` of key: `sys_id` or `correlation_id`."""
    texts = {"authorization": authorization, "instance": instance, "kind": kind, "value": value}
    wrong = violations(timeout_ms=timeout_ms, texts=texts)
    parameters = ({"kind": kind, "value": value},)
    return Plan(
        "incidents",
        "get",
        outcomes.GetOutcome,
        parameters,
        authorization,
        instance,
        timeout_ms,
        violations=wrong,
    )


def update(
    authorization: str,
    instance: str,
    sys_id: str,
    request_body: RequestBody,
    *,
    timeout_ms: int | None = None,
    input_display_values: bool = False,
    choice_check: str | None = None,
) -> Plan[outcomes.UpdateOutcome]:
    """Updates the columns given of one incident."""
    wrong = violations(
        timeout_ms=timeout_ms,
        texts={"authorization": authorization, "instance": instance, "sys_id": sys_id},
        optional_texts={"choice_check": choice_check},
        request_body=request_body,
        truths={"input_display_values": input_display_values},
    )
    options = {"input_display_values": input_display_values, "choice_check": choice_check}
    parameters = () if wrong else (sys_id, _columns(request_body), options)
    return Plan(
        "incidents",
        "update",
        outcomes.UpdateOutcome,
        parameters,
        authorization,
        instance,
        timeout_ms,
        writes=True,
        violations=wrong,
    )


def find(
    authorization: str,
    instance: str,
    query: str,
    *,
    limit: int = 100,
    offset: int = 0,
    timeout_ms: int | None = None,
) -> Plan[outcomes.FindOutcome]:
    """Finds incidents by an encoded query, as copied from a list's filter."""
    wrong = violations(
        timeout_ms=timeout_ms,
        texts={"authorization": authorization, "instance": instance, "query": query},
        counts={"limit": limit, "offset": offset},
    )
    parameters = (query, limit, offset)
    return Plan(
        "incidents",
        "find",
        outcomes.FindOutcome,
        parameters,
        authorization,
        instance,
        timeout_ms,
        violations=wrong,
    )


def columns(
    authorization: str, instance: str, *, timeout_ms: int | None = None
) -> Plan[outcomes.ColumnsOutcome]:
    """Reads the columns of the incident table with their choices."""
    wrong = violations(timeout_ms=timeout_ms, texts={"authorization": authorization, "instance": instance})
    return Plan(
        "incidents",
        "columns",
        outcomes.ColumnsOutcome,
        (),
        authorization,
        instance,
        timeout_ms,
        violations=wrong,
    )


def authenticate(
    authorization: str, instance: str, *, timeout_ms: int | None = None
) -> Plan[outcomes.AuthenticateOutcome]:
    """Checks whether an authorization works, and why not."""
    wrong = violations(timeout_ms=timeout_ms, texts={"authorization": authorization, "instance": instance})
    return Plan(
        "authorization",
        "authenticate",
        outcomes.AuthenticateOutcome,
        (),
        authorization,
        instance,
        timeout_ms,
        violations=wrong,
    )


def describe() -> Plan[records.Node]:
    """Describes the node: its methods, their inputs, outputs and outcomes."""
    return Plan("manifest", "describe", records.Node, (), "", is_local=True)


def push(
    authorization: str,
    instance: str,
    rules: Document,
    event: Document,
    *,
    manual: bool = False,
    timeout_ms: int | None = None,
) -> Plan[outcomes.PushOutcome]:
    """Brings an event into ServiceNow: creates its incident, changes it or resolves it. Repeating it changes
    nothing."""
    rules_text, event_text = _text(rules), _text(event)
    wrong = violations(
        timeout_ms=timeout_ms,
        texts={"authorization": authorization, "instance": instance},
        documents={"rules": rules_text, "event": event_text},
        truths={"manual": manual},
    )
    return Plan(
        "push",
        "push",
        outcomes.PushOutcome,
        (rules_text, event_text, manual),
        authorization,
        instance,
        timeout_ms,
        writes=True,
        headers=headers_of_rules(rules_text or ""),
        violations=wrong,
    )


def preview(
    rules: Document,
    event: Document,
    *,
    manual: bool = False,
    columns: Sequence[records.Column] = (),
) -> Plan[outcomes.PreviewOutcome]:
    """Shows what a push would send. Needs no network. With `columns`, as the incident node reads them, it warns
    of lengths, types and choices of the instance."""
    rules_text, event_text = _text(rules), _text(event)
    wrong = violations(documents={"rules": rules_text, "event": event_text}, truths={"manual": manual})
    return Plan(
        "mapping",
        "preview",
        outcomes.PreviewOutcome,
        (rules_text, event_text, manual, [_instance_column(column) for column in columns]),
        "",
        is_local=True,
        violations=wrong,
    )


def _instance_column(column: records.Column) -> dict[str, Any]:
    names = ("name", "internal_type", "max_length", "read_only", "reference")
    known = {name: getattr(column, name) for name in names}
    return {**known, "choices": [choice.value for choice in column.choices]}


def items(rules: Document, event: Document) -> Plan[outcomes.ItemsOutcome]:
    """The events that an event holds, by the `for_each` of the rules; without one the event itself."""
    rules_text, event_text = _text(rules), _text(event)
    return Plan(
        "mapping",
        "items",
        outcomes.ItemsOutcome,
        (rules_text, event_text),
        "",
        is_local=True,
        violations=violations(documents={"rules": rules_text, "event": event_text}),
    )


def paths(event: Document) -> Plan[outcomes.PathsOutcome]:
    """Lists what an event offers to templates."""
    event_text = _text(event)
    return Plan(
        "mapping",
        "paths",
        outcomes.PathsOutcome,
        (event_text,),
        "",
        is_local=True,
        violations=violations(documents={"event": event_text}),
    )


def receive(authorization: str, secret: str, body: bytes, rules: Document | None) -> Plan[outcomes.Verdict]:
    """Judges a delivery that came with this secret, by what the ledger knows."""
    rules_text = None if rules is None else _text(rules)
    wrong = [] if rules is None else violations(documents={"rules": rules_text})
    delivery = {
        "authorization": authorization,
        "headers": [("x-callback-secret", secret)],
        "body": body[: MAX_DELIVERY + 1],
    }
    return Plan(
        "callbacks",
        "receive",
        outcomes.Verdict,
        (delivery, rules_text),
        authorization,
        is_local=True,
        violations=wrong,
    )


@dataclass(frozen=True, slots=True)
class Selection:
    """Which changes."""

    tables: Sequence[str] = ()
    """The tables; all six of the task family where empty."""
    time_zone: str | None = None
    """The time zone of the authorization's user, such as `Europe/Berlin`; read from the user's record where
    absent."""
    overlap_seconds: int | None = None
    """How many seconds before the cursor are read again; 120 where absent."""
    limit: int | None = None
    """How many records a page has at most, 1 to 1000; 200 where absent."""


EVERYTHING = Selection()
"""All tables, in the time zone of the user's record."""


def since(
    authorization: str,
    instance: str,
    selection: Selection,
    rules: Document | None,
    cursor: str | None,
    timeout_ms: int | None,
) -> Plan[outcomes.ChangesOutcome]:
    """Reads a page of the changes since a cursor."""
    rules_text = None if rules is None else _text(rules)
    numbers = {"overlap_seconds": selection.overlap_seconds, "limit": selection.limit}
    wrong = violations(
        timeout_ms=timeout_ms,
        texts={"authorization": authorization, "instance": instance},
        optional_texts={"time_zone": selection.time_zone},
        documents={} if rules is None else {"rules": rules_text},
        counts={name: value for name, value in numbers.items() if value is not None},
        lists={"tables": selection.tables},
    )
    if wrong:
        return Plan(
            "changes", "since", outcomes.ChangesOutcome, (), authorization, instance, violations=wrong
        )
    chosen = {
        "tables": list(selection.tables),
        "time_zone": selection.time_zone,
        "overlap_seconds": selection.overlap_seconds,
        "limit": selection.limit,
    }
    parameters = (chosen, rules_text, cursor)
    return Plan(
        "changes",
        "since",
        outcomes.ChangesOutcome,
        parameters,
        authorization,
        instance,
        timeout_ms,
        violations=wrong,
    )


def _columns(request_body: RequestBody) -> Variant:
    if isinstance(request_body, str):
        return Variant("json", request_body)
    pairs = request_body.items() if isinstance(request_body, Mapping) else request_body
    return Variant("fields", list(pairs))


def _text(document: Document) -> str | None:
    """A document's text. `None` where it is none."""
    if isinstance(document, str):
        return document
    try:
        return json.dumps(document, ensure_ascii=False) if isinstance(document, Mapping) else None
    except (TypeError, ValueError, RecursionError):
        return None
