"""What outcomes hold, as dataclasses.

Made from `wit/`; `WRITE_REFERENCE=1 cargo test -p host-test language_hosts` makes it anew.
"""

from dataclasses import dataclass
from enum import StrEnum


class ValueType(StrEnum):
    """The type of an input or output."""

    TEXT = "text"
    """Text."""

    NUMBER = "number"
    """A whole number."""

    BOOLEAN = "boolean"
    """True or false."""

    DATE_TIME = "date-time"
    """A date and time, `YYYY-MM-DD HH:MM:SS` in UTC as stored."""

    DURATION = "duration"
    """A length of time, as a date counted from 1970-01-01 00:00:00."""

    REFERENCE = "reference"
    """A reference to another record: sys_id, name and link."""

    JSON = "json"
    """JSON text."""

    LIST = "list"
    """A list of records."""


@dataclass(frozen=True, slots=True)
class Input:
    """An input of a method."""

    name: str
    """The input's name in JSON: `sys_id`, `timeout_ms`."""

    label: str
    """The label on the form, as in the original node."""

    value_type: ValueType
    """Its type."""

    required: bool
    """Whether it must be given."""

    description: str
    """What it means, for a person."""

    choices: list[str]
    """The values it may take; empty where it is free."""

    default_value: str | None
    """What an absent value means."""

    example: str
    """A value as it may be given, for the empty field of a form."""

    group: str
    """The heading under which a form shows it. Inputs of one group follow each other."""

    icon: str
    """An icon, by its name in Font Awesome 4: `key`."""


@dataclass(frozen=True, slots=True)
class Output:
    """An output variable of a method."""

    name: str
    """The variable's name."""

    node_name: str
    """The variable's name in the original node, such as `responsePayload`; where that has none, as `name`."""

    value_type: ValueType
    """Its type."""

    description: str
    """What it means, for a person."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """An outcome of a method: an edge that leaves the node."""

    case_name: str
    """The case in the outcome variant."""

    node_name: str
    """The edge's name in the original node, such as `onIncidentCreated`."""

    description: str
    """When the call ends here."""


@dataclass(frozen=True, slots=True)
class Method:
    """A method of the node."""

    name: str
    """The function's name: `create`."""

    title: str
    """The title on the form."""

    description: str
    """What it does."""

    inputs: list[Input]
    """Its inputs, in the form's order."""

    outputs: list[Output]
    """Its output variables."""

    outcomes: list[Outcome]
    """Its outcomes."""

    input_schema: str
    """A JSON Schema (draft 2020-12) of the inputs as one JSON object."""


@dataclass(frozen=True, slots=True)
class Node:
    """The node."""

    name: str
    """A stable name."""

    title: str
    """The title."""

    version: str
    """The component's version."""

    description: str
    """What it does."""

    methods: list[Method]
    """Its methods."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One input that was refused before anything was sent."""

    field: str
    """The input, named as in the manifest, or the column within the request body."""

    given: str
    """What was given, cut to 80 characters, control characters escaped."""

    expected: str
    """What is accepted instead."""


