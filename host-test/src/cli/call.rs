//! `call`: one real call.

use super::connection::Connection;
use super::input::read_text;
use crate::lab::invocation::{Invocation, node_outcome};
use anyhow::bail;
use clap::{Args, Subcommand};
use servicenow_host::incidents::{CreateOptions, IncidentRef, RequestBody, UpdateOptions};

/// The methods of the component.
#[derive(Subcommand)]
pub enum Method {
    /// Create an incident
    Create {
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        body: Body,
        /// The key that makes the create safe to repeat; made where absent
        #[arg(long, value_name = "KEY")]
        correlation_id: Option<String>,
    },
    /// Get an incident by number, sys_id or correlation id
    Get {
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        key: Key,
    },
    /// Update an incident
    Update {
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        body: Body,
        /// The incident's key: 32 hexadecimal digits
        #[arg(long, value_name = "SYS_ID")]
        sys_id: String,
    },
    /// Find incidents by an encoded query
    Find {
        #[command(flatten)]
        connection: Connection,
        /// The encoded query, such as active=true^ORDERBYDESCsys_created_on
        #[arg(long, default_value = "")]
        query: String,
        /// How many incidents, 1 to 1000
        #[arg(long, default_value_t = 10)]
        limit: u32,
        /// How many to skip
        #[arg(long, default_value_t = 0)]
        offset: u32,
    },
    /// Read the columns of the incident table with their choices
    Columns {
        #[command(flatten)]
        connection: Connection,
    },
    /// Check an authorization
    Authenticate {
        #[command(flatten)]
        connection: Connection,
    },
}

/// What is written.
#[derive(Args)]
pub struct Body {
    /// The columns as a JSON object: its text, @FILE to read a file, or - for standard input
    #[arg(long, value_name = "TEXT", conflicts_with = "fields", required_unless_present = "fields")]
    json_body: Option<String>,
    /// One column; may be given several times
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = pair)]
    fields: Vec<(String, String)>,
    /// Values are display values: a caller by name or e-mail, a group by name
    #[arg(long)]
    input_display_values: bool,
    /// Check values against choices first: off, base or instance
    #[arg(long, value_name = "MODE")]
    choice_check: Option<String>,
}

/// Which incident to get.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Key {
    /// By number, such as INC0010001
    #[arg(long)]
    number: Option<String>,
    /// By key: 32 hexadecimal digits
    #[arg(long)]
    sys_id: Option<String>,
    /// By the correlation id of its create
    #[arg(long)]
    correlation_id: Option<String>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, such as urgency=1")?;
    Ok((name.to_string(), value.to_string()))
}

impl Body {
    fn read(self) -> anyhow::Result<(RequestBody, bool, Option<String>)> {
        let body = match self.json_body {
            None => RequestBody::Fields(self.fields),
            Some(given) => RequestBody::Json(read_text("--json-body", &given)?),
        };
        Ok((body, self.input_display_values, self.choice_check))
    }
}

impl Method {
    fn split(self) -> anyhow::Result<(Connection, Invocation)> {
        Ok(match self {
            Method::Create { connection, body, correlation_id } => {
                let (body, input_display_values, choice_check) = body.read()?;
                (
                    connection,
                    Invocation::Create(body, CreateOptions { correlation_id, input_display_values, choice_check }),
                )
            }
            Method::Get { connection, key } => {
                let keys = [("number", key.number), ("sys_id", key.sys_id), ("correlation_id", key.correlation_id)];
                let Some((kind, value)) = keys.into_iter().find_map(|(kind, value)| Some((kind, value?))) else {
                    bail!("give one of --number, --sys-id and --correlation-id");
                };
                (connection, Invocation::Get(IncidentRef { kind: kind.to_string(), value }))
            }
            Method::Update { connection, body, sys_id } => {
                let (body, input_display_values, choice_check) = body.read()?;
                (connection, Invocation::Update(sys_id, body, UpdateOptions { input_display_values, choice_check }))
            }
            Method::Find { connection, query, limit, offset } => (connection, Invocation::Find(query, limit, offset)),
            Method::Columns { connection } => (connection, Invocation::Columns),
            Method::Authenticate { connection } => (connection, Invocation::Authenticate),
        })
    }

    /// Whether the call succeeded.
    pub async fn run(self) -> anyhow::Result<bool> {
        let (connection, invocation) = self.split()?;
        let host = connection.target.host()?;
        let node = host.describe().await.map_err(anyhow::Error::from)?;
        let finished = invocation.run(&host, connection.target.call()).await;
        let edge = node_outcome(&node, finished.method, finished.case);
        connection.show(&finished, edge)?;
        Ok(finished.is_success)
    }
}
