//! A sans-io ServiceNow client: addresses, queries, requests, answers, records and OAuth, and the session that carries
//! them through a [`Host`](crate::host::Host).

pub mod choices;
pub mod incident_table;
pub mod oauth;
pub mod origin;
pub mod query;
pub mod record;
pub mod requests;
pub mod response;
mod server_error;
pub mod session;
pub mod sys_id;
