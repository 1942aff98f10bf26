//! Creates an incident from an embedding flow engine.

use servicenow_host::incidents::{CreateOptions, CreateOutcome, RequestBody};
use servicenow_host::{Authorizations, Host, types::Call};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let authorizations = Authorizations::from_file("authorizations.toml".as_ref())?;
    let host = Host::builder().authorizations(authorizations).build()?;

    let call = Call::new("main", "dev12345");
    let body = RequestBody::Fields(vec![("short_description".into(), "The printer is on fire".into())]);
    let options = CreateOptions { correlation_id: Some("alert-4711".into()), ..Default::default() };

    match host.create(call, body, options).await.outcome {
        CreateOutcome::IncidentCreated(receipt) => println!("{} {}", receipt.number, receipt.url),
        CreateOutcome::InvalidData(violations) => println!("refused: {violations:?}"),
        other => println!("not created: {other:?}"),
    }
    Ok(())
}
