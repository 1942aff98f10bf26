"""How calls end: one class for each case, and a union for each method.

Made from `wit/`; `WRITE_REFERENCE=1 cargo test -p host-test language_hosts` makes it anew.
"""

from dataclasses import dataclass
from typing import TypeAlias

from . import records


@dataclass(frozen=True, slots=True)
class Authenticated:
    """A token was obtained and the incident table answered."""

    access: records.Access


@dataclass(frozen=True, slots=True)
class NotAuthenticated:
    """It does not work, and this is why."""

    diagnosis: records.Diagnosis


@dataclass(frozen=True, slots=True)
class InvalidData:
    """Inputs were refused; nothing was sent."""

    violations: list[records.Violation]


@dataclass(frozen=True, slots=True)
class Timeout:
    """No answer before the deadline."""

    failure: records.Failure


@dataclass(frozen=True, slots=True)
class Error:
    """No answer of ServiceNow decides the case: a network fault, a refusal by the host, an unknown authorization."""

    failure: records.Failure


@dataclass(frozen=True, slots=True)
class Accepted:
    """A change to act on."""

    accepted: records.Accepted


@dataclass(frozen=True, slots=True)
class Late:
    """A change that was overtaken by a later one, or by a save that changed nothing, and not told yet. Its comments
    and its previous values are news; its columns are what they were then, and it has no severity and no status."""

    accepted: records.Accepted


@dataclass(frozen=True, slots=True)
class Duplicate:
    """This version was told before."""


@dataclass(frozen=True, slots=True)
class Stale:
    """A later version was told before, and this one is not known to be missing."""


@dataclass(frozen=True, slots=True)
class Echo:
    """Nothing but own writes, and what the rules left out, since the last version seen."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """The rules leave it out, for this reason."""

    why: str


@dataclass(frozen=True, slots=True)
class Unauthenticated:
    """The secret is missing or wrong."""


@dataclass(frozen=True, slots=True)
class Names:
    """Each column that refers to something, and the name of what it refers to."""

    pairs: list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class AuthorizationFail:
    """401, or no token to be had."""

    failure: records.Failure


@dataclass(frozen=True, slots=True)
class NamesFailure:
    """ServiceNow answered anything else, or does not show the record."""

    failure: records.Failure


@dataclass(frozen=True, slots=True)
class ChangesPage:
    """A page."""

    change_page: records.ChangePage


@dataclass(frozen=True, slots=True)
class ChangesFailure:
    """ServiceNow answered anything else."""

    failure: records.Failure


@dataclass(frozen=True, slots=True)
class IncidentCreated:
    """201 and a record with number and sys_id, or the record an earlier create made."""

    receipt: records.Receipt


@dataclass(frozen=True, slots=True)
class InvalidChoice:
    """A value is outside its choices; nothing was written."""

    violations: list[records.Violation]


@dataclass(frozen=True, slots=True)
class BadRequest:
    """ServiceNow answered 400."""

    failure: records.Failure


@dataclass(frozen=True, slots=True)
class NotFound:
    """ServiceNow answered 404."""

    failure: records.Failure


@dataclass(frozen=True, slots=True)
class CreateIncidentFailure:
    """ServiceNow answered anything else."""

    failure: records.Failure


@dataclass(frozen=True, slots=True)
class GetIncidentSuccess:
    """200 and the incident asked for."""

    incident: records.Incident


@dataclass(frozen=True, slots=True)
class IncidentNotFound:
    """200 and no match, or 404."""

    failure: records.Failure


@dataclass(frozen=True, slots=True)
class GetIncidentFailure:
    """ServiceNow answered anything else, more than one incident matches, or another one came back."""

    failure: records.Failure


@dataclass(frozen=True, slots=True)
class IncidentUpdateSuccess:
    """200 and the incident asked for, or the incident read back with every column that was sent."""

    receipt: records.Receipt


@dataclass(frozen=True, slots=True)
class IncidentUpdateFailure:
    """ServiceNow answered anything else."""

    failure: records.Failure


@dataclass(frozen=True, slots=True)
class FindSuccess:
    """200 and a page, which may be empty."""

    incident_page: records.IncidentPage


@dataclass(frozen=True, slots=True)
class FindFailure:
    """ServiceNow answered anything else."""

    failure: records.Failure


@dataclass(frozen=True, slots=True)
class ColumnsSuccess:
    """The columns, ordered by name."""

    columns: list[records.Column]


@dataclass(frozen=True, slots=True)
class ColumnsFailure:
    """ServiceNow answered anything else; `forbidden` where the user may not read the dictionary, which takes the
    role `personalize_dictionary` or `admin`."""

    failure: records.Failure


@dataclass(frozen=True, slots=True)
class Mapped:
    """This would be sent."""

    mapped: records.Mapped


@dataclass(frozen=True, slots=True)
class FilteredOut:
    """The rules leave this event out, for the reason given."""

    why: str


@dataclass(frozen=True, slots=True)
class Paths:
    """The places, in the event's order."""

    paths: list[records.Path]


