//! The limits, as options of the command line.

use clap::Args;
use humantime::Duration;
use servicenow_host::limits::{
    EPOCH, HOSTCALL_FUEL, Limits, MAX_CALL_BYTES, MAX_CALLS_PER_AUTHORIZATION, MAX_HEADER_BYTES, MAX_INSTANCES,
    MAX_MEMORY, MAX_REQUEST_BYTES, MAX_REQUESTS, MAX_RESOURCES, MAX_RESPONSE_BYTES, MAX_TABLE_ELEMENTS, MAX_TIMEOUT,
};

/// What calls may use. The short help leaves them out.
#[derive(Args)]
pub struct LimitOptions {
    /// The longest deadline, whatever a call asks for
    #[arg(long, value_name = "TIME", default_value_t = MAX_TIMEOUT.into(), help_heading = "Limits", hide_short_help = true)]
    max_timeout: Duration,
    /// The largest request body
    #[arg(long, value_name = "BYTES", default_value_t = MAX_REQUEST_BYTES, help_heading = "Limits", hide_short_help = true)]
    max_request_bytes: usize,
    /// The largest response body
    #[arg(long, value_name = "BYTES", default_value_t = MAX_RESPONSE_BYTES, help_heading = "Limits", hide_short_help = true)]
    max_response_bytes: usize,
    /// All bodies of a call together
    #[arg(long, value_name = "BYTES", default_value_t = MAX_CALL_BYTES, help_heading = "Limits", hide_short_help = true)]
    max_call_bytes: usize,
    /// The largest header section
    #[arg(long, value_name = "BYTES", default_value_t = MAX_HEADER_BYTES, help_heading = "Limits", hide_short_help = true)]
    max_header_bytes: usize,
    /// How many requests a call may make
    #[arg(long, value_name = "COUNT", default_value_t = MAX_REQUESTS, help_heading = "Limits", hide_short_help = true)]
    max_requests: u32,
    /// The largest memory of the component
    #[arg(long, value_name = "BYTES", default_value_t = MAX_MEMORY, help_heading = "Limits", hide_short_help = true)]
    max_memory: usize,
    /// The largest table of the component
    #[arg(long, value_name = "COUNT", default_value_t = MAX_TABLE_ELEMENTS, help_heading = "Limits", hide_short_help = true)]
    max_table_elements: usize,
    /// How many core instances, and how many tables, the component may be made of
    #[arg(long, value_name = "COUNT", default_value_t = MAX_INSTANCES, help_heading = "Limits", hide_short_help = true)]
    max_instances: usize,
    /// How many resources a call may hold at once
    #[arg(long, value_name = "COUNT", default_value_t = MAX_RESOURCES, help_heading = "Limits", hide_short_help = true)]
    max_resources: usize,
    /// How much the component may hand to the host at once, its outcome included
    #[arg(long, value_name = "BYTES", default_value_t = HOSTCALL_FUEL, help_heading = "Limits", hide_short_help = true)]
    hostcall_fuel: usize,
    /// How often a component that computes is interrupted to look at the clock
    #[arg(long, value_name = "TIME", default_value_t = EPOCH.into(), help_heading = "Limits", hide_short_help = true)]
    epoch: Duration,
    /// How many calls of one authorization run at once; more wait in turn, inside their deadlines
    #[arg(long, value_name = "COUNT", default_value_t = MAX_CALLS_PER_AUTHORIZATION, help_heading = "Limits", hide_short_help = true)]
    max_calls_per_authorization: usize,
    /// How many calls run at once, by what this machine allows; more wait in turn
    #[arg(long, value_name = "COUNT", default_value_t = Limits::default().max_calls, help_heading = "Limits", hide_short_help = true)]
    max_calls: usize,
    /// How many instances are kept to serve the same authorization again; 0: every call has one of its own
    #[arg(long, value_name = "COUNT", default_value_t = 0, help_heading = "Limits", hide_short_help = true)]
    kept_instances: usize,
}

impl LimitOptions {
    /// The limits.
    pub fn limits(&self) -> Limits {
        Limits {
            max_timeout: *self.max_timeout,
            max_request_bytes: self.max_request_bytes,
            max_response_bytes: self.max_response_bytes,
            max_call_bytes: self.max_call_bytes,
            max_header_bytes: self.max_header_bytes,
            max_requests: self.max_requests,
            max_memory: self.max_memory,
            max_table_elements: self.max_table_elements,
            max_instances: self.max_instances,
            max_resources: self.max_resources,
            hostcall_fuel: self.hostcall_fuel,
            epoch: *self.epoch,
            max_calls_per_authorization: self.max_calls_per_authorization,
            max_calls: self.max_calls,
            kept_instances: self.kept_instances,
            ..Limits::default()
        }
    }
}
