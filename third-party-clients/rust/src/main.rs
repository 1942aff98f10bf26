//! `servicenow_rs` against the simulator: create, query, pages, update, delete, errors. The argument is the simulator's ready
//! file.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use servicenow_rs::prelude::*;
use std::process::ExitCode;

struct Checks(u32);

impl Checks {
    fn check(&mut self, what: &str, passed: bool) {
        println!("{} {what}", if passed { "ok  " } else { "FAIL" });
        self.0 += u32::from(!passed);
    }
}

fn status_of<T>(result: std::result::Result<T, Error>) -> Option<u16> {
    match result {
        Err(Error::Api { status, .. }) => Some(status),
        Err(Error::Auth { status, .. }) => status,
        _ => None,
    }
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let path = std::env::args().nth(1).context("give the simulator's ready file")?;
    let ready: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let text = |key: &str| ready[key].as_str().unwrap_or_default().to_string();
    let client = |password: String| {
        let auth = BasicAuth::new(&text("username"), &password);
        ServiceNowClient::builder().instance(text("base_url")).allow_http().auth(auth).max_retries(0).build()
    };
    let known = client(text("password")).await?;
    let incidents = || known.table("incident");
    let mut checks = Checks(0);
    for at in 0..250 {
        incidents().create(json!({"short_description": format!("rust {at:03}"), "urgency": "2"})).await?;
    }
    let found = incidents().contains("short_description", "rust").order_by("number", Order::Desc).limit(5).execute().await?;
    let numbers: Vec<_> = found.into_iter().filter_map(|row| row.get_str("number").map(str::to_string)).collect();
    checks.check("a built query finds the latest five in descending order", numbers.len() == 5 && numbers.is_sorted_by(|a, b| a > b));
    let mut pages = incidents().contains("short_description", "rust").order_by("number", Order::Asc).limit(60).paginate()?;
    let all = pages.collect_all().await?;
    checks.check("pages of 60 are the whole list", all.into_iter().count() == 250);
    checks.check("the instance counts them", incidents().contains("short_description", "rust").count().await? == 250);

    let first = incidents().equals("number", &numbers[0]).first().await?.context("the first of them")?;
    let updated = incidents().update(&first.sys_id, json!({"urgency": "1", "impact": "1"})).await?;
    checks.check("an update recomputes the priority", updated.get_str("priority") == Some("1"));
    let read = incidents().display_value(DisplayValue::Both).get(&first.sys_id).await?;
    checks.check("a choice shows its label", read.get_display("urgency") == Some("1 - High"));
    let walked = incidents().equals("number", &numbers[0]).dot_walk(&["opened_by.email"]).first().await?.context("the same")?;
    checks.check("a dot-walked field is read", walked.get_str("opened_by.email") == Some("flow.integration@example.com"));
    known.add_work_note("incident", &first.sys_id, "seen by a client").await?;
    let notes = known.journal("incident", &first.sys_id, "work_notes").execute().await?;
    checks.check("a work note is in the journal", notes.into_iter().any(|note| note.get_str("value") == Some("seen by a client")));
    let grouped = known.aggregate("incident").count().group_by("urgency").execute().await?;
    checks.check("incidents are counted by urgency", grouped.groups().iter().any(|group| group.field_value("urgency") == "1" && group.count() == 1));

    let refused = incidents().update(&first.sys_id, json!({"state": "6"})).await;
    checks.check("resolving without notes is refused with 403", status_of(refused) == Some(403));
    let stranger = client("wrong".to_string()).await?;
    checks.check("a wrong password is refused with 401", status_of(stranger.table("incident").limit(1).execute().await) == Some(401));
    checks.check("an unknown table is refused with 400", status_of(known.table("bunk").limit(1).execute().await) == Some(400));
    for record in incidents().contains("short_description", "rust").execute_all(None).await? {
        incidents().delete(&record.sys_id).await?;
    }
    checks.check("a deleted record is gone", status_of(incidents().get(&first.sys_id).await) == Some(404));
    Ok(if checks.0 == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
