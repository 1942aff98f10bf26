//! The component that checks its host, on this host: each duty of `docs/hosts.md` is kept in either flavour.

use host_test::components::load;
use host_test::lab::scenarios::{columns, create};
use servicenow_artifacts::Artifact;
use servicenow_host::json::to_json;
use servicenow_host::types::Call;
use servicenow_host::{Authorizations, Host, Outcome};
use servicenow_simulator::{Fault, Simulator};
use servicenow_test_support::host_checks::{self, Ended, HostCheck, NOWHERE};
use std::path::Path;

async fn run(check: &HostCheck, host: &Host, simulator: &Simulator) -> Ended {
    let fault = check.fault.clone().map(|fault| serde_json::from_value::<Fault>(fault).unwrap());
    fault.into_iter().for_each(|fault| simulator.inject(fault));
    let instance = if check.authorization == "main" { simulator.access().base_url.as_str() } else { NOWHERE };
    let call = Call {
        authorization: check.authorization.clone(),
        instance: instance.to_string(),
        timeout_ms: Some(check.timeout_ms),
    };
    let report = host.create(call, columns(&[("short_description", &*check.check)]), create()).await;
    simulator.heal();
    let failure = report.outcome.failure();
    Ended {
        case: report.outcome.case().to_string(),
        message: failure.map(|failure| failure.message.clone()).unwrap_or_default(),
        write_happened: failure
            .map(|failure| to_json(&failure.write_happened).as_str().unwrap_or_default().to_string()),
        elapsed: report.elapsed,
    }
}

#[tokio::test]
async fn every_duty_of_a_host_is_kept_in_either_flavour() {
    for artifact in [Artifact::HostCheck, Artifact::HostCheckOverTransport] {
        let simulator = Simulator::start(Default::default()).await.unwrap();
        let basic = |name: &str, origin: &str| {
            let who = "grant = \"basic\"\nusername = \"u\"\npassword = \"p\"\nallow-http-loopback = true";
            format!("[authorizations.{name}]\ninstance = \"{origin}\"\n{who}\n")
        };
        let second = basic("second", &simulator.access().base_url);
        let file = [simulator.authorizations_file(), second, basic("nowhere", NOWHERE)].join("\n");
        let authorizations = Authorizations::parse(&file, Path::new("authorizations.toml")).unwrap();
        let builder = Host::builder().component(load(artifact).unwrap().to_vec());
        let host = builder.authorizations(authorizations).build().unwrap();
        let mut problems = Vec::new();
        for check in host_checks::all() {
            problems.extend(check.problem(&run(&check, &host, &simulator).await));
        }
        assert!(problems.is_empty(), "{artifact:?}: {problems:#?}");
    }
}
