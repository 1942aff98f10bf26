//! The world `plugin`: the columns of a create say what to do, and the message of its outcome what was seen.

use crate::attacks::Order;
use crate::bindings::exports::servicenow::plugin::authorization::{AuthenticateOutcome, Guest as Authorization};
use crate::bindings::exports::servicenow::plugin::incidents::{
    ColumnsOutcome, CreateOptions, CreateOutcome, FindOutcome, GetOutcome, Guest as Incidents, IncidentRef,
    RequestBody, UpdateOptions, UpdateOutcome,
};
use crate::bindings::exports::servicenow::plugin::manifest::{Guest as Manifest, Node};
use crate::bindings::exports::servicenow::plugin::types::{Call, Failure, Reason, Retry, WriteHappened};

/// The component.
pub struct Guest;

fn failure(message: String) -> Failure {
    Failure {
        status: None,
        reason: Reason::Lost,
        message,
        detail: None,
        retry: Retry::Never,
        retry_after_ms: None,
        write_happened: WriteHappened::No,
        correlation_id: None,
    }
}

impl Incidents for Guest {
    fn create(_: Call, body: RequestBody, _: CreateOptions) -> CreateOutcome {
        let RequestBody::Fields(columns) = body else { return CreateOutcome::Error(failure("no columns".to_string())) };
        CreateOutcome::Error(failure(Order(columns).attack()))
    }

    fn get(_: Call, _: IncidentRef) -> GetOutcome {
        GetOutcome::Error(failure(String::new()))
    }

    fn update(_: Call, _: String, _: RequestBody, _: UpdateOptions) -> UpdateOutcome {
        UpdateOutcome::Error(failure(String::new()))
    }

    fn find(_: Call, _: String, _: u32, _: u32) -> FindOutcome {
        FindOutcome::Error(failure(String::new()))
    }

    fn columns(_: Call) -> ColumnsOutcome {
        ColumnsOutcome::Error(failure(String::new()))
    }
}

impl Authorization for Guest {
    fn authenticate(_: Call) -> AuthenticateOutcome {
        AuthenticateOutcome::Error(failure(String::new()))
    }
}

impl Manifest for Guest {
    fn describe() -> Node {
        Node {
            name: String::new(),
            title: String::new(),
            version: String::new(),
            description: String::new(),
            methods: Vec::new(),
        }
    }
}
