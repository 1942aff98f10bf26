//! What the component exports: one thin implementation per interface.

use crate::bindings::authorization::{self, AuthenticateOutcome};
use crate::bindings::incidents::{
    self, ColumnsOutcome, CreateOptions, CreateOutcome, FindOutcome, GetOutcome, IncidentRef, RequestBody,
    UpdateOptions, UpdateOutcome,
};
use crate::bindings::manifest::{self, Node};
use crate::bindings::types::Call;
use crate::http::Wasi;

/// The component.
pub struct Component;

impl incidents::Guest for Component {
    fn create(call: Call, body: RequestBody, options: CreateOptions) -> CreateOutcome {
        crate::incidents::create::create(&call, &body, &options, &mut Wasi)
    }

    fn get(call: Call, incident: IncidentRef) -> GetOutcome {
        crate::incidents::get::get(&call, &incident, &mut Wasi)
    }

    fn update(call: Call, sys_id: String, body: RequestBody, options: UpdateOptions) -> UpdateOutcome {
        crate::incidents::update::update(&call, &sys_id, &body, &options, &mut Wasi)
    }

    fn find(call: Call, query: String, limit: u32, offset: u32) -> FindOutcome {
        crate::incidents::find::find(&call, &query, limit, offset, &mut Wasi)
    }

    fn columns(call: Call) -> ColumnsOutcome {
        crate::incidents::columns::columns(&call, &mut Wasi)
    }
}

impl authorization::Guest for Component {
    fn authenticate(call: Call) -> AuthenticateOutcome {
        crate::authorization::authenticate(&call, &mut Wasi)
    }
}

impl manifest::Guest for Component {
    fn describe() -> Node {
        crate::manifest::describe()
    }
}
