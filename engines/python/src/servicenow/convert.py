"""Between the values of the component model, as wasmtime gives them, and this package's classes."""

from dataclasses import fields, is_dataclass
from enum import StrEnum
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from wasmtime.component import Record, Variant

from . import outcomes
from .credentials import Granted, Header


def outcome(value: Variant) -> Any:
    """An outcome: the class of its case, around what it carries."""
    case = getattr(outcomes, "".join(word.capitalize() for word in value.tag.split("-")))
    (hint,) = get_type_hints(case).values()
    return case(_read(value.payload, hint))


def _read(value: Any, hint: Any) -> Any:
    if get_origin(hint) is UnionType:
        return None if value is None else _read(value, get_args(hint)[0])
    if get_origin(hint) is list:
        return [_read(item, get_args(hint)[0]) for item in value]
    if is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint)
        return hint(
            **{f.name: _read(getattr(value, f.name.replace("_", "-")), hints[f.name]) for f in fields(hint)}
        )
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint(value)
    return value


def record(**members: object) -> Record:
    """A record: its fields are in kebab-case there."""
    made = Record()
    for name, value in members.items():
        setattr(made, name.replace("_", "-"), value)
    return made


def granted(given: Granted) -> Record:
    """A credential as the component takes it."""
    credential = given.credential
    if isinstance(credential, Header):
        shown = Variant("header", record(name=credential.name, value=credential.value))
    else:
        client = record(
            client_id=credential.client_id, client_secret=credential.client_secret, scope=credential.scope
        )
        shown = Variant("grant", client)
    return record(
        origin=given.origin,
        token_url=given.token_url,
        grant_type=given.grant_type,
        credential=shown,
        token=None,
    )