class Reason(StrEnum):
    """Why a call did not end in success. The list is closed: an engine can switch over it."""

    BAD_REQUEST = "bad-request"
    """ServiceNow answered 400: the request was understood by HTTP and refused by the API."""

    UNAUTHORIZED = "unauthorized"
    """No valid credential: ServiceNow answered 401, or the token service refused."""

    FORBIDDEN = "forbidden"
    """ServiceNow answered 403 for want of a role or an access rule, or counted a record it would not show."""

    UNSCOPED_CLIENT = "unscoped-client"
    """The OAuth client is scoped so narrowly that the Table API is closed to it (403, "unscoped api")."""

    DATA_POLICY = "data-policy"
    """A data policy refused the record, for instance a resolution without code and notes (403)."""

    BUSINESS_RULE = "business-rule"
    """A business rule aborted the write (403)."""

    NOT_FOUND = "not-found"
    """No such record, or one the user may not see."""

    UNSUPPORTED_REQUEST = "unsupported-request"
    """ServiceNow answered 405, 406, 414 or 415: the instance does not take this kind of request."""

    CONFLICT = "conflict"
    """ServiceNow answered 409, or refused a second record with the same key."""

    REQUEST_TOO_LARGE = "request-too-large"
    """ServiceNow answered 413, or 400 for a body above its limit."""

    RATE_LIMITED = "rate-limited"
    """ServiceNow answered 429, or the host knows that it would."""

    SERVER_ERROR = "server-error"
    """ServiceNow answered 500 to 599."""

    CANCELLED = "cancelled"
    """ServiceNow cancelled the transaction: it ran over its quota or the answer carries an error after data."""

    HIBERNATING = "hibernating"
    """The instance is hibernating and answered with its wake-up page."""

    NOT_JSON = "not-json"
    """The answer is not JSON in UTF-8: a login page, a proxy's page, cut-off or empty text."""

    UNEXPECTED_ANSWER = "unexpected-answer"
    """JSON, but not the shape that the Table API documents."""

    WRONG_RECORD = "wrong-record"
    """The answer carries another record than the one asked for."""

    AMBIGUOUS = "ambiguous"
    """More than one record matches."""

    TOO_LARGE = "too-large"
    """The answer is larger than the host accepts."""

    ENCODED = "encoded"
    """The answer is compressed although nothing was asked for."""

    REDIRECTED = "redirected"
    """ServiceNow answered with a redirect, which is never followed."""

    UNEXPECTED_STATUS = "unexpected-status"
    """The status is none that the Table API documents."""

    DENIED_BY_HOST = "denied-by-host"
    """The host's policy refused the request."""

    UNKNOWN_AUTHORIZATION = "unknown-authorization"
    """The host knows no authorization of that name."""

    WRONG_INSTANCE = "wrong-instance"
    """The authorization is valid for another origin than the instance named in the call."""

    DUPLICATE_KEY = "duplicate-key"
    """The same key stands twice among the individual key/value pairs."""

    DNS = "dns"
    """The host name could not be resolved."""

    CONNECT = "connect"
    """No connection could be made."""

    TLS = "tls"
    """The TLS handshake failed: wrong host name, unknown issuer, expired certificate."""

    LOST = "lost"
    """The connection broke, or the answer broke the rules of HTTP."""

    DEADLINE = "deadline"
    """The deadline passed."""

    LIMIT = "limit"
    """A limit of the host ended the call, or held its request back: memory, processor time, sockets, or a trap
    inside the component."""


class Retry(StrEnum):
    """What to do before the same call is made again."""

    NEVER = "never"
    """Do not repeat: the same input ends the same way until somebody changes something."""

    LATER = "later"
    """Repeating is safe, after `retry-after-ms` where it is given."""

    LOOK_UP_FIRST = "look-up-first"
    """A write may have happened. Look the record up first: by correlation id after a create, by sys_id after
    an update."""


class WriteHappened(StrEnum):
    """Whether a write reached the record."""

    NO = "no"
    """Nothing was written."""

    UNKNOWN = "unknown"
    """It cannot be told."""

    YES = "yes"
    """It was written."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What every outcome carries that is neither a success nor a refused input."""

    status: int | None
    """The HTTP status, where an answer arrived."""

    reason: Reason
    """Why, as a closed list."""

    message: str
    """One sentence for a person: ServiceNow's own message where it gave one."""

    detail: str | None
    """ServiceNow's own detail, where it gave one."""

    retry: Retry
    """What to do before repeating."""

    retry_after_ms: int | None
    """How long to wait before repeating, in milliseconds, where ServiceNow or the host named a time."""

    write_happened: WriteHappened
    """Whether a write may have happened. Always `no` for methods that only read."""

    correlation_id: str | None
    """The correlation id that a create was sent with, to look the incident up or to repeat the create by."""


@dataclass(frozen=True, slots=True)
class Access:
    """A working authorization."""

    origin: str
    """The origin that the authorization is valid for."""

    scope: str | None
    """The scope granted, where it is known."""

    expires_in: int | None
    """How many seconds the token has left, where it is known."""

    sees_incidents: bool
    """Whether one incident was visible. No visible row means that the user has no read role, or that the table
    is empty: ServiceNow answers both alike."""


@dataclass(frozen=True, slots=True)
class Cause:
    """One possible cause, with a way to check it."""

    explanation: str
    """What may be wrong."""

    check: str
    """Where to look on the instance or in the host's configuration, and what should stand there."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why an authorization does not work."""

    failure: Failure
    """What was answered."""

    proven: bool
    """Whether the answer proves the one cause listed. Otherwise the causes are candidates, the likeliest first:
    ServiceNow answers most set-up mistakes with the same words."""

    causes: list[Cause]
    """The causes."""


