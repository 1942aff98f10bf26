//! What the component exports: one thin implementation per interface.

use servicenow_core::bindings::authorization::{self, AuthenticateOutcome};
use servicenow_core::bindings::incidents::{
    self, ColumnsOutcome, CreateOptions, CreateOutcome, FindOutcome, GetOutcome, IncidentRef, RequestBody,
    UpdateOptions, UpdateOutcome,
};
use servicenow_core::bindings::manifest::{self, Node};
use servicenow_core::bindings::types::Call;
use servicenow_core::imports::ImportedHost;

/// The component.
struct Component;

servicenow_core::bindings::export!(Component);

impl incidents::Guest for Component {
    fn create(call: Call, body: RequestBody, options: CreateOptions) -> CreateOutcome {
        servicenow_core::incidents::create::create(&call, &body, &options, &mut ImportedHost)
    }

    fn get(call: Call, incident: IncidentRef) -> GetOutcome {
        servicenow_core::incidents::get::get(&call, &incident, &mut ImportedHost)
    }

    fn update(call: Call, sys_id: String, body: RequestBody, options: UpdateOptions) -> UpdateOutcome {
        servicenow_core::incidents::update::update(&call, &sys_id, &body, &options, &mut ImportedHost)
    }

    fn find(call: Call, query: String, limit: u32, offset: u32) -> FindOutcome {
        servicenow_core::incidents::find::find(&call, &query, limit, offset, &mut ImportedHost)
    }

    fn columns(call: Call) -> ColumnsOutcome {
        servicenow_core::incidents::columns::columns(&call, &mut ImportedHost)
    }
}

impl authorization::Guest for Component {
    fn authenticate(call: Call) -> AuthenticateOutcome {
        servicenow_core::authorization::authenticate(&call, &mut ImportedHost)
    }
}

impl manifest::Guest for Component {
    fn describe() -> Node {
        servicenow_core::manifest::describe()
    }
}