@dataclass(frozen=True, slots=True)
class Items:
    """The events to push, at most 500, in the order of the list."""

    texts: list[str]


@dataclass(frozen=True, slots=True)
class Created:
    """There was no incident for this event; now there is."""

    pushed: records.Pushed


@dataclass(frozen=True, slots=True)
class Updated:
    """Columns of the open incident were changed."""

    pushed: records.Pushed


@dataclass(frozen=True, slots=True)
class Commented:
    """Nothing but a note was written."""

    pushed: records.Pushed


@dataclass(frozen=True, slots=True)
class Reopened:
    """The incident was closed and is open again."""

    pushed: records.Pushed


@dataclass(frozen=True, slots=True)
class Resolved:
    """The event recovered, and its incident is resolved."""

    pushed: records.Pushed


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Nothing was written: the incident is as the event wants it, or the event says what it said before."""

    pushed: records.Pushed


@dataclass(frozen=True, slots=True)
class PushFailure:
    """ServiceNow answered anything else, or several open incidents have the correlation id."""

    failure: records.Failure


AuthenticateOutcome: TypeAlias = Authenticated | NotAuthenticated | InvalidData | Timeout | Error
"""How the check ended."""

Verdict: TypeAlias = Accepted | Late | Duplicate | Stale | Echo | Ignored | Unauthenticated | InvalidData
"""What a delivery is. What needs no action is remembered by the component."""

NamesOutcome: TypeAlias = Names | InvalidData | AuthorizationFail | NamesFailure | Timeout | Error
"""How resolving names ended."""

ChangesOutcome: TypeAlias = ChangesPage | InvalidData | AuthorizationFail | ChangesFailure | Timeout | Error
"""How a reading ended."""

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
"""How a create ended."""

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
"""How a get ended."""

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
"""How an update ended."""

FindOutcome: TypeAlias = FindSuccess | InvalidData | AuthorizationFail | FindFailure | Timeout | Error
"""How a find ended."""

ColumnsOutcome: TypeAlias = (
    ColumnsSuccess | InvalidData | AuthorizationFail | ColumnsFailure | Timeout | Error
)
"""How reading the columns ended."""

PreviewOutcome: TypeAlias = Mapped | FilteredOut | InvalidData
"""How a preview ended."""

PathsOutcome: TypeAlias = Paths | InvalidData
"""How listing the paths ended."""

ItemsOutcome: TypeAlias = Items | InvalidData
"""How splitting an event ended."""

PushOutcome: TypeAlias = (
    Created
    | Updated
    | Commented
    | Reopened
    | Resolved
    | Unchanged
    | FilteredOut
    | InvalidData
    | BadRequest
    | IncidentNotFound
    | AuthorizationFail
    | PushFailure
    | Timeout
    | Error
)
"""How a push ended."""