class Action(StrEnum):
    """What was done to a record."""

    INSERTED = "inserted"
    """It is new."""

    UPDATED = "updated"
    """It was changed."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change, whatever delivered it."""

    table: str
    """The record's table: `incident`, `sc_request`, `sc_req_item`, `sc_task`, `change_request` or `problem`."""

    action: Action
    """What was done."""

    number: str
    """The record's number."""

    sys_id: str
    """The record's key."""

    mod_count: int | None
    """`sys_mod_count`: how often the record was changed. Payloads of older scripts lack it."""

    updated_on: str
    """`sys_updated_on`, in UTC; empty where the payload lacks it."""

    current: list[tuple[str, str]]
    """The columns that hold something, in the payload's order. An empty text counts as absent."""

    previous: list[tuple[str, str]]
    """What the columns held before, where the payload says it."""

    changed: list[str]
    """The columns that differ between the two."""

    severity: str | None
    """The event's severity, by the rules: where the urgency changed, or where it cannot be told whether it did
    because the payload or a version before it is missing."""

    status: str | None
    """The event's status, by the rules and in the same cases. States of other tables mean other things: only for
    incidents."""

    snooze_seconds: int | None
    """How many seconds a snoozed event sleeps, where the status is the one for On Hold."""

    comments: list[str]
    """The additional comments that were not told yet, the earliest first. Each is an entry of the journal, so
    that comments of one second stay apart."""

    occurred_at: str | None
    """When it happened, as RFC 3339; absent where the payload does not say."""

    cloud_event: str
    """The change as a CloudEvents 1.0 event in JSON. Its id is `sys_id:sys_mod_count`, so that consumers can drop
    what comes twice."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A change to act on."""

    change: Change
    """The change."""

    before: str | None
    """What the ledger had seen of the record when this was judged. Where it has something else now, somebody else
    may have told this change: judge it anew."""

    after: str
    """What to give to the ledger's `seen`, with `before`, once the change was acted on."""


@dataclass(frozen=True, slots=True)
class ChangePage:
    """A page of changes."""

    changes: list[Accepted]
    """The latest version of each record that the ledger does not know, the earliest change first, and comments of
    versions that were overtaken. Previous values are not known."""

    known: int
    """How many records more were read: known ones, which come again within the overlap, and own writes."""

    shows_comments: bool
    """Whether the changes have all comments that deliveries missed. Otherwise the journal showed none, so that there
    were none or the user may not read them; or it has too many to be read at once."""

    cursor: str
    """Where to go on, to be stored as it is."""

    more: bool
    """Whether more is waiting now."""


class Stored(StrEnum):
    """Whether a column that was sent is in the record."""

    STORED = "stored"
    """The record has the value."""

    NOT_STORED = "not-stored"
    """The record has another value: the column is unknown, the choice is not allowed, a rule recomputed it, or
    the user may not write it. ServiceNow reports no error for this."""

    UNVERIFIABLE = "unverifiable"
    """The answer cannot tell: journal and password columns, and display values."""


@dataclass(frozen=True, slots=True)
class ColumnResult:
    """What became of one column."""

    name: str
    """The column's name."""

    stored: Stored
    """Whether its value is in the record."""


class Made(StrEnum):
    """How the receipt's record came to be what it is."""

    CREATED = "created"
    """This call created it."""

    FOUND = "found"
    """It was there: an earlier create with the same correlation id made it, or this one did and its answer
    was lost."""

    UPDATED = "updated"
    """This call updated it."""

    CONFIRMED_BY_READING = "confirmed-by-reading"
    """The answer to the update was lost; the record was read, and every column that was sent is in it."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A written incident."""

    number: str
    """The incident's number, such as `INC0010001`."""

    sys_id: str
    """The record's key: 32 hexadecimal digits."""

    task_effective_number: str
    """The number to show: the incident's own, or that of the universal request it belongs to."""

    correlation_id: str
    """The correlation id as it stands in the record; empty where there is none."""

    made: Made
    """How the record came to be."""

    columns: list[ColumnResult]
    """What became of each column sent, in the order sent."""

    url: str
    """The record's page, for a person."""

    response_payload: str
    """The whole answer as JSON text."""


