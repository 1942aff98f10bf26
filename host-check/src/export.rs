//! The exports of the incident node. A create makes a check; no other method does anything.

use crate::checks::{self, Kept};
use servicenow_core::bindings::authorization::{self, AuthenticateOutcome};
use servicenow_core::bindings::incidents::{
    self, ColumnsOutcome, CreateOptions, CreateOutcome, FindOutcome, GetOutcome, IncidentRef, Made, Receipt,
    RequestBody, UpdateOptions, UpdateOutcome,
};
use servicenow_core::bindings::manifest::{self, Node};
use servicenow_core::bindings::types::{Call, Failure, Reason, WriteHappened};
use servicenow_core::failure::failure;
use servicenow_core::imports::ImportedHost;

struct Component;

servicenow_core::bindings::export!(Component);

/// The column that names a check.
const NAMES_A_CHECK: &str = "short_description";

impl incidents::Guest for Component {
    fn create(call: Call, body: RequestBody, _: CreateOptions) -> CreateOutcome {
        let columns = match body {
            RequestBody::Fields(columns) => columns,
            RequestBody::Json(_) => Vec::new(),
        };
        let name = columns.iter().find(|(column, _)| column == NAMES_A_CHECK).map_or("", |(_, value)| value);
        match checks::check(name, &call, &mut ImportedHost) {
            Ok(Kept) => CreateOutcome::IncidentCreated(Receipt {
                number: name.to_string(),
                sys_id: String::new(),
                task_effective_number: String::new(),
                correlation_id: String::new(),
                made: Made::Created,
                columns: Vec::new(),
                url: String::new(),
                response_payload: "{}".to_string(),
            }),
            Err(seen) => {
                CreateOutcome::CreateIncidentFailure(failure(Reason::UnexpectedAnswer, seen, WriteHappened::No))
            }
        }
    }

    fn get(_: Call, _: IncidentRef) -> GetOutcome {
        GetOutcome::Error(only_create())
    }

    fn update(_: Call, _: String, _: RequestBody, _: UpdateOptions) -> UpdateOutcome {
        UpdateOutcome::Error(only_create())
    }

    fn find(_: Call, _: String, _: u32, _: u32) -> FindOutcome {
        FindOutcome::Error(only_create())
    }

    fn columns(_: Call) -> ColumnsOutcome {
        ColumnsOutcome::Error(only_create())
    }
}

impl authorization::Guest for Component {
    fn authenticate(_: Call) -> AuthenticateOutcome {
        AuthenticateOutcome::Error(only_create())
    }
}

impl manifest::Guest for Component {
    fn describe() -> Node {
        servicenow_core::manifest::describe()
    }
}

fn only_create() -> Failure {
    failure(
        Reason::UnsupportedRequest,
        "this component checks its host: create makes a check".to_string(),
        WriteHappened::No,
    )
}
