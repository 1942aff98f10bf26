//! What a call leaves in its instance is seen by no call but the next ones of its authorization, where the embedder keeps instances.

use crate::hostile::{TOLERANCE, attack, call, hostile, seen};
use crate::support::PATIENT_MS;
use host_test::lab::scenarios::{TestBed, authorizations, columns, create};
use servicenow_host::types::{Call, Reason};
use servicenow_host::{Authorizations, Host, Limits, Outcome};
use std::path::Path;
use std::time::Duration;

/// The same with instances kept, and two authorizations for one instance.
fn keeping(kept_instances: usize, credential: &str) -> Host {
    let one = |name| {
        format!(
            "[authorizations.{name}]\ninstance = \"https://dev12345.service-now.com\"\ngrant = \"bearer\"\n\
             token = \"a-token\"\ncredential = {credential:?}\n"
        )
    };
    let authorizations = Authorizations::parse(&(one("main") + &one("other")), Path::new("a.toml")).unwrap();
    let limits = Limits { kept_instances, ..Limits::default() };
    hostile(Authorizations::default()).with(authorizations, limits).unwrap()
}

/// Whether a call of `main` finds in its instance's memory what a call of this authorization left there, when something
/// happened in between.
async fn finds(host: &Host, left_by: &str, between: &[(&str, &str)]) -> bool {
    let leaves = [("attack", "leave something"), ("of this size", "65536")];
    let left_by = Call { authorization: left_by.to_string(), ..call(PATIENT_MS) };
    let left = host.create(left_by, columns(&leaves), create()).await;
    assert_eq!(left.outcome.failure().unwrap().message, "left");
    if !between.is_empty() {
        attack(host, 200, between).await;
    }
    seen(host, &[("attack", "look for it")]).await.ends_with("found true")
}

#[tokio::test]
async fn nothing_that_a_call_left_in_memory_is_found_by_the_next_ones() {
    let bed = TestBed::set().await.unwrap();
    let host = hostile(authorizations(&bed.simulator));
    let own = seen(&host, &[("attack", "look for it"), ("of this size", "4096")]).await;
    assert!(own.ends_with("found true"), "what is there is found: {own}");
    for _ in 0..5 {
        let left = seen(&host, &[("attack", "leave something")]).await;
        assert!(left.ends_with("left"), "{left}");
        let found = seen(&host, &[("attack", "look for it")]).await;
        assert!(found.ends_with("grown true, found false"), "{found}");
    }
}

#[tokio::test]
async fn a_kept_instance_serves_its_own_authorization_and_no_other() {
    assert!(finds(&keeping(4, "added-by-host"), "main", &[]).await, "it is the same instance");
    assert!(!finds(&keeping(4, "added-by-host"), "other", &[]).await, "of another authorization");
    assert!(!finds(&keeping(0, "added-by-host"), "main", &[]).await, "none is kept");
    assert!(!finds(&keeping(4, "header"), "main", &[]).await, "it may have seen the credential");
}

#[tokio::test]
async fn an_instance_that_was_ended_or_grew_is_not_called_again() {
    for between in ["panic", "wait without end", "recurse"] {
        assert!(!finds(&keeping(4, "added-by-host"), "main", &[("attack", between)]).await, "{between}");
    }
    // The one who looks grows it by 4 MB.
    let host = keeping(4, "added-by-host");
    assert!(finds(&host, "main", &[]).await);
    assert!(!seen(&host, &[("attack", "look for it")]).await.ends_with("found true"));
}

#[tokio::test]
async fn a_kept_instance_has_the_deadline_and_the_bounds_of_each_call() {
    let host = keeping(4, "added-by-host");
    for _ in 0..3 {
        let report = attack(&host, PATIENT_MS, &[("attack", "ask again and again"), ("authorization", "main")]).await;
        assert_eq!(report.outcome.failure().unwrap().message, "16");
    }
    let report = attack(&host, 300, &[("attack", "wait without end")]).await;
    assert_eq!(report.outcome.failure().unwrap().reason, Reason::Deadline);
    assert!(report.elapsed < Duration::from_millis(300) + TOLERANCE, "{:?}", report.elapsed);
}

#[tokio::test]
async fn of_more_instances_than_are_kept_the_one_that_was_called_first_goes() {
    assert!(finds(&keeping(2, "added-by-host"), "main", &[]).await);
    let host = keeping(1, "added-by-host");
    let left = attack(&host, PATIENT_MS, &[("attack", "leave something"), ("of this size", "65536")]).await;
    assert_eq!(left.outcome.failure().unwrap().message, "left");
    assert!(!finds(&host, "other", &[]).await);
}