@dataclass(frozen=True, slots=True)
class Field:
    """One column of an incident."""

    name: str
    """The column's name; custom columns start with `u_`."""

    value: str
    """The value as stored: a choice's value, a reference's sys_id, a date in UTC."""

    display_value: str
    """The value as shown to the user of the authorization: a choice's label, a reference's name, a date in the
    user's time zone. Not shown in full where the user may not read it."""

    link: str | None
    """The API address of the record a reference points to. Do not send credentials to it without checking its
    origin."""


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as read."""

    number: str
    """The incident's number, such as `INC0010001`."""

    sys_id: str
    """The record's key: 32 hexadecimal digits."""

    task_effective_number: str
    """The number to show: the incident's own, or that of the universal request it belongs to."""

    state: str
    """The state's value, such as `6`; its label is the display value of the field `state`."""

    matches: int
    """How many incidents the look-up matches. Above 1 only for a correlation id, which is not unique; the
    incident is then the oldest."""

    fields: list[Field]
    """Every column the user may read."""

    url: str
    """The record's page, for a person."""

    response_payload: str
    """The whole answer as JSON text."""


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """One row of a page."""

    number: str
    """The incident's number."""

    sys_id: str
    """The record's key."""

    fields: list[Field]
    """Every column the user may read."""


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """One page of incidents."""

    incidents: list[IncidentRow]
    """The incidents. A page may be short although more follow: rows the user may not read are left out after
    the page is cut."""

    total: int | None
    """How many incidents match in all, where ServiceNow counted them."""

    next_offset: int | None
    """The offset of the next page, absent where this is the last."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that a column may take."""

    value: str
    """The stored value."""

    label: str
    """The label; the English one where the instance has several."""

    dependent_value: str
    """The value of the column it depends on, such as a subcategory's category; empty where it depends on none."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the incident table, as the instance defines it."""

    name: str
    """The column's name."""

    label: str
    """The column's label."""

    internal_type: str
    """ServiceNow's internal type, such as `string`, `reference`, `journal_input`."""

    max_length: int | None
    """The dictionary's length in characters, where it has one. ServiceNow does not enforce it over REST."""

    mandatory: bool
    """Whether the dictionary calls it mandatory. Not enforced over REST; data policies are."""

    read_only: bool
    """Whether the dictionary calls it read-only."""

    reference: str | None
    """The table a reference points to."""

    choices: list[Choice]
    """The active choices, in the instance's order; empty for a column without choices."""


class Write(StrEnum):
    """When a column is written."""

    CREATE = "create"
    """When the incident is made, and never after."""

    CHANGE = "change"
    """When the incident is made, and when the event says something else of it than the last one did."""

    ALWAYS = "always"
    """Whenever the incident has something else; on recovery too."""


@dataclass(frozen=True, slots=True)
class PlannedColumn:
    """A column that a push would write."""

    name: str
    """Its name."""

    value: str
    """Its value, or that by which a record is found."""

    write: Write
    """When it is written."""

    lookup: str | None
    """What a push looks up for it, as `sys_user_group.name`: the value is replaced by that record's sys_id."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """What an event becomes."""

    correlation_id: str
    """The key that finds the incident of this event again."""

    body: str
    """The request body as a create would send it: the text of a JSON object."""

    recovers: bool
    """Whether the event ends the problem: the incident is resolved, and none is created."""

    creates: bool
    """Whether the event makes an incident where it has none."""

    columns: list[PlannedColumn]
    """The columns of the body, and when each is written to an incident that is there."""

    note: str | None
    """The comment or work note that is appended, where the rules have one."""

    priority: int | None
    """The priority that ServiceNow computes from impact and urgency, where both are known: 1 critical to 5
    planning. Absent for an event that ends the problem, which leaves both alone."""

    warnings: list[Violation]
    """What can be sent and is likely a mistake: a place that the event lacks, a severity that the rules do not know, a
    name in a column that takes a sys_id."""


@dataclass(frozen=True, slots=True)
class Path:
    """A place in an event."""

    path: str
    """The place as a template names it, such as `data.access_groups.[0].id`."""

    kind: str
    """What stands there: `text`, `number`, `boolean`, `null`, `list` or `object`."""

    sample: str
    """The value, cut to 80 characters; empty for lists and objects."""


class NoteResult(StrEnum):
    """What became of the comment or work note."""

    NONE = "none"
    """The rules have none for this event."""

    ADDED = "added"
    """It was appended."""

    ALREADY_THERE = "already-there"
    """It was written before: the ledger or the journal has it."""

    MAY_BE_TWICE = "may-be-twice"
    """It was appended, and may have been before: neither the ledger nor the journal tells."""

    WITHHELD = "withheld"
    """It was left out: the journal cannot be read, so that a repeated event might append it twice, another sender has
    it in hand, or its incident is closed and stays so."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """The incident after the push."""

    number: str
    """The incident's number."""

    sys_id: str
    """The record's key."""

    correlation_id: str
    """The key that finds it again."""

    version: int | None
    """How often the record was changed, after this push: with it the host knows the callback of this very write.
    Absent where it may be somebody else's; of an unchanged incident, as it was read."""

    written: list[str]
    """The columns that were written."""

    not_stored: list[str]
    """Those of them that ServiceNow did not keep: unknown, not allowed, or not for this user."""

    note: NoteResult
    """What became of the note."""

    warnings: list[Violation]
    """What is likely a mistake, or was left out: as a preview tells it, and what only a push finds. One whose field is
    `not-remembered` says that the ledger does not know the incident's last event, so that columns were left as
    they are."""

    url: str
    """The record's page, for a person."""

    response_payload: str
    """The whole answer as JSON text; empty where nothing was written."""
