//! `conformance`: whether a component does what its world asks.

use super::{print, print_table, table};
use crate::lab::conformance::{Check, check};
use anyhow::Context;
use clap::Args;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use servicenow_host::COMPONENT;
use servicenow_host::Host;
use std::path::PathBuf;
use std::time::Duration;

/// Options of `conformance`.
#[derive(Args)]
pub struct Conformance {
    /// A component that claims the world `incident-node` or `plugin`; the one built with this program where absent
    file: Option<PathBuf>,
    /// Write the results to this file too, as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

impl Conformance {
    /// Whether the component passed.
    pub async fn run(self) -> anyhow::Result<bool> {
        let (name, bytes) = match &self.file {
            Some(path) => {
                let unreadable = || format!("{}: give the path of a .wasm component", path.display());
                (path.display().to_string(), std::fs::read(path).with_context(unreadable)?)
            }
            None => ("servicenow.wasm".to_string(), COMPONENT.to_vec()),
        };
        // A component that cannot even begin is one that failed, and its file of results says so.
        let loaded = match Host::builder().component(bytes).build().with_context(|| name.clone()) {
            Ok(loaded) => loaded,
            Err(refused) => {
                self.write(&name, &[not_begun(&refused)])?;
                return Err(refused);
            }
        };
        let checks = check(&loaded).await.unwrap_or_else(|problem| vec![not_begun(&problem)]);
        let mut lines = table(&["method", "check", "result", "time", "what happened"]);
        for Check { method, name, story, elapsed, problem } in &checks {
            let time = format!("{:.1} ms", elapsed.as_secs_f64() * 1e3);
            let story = problem.as_ref().map_or((*story).to_string(), |problem| format!("{story}: {problem}"));
            let result = if problem.is_none() { "passed" } else { "FAILED" };
            lines.add_row([method, name.as_str(), result, &time, &story]);
        }
        print_table(&lines);
        let passed = checks.iter().filter(|check| check.problem.is_none()).count();
        let authorization = if loaded.authenticates() {
            ""
        } else {
            " It does not check authorizations, which incident-node leaves out."
        };
        print(&format!("\n{name} passed {passed} of {} checks.{authorization}", checks.len()));
        self.write(&name, &checks)?;
        Ok(passed == checks.len())
    }

    /// Writes the results where they are wanted.
    fn write(&self, name: &str, checks: &[Check]) -> anyhow::Result<()> {
        let Some(path) = &self.junit else { return Ok(()) };
        let text = junit(name, checks).to_string()?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}

fn not_begun(problem: &anyhow::Error) -> Check {
    Check {
        method: "create",
        name: "begin".to_string(),
        story: "a first incident, and the manifest",
        elapsed: Duration::ZERO,
        problem: Some(format!("{problem:#}")),
    }
}

fn junit(component: &str, checks: &[Check]) -> Report {
    let mut suite = TestSuite::new(component);
    for Check { method, name, story, elapsed, problem } in checks {
        let status = match problem {
            None => TestCaseStatus::success(),
            Some(problem) => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(problem.as_str());
                status
            }
        };
        let mut case = TestCase::new(format!("{method} {name}: {story}"), status);
        case.set_classname(*method).set_time(*elapsed);
        suite.add_test_case(case);
    }
    let mut report = Report::new("conformance");
    report.add_test_suite(suite);
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn junit_counts_what_failed_and_says_why() {
        let check = |problem: Option<&str>| Check {
            method: "get",
            name: "timeout".to_string(),
            story: "the instance never answers",
            elapsed: Duration::from_millis(1_500),
            problem: problem.map(str::to_string),
        };
        let text = junit("a.wasm", &[check(None), check(Some("it ended in error <x>"))]).to_string().unwrap();
        assert!(text.contains("tests=\"2\"") && text.contains("failures=\"1\""), "{text}");
        assert!(text.contains("message=\"it ended in error &lt;x&gt;\""), "{text}");
        assert!(text.contains("time=\"1.500\""), "{text}");
    }
}
