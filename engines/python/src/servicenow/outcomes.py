"""The records and outcomes of `wit/`, as dataclasses: one class per case, so that a call ends in a `match`."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Reason(StrEnum):
    """Why a call did not end in success. `wit/types.wit` says what each means."""

    BAD_REQUEST = "bad-request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    UNSCOPED_CLIENT = "unscoped-client"
    DATA_POLICY = "data-policy"
    BUSINESS_RULE = "business-rule"
    NOT_FOUND = "not-found"
    UNSUPPORTED_REQUEST = "unsupported-request"
    CONFLICT = "conflict"
    REQUEST_TOO_LARGE = "request-too-large"
    RATE_LIMITED = "rate-limited"
    SERVER_ERROR = "server-error"
    CANCELLED = "cancelled"
    HIBERNATING = "hibernating"
    NOT_JSON = "not-json"
    UNEXPECTED_ANSWER = "unexpected-answer"
    WRONG_RECORD = "wrong-record"
    AMBIGUOUS = "ambiguous"
    TOO_LARGE = "too-large"
    ENCODED = "encoded"
    REDIRECTED = "redirected"
    UNEXPECTED_STATUS = "unexpected-status"
    DENIED_BY_HOST = "denied-by-host"
    UNKNOWN_AUTHORIZATION = "unknown-authorization"
    WRONG_INSTANCE = "wrong-instance"
    DUPLICATE_KEY = "duplicate-key"
    DNS = "dns"
    CONNECT = "connect"
    TLS = "tls"
    LOST = "lost"
    DEADLINE = "deadline"
    LIMIT = "limit"


class Retry(StrEnum):
    """What to do before the same call is made again."""

    NEVER = "never"
    LATER = "later"
    LOOK_UP_FIRST = "look-up-first"


class WriteHappened(StrEnum):
    """Whether a write reached the record."""

    NO = "no"
    UNKNOWN = "unknown"
    YES = "yes"


class Stored(StrEnum):
    """Whether a column that was sent is in the record."""

    STORED = "stored"
    NOT_STORED = "not-stored"
    UNVERIFIABLE = "unverifiable"


class Made(StrEnum):
    """How a receipt's record came to be what it is."""

    CREATED = "created"
    FOUND = "found"
    UPDATED = "updated"
    CONFIRMED_BY_READING = "confirmed-by-reading"


@dataclass(frozen=True, slots=True)
class Violation:
    """One input that was refused before anything was sent."""

    field: str
    given: str
    expected: str


@dataclass(frozen=True, slots=True)
class Failure:
    """What every outcome carries that is neither a success nor a refused input."""

    status: int | None
    reason: Reason
    message: str
    detail: str | None
    retry: Retry
    retry_after_ms: int | None
    write_happened: WriteHappened
    correlation_id: str | None


@dataclass(frozen=True, slots=True)
class ColumnResult:
    """What became of one column."""

    name: str
    stored: Stored


@dataclass(frozen=True, slots=True)
class Receipt:
    """A written incident."""

    number: str
    sys_id: str
    task_effective_number: str
    correlation_id: str
    made: Made
    columns: list[ColumnResult]
    url: str
    response_payload: str


@dataclass(frozen=True, slots=True)
class Field:
    """One column of an incident."""

    name: str
    value: str
    display_value: str
    link: str | None


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as read."""

    number: str
    sys_id: str
    task_effective_number: str
    state: str
    matches: int
    fields: list[Field]
    url: str
    response_payload: str


@dataclass(frozen=True, slots=True)
class IncidentCreated:
    """201 and a record, or the record an earlier create with the same correlation id made."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class IncidentUpdateSuccess:
    """200 and the incident asked for, or the incident read back with every column that was sent."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class GetIncidentSuccess:
    """200 and the incident asked for."""

    incident: Incident


@dataclass(frozen=True, slots=True)
class InvalidData:
    """Inputs were refused; nothing was sent."""

    violations: list[Violation]


@dataclass(frozen=True, slots=True)
class InvalidChoice:
    """A value is outside its choices; nothing was written."""

    violations: list[Violation]


@dataclass(frozen=True, slots=True)
class BadRequest:
    """ServiceNow answered 400."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class NotFound:
    """ServiceNow answered 404 to a create."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class IncidentNotFound:
    """No such incident, or one the user may not see."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class AuthorizationFail:
    """401, or no token to be had."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class CreateIncidentFailure:
    """ServiceNow answered a create with anything else."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class GetIncidentFailure:
    """ServiceNow answered a get with anything else."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class IncidentUpdateFailure:
    """ServiceNow answered an update with anything else."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Timeout:
    """No answer before the deadline."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Error:
    """The method could not be invoked."""

    failure: Failure


CreateOutcome: TypeAlias = (
    IncidentCreated
    | InvalidData
    | InvalidChoice
    | BadRequest
    | NotFound
    | CreateIncidentFailure
    | Timeout
    | Error
)
GetOutcome: TypeAlias = (
    GetIncidentSuccess
    | InvalidData
    | InvalidChoice
    | IncidentNotFound
    | AuthorizationFail
    | GetIncidentFailure
    | Timeout
    | Error
)
UpdateOutcome: TypeAlias = (
    IncidentUpdateSuccess
    | InvalidData
    | InvalidChoice
    | BadRequest
    | IncidentNotFound
    | IncidentUpdateFailure
    | Timeout
    | Error
)
