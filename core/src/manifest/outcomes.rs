//! The outcomes of the methods: case, the edge's name in the original node, and when a call ends there.
//!
//! Methods that the original node lacks name their edges in its manner.

use crate::bindings::manifest::Outcome;

type Edge = (&'static str, &'static str, &'static str);

const INVALID_DATA: Edge = ("invalid-data", "onInvalidData", "Inputs were refused; nothing was sent");
const INVALID_CHOICE: Edge =
    ("invalid-choice", "onInvalidChoice", "A value is outside its declared choices; nothing was written");
const TIMEOUT: Edge = ("timeout", "onTimeout", "No answer before the deadline");
const ERROR: Edge = ("error", "onError", "The method could not be invoked");
const AUTHORIZATION_FAIL: Edge =
    ("authorization-fail", "onauthorizationfail", "ServiceNow answered 401, or there was no token to be had");

/// Of `create`.
pub const CREATE: &[Edge] = &[
    (
        "incident-created",
        "onIncidentCreated",
        "201 and a record with number and sys_id, or the record that an earlier create with the same correlation id made",
    ),
    INVALID_DATA,
    INVALID_CHOICE,
    ("bad-request", "onBadRequest", "ServiceNow answered 400"),
    ("not-found", "onNotFound", "ServiceNow answered 404"),
    (
        "create-incident-failure",
        "onCreateIncidentFailure",
        "ServiceNow answered with any other status, or with a record that cannot be read",
    ),
    TIMEOUT,
    ERROR,
];

/// Of `get`.
pub const GET: &[Edge] = &[
    ("get-incident-success", "onGetIncidentSuccess", "200 and the incident asked for"),
    INVALID_DATA,
    INVALID_CHOICE,
    ("incident-not-found", "onIncidentNotFound", "200 and no match, or 404"),
    AUTHORIZATION_FAIL,
    (
        "get-incident-failure",
        "onGetIncidentFailure",
        "Any other status, more than one match, or another incident than the one asked for",
    ),
    TIMEOUT,
    ERROR,
];

/// Of `update`.
pub const UPDATE: &[Edge] = &[
    (
        "incident-update-success",
        "onIncidentUpdateSuccess",
        "200 and the incident asked for, or the incident read back with every column that was sent",
    ),
    INVALID_DATA,
    INVALID_CHOICE,
    ("bad-request", "onBadRequest", "ServiceNow answered 400"),
    ("incident-not-found", "onIncidentNotFound", "ServiceNow answered 404"),
    (
        "incident-update-failure",
        "onIncidentUpdateFailure",
        "ServiceNow answered with any other status, or with another record",
    ),
    TIMEOUT,
    ERROR,
];

/// Of `find`.
pub const FIND: &[Edge] = &[
    ("find-success", "onFindSuccess", "200 and a page, which may be empty"),
    INVALID_DATA,
    AUTHORIZATION_FAIL,
    ("find-failure", "onFindFailure", "ServiceNow answered with any other status"),
    TIMEOUT,
    ERROR,
];

/// Of `columns`.
pub const COLUMNS: &[Edge] = &[
    ("columns-success", "onColumnsSuccess", "The columns of the incident table"),
    INVALID_DATA,
    AUTHORIZATION_FAIL,
    (
        "columns-failure",
        "onColumnsFailure",
        "ServiceNow answered with any other status, or the user may not read the dictionary",
    ),
    TIMEOUT,
    ERROR,
];

/// Of `authenticate`.
pub const AUTHENTICATE: &[Edge] = &[
    ("authenticated", "onAuthenticated", "A token was obtained and the incident table answered"),
    ("not-authenticated", "onNotAuthenticated", "The authorization does not work; the causes are named"),
    INVALID_DATA,
    TIMEOUT,
    ERROR,
];

/// Edges as the manifest carries them.
pub fn outcomes(edges: &[Edge]) -> Vec<Outcome> {
    let outcome = |(case_name, node_name, description): &Edge| Outcome {
        case_name: case_name.to_string(),
        node_name: node_name.to_string(),
        description: description.to_string(),
    };
    edges.iter().map(outcome).collect()
}
