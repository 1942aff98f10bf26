//! Sets an instance up to deliver its changes, and takes it away again.
//!
//! What is wanted is a value ([`servicenow_core::set_up`]), what is there is read, and the difference is a list of steps. Each step is one
//! write, safe to repeat by the key of its record, so that a set-up that breaks off is completed by running it again.

mod inspect;
mod present;
mod probe;
mod settings;
mod update_set;

pub use inspect::inspect;
pub use probe::probe;
pub use update_set::update_set;

use crate::bindings::provisioning::{Artifact, BrokenOff, LegacyKind, Settings, Step, StepAction, StepsOutcome};
use present::{LegacyRows, Present, Seen};
use servicenow_core::bindings::types::{Call, Reason, WriteHappened};
use servicenow_core::failure::{CallError, failure};
use servicenow_core::host::Host;
use servicenow_core::incidents::call::{self, ValidCall};
use servicenow_core::incidents::violations::Violations;
use servicenow_core::json;
use servicenow_core::servicenow::requests;
use servicenow_core::servicenow::requests::INCIDENT;
use servicenow_core::servicenow::session::Session;
use servicenow_core::servicenow::sys_id::SysId;
use servicenow_core::set_up::{Kind, Legacy, SetUp, TestIncident, Wanted, everything, mark, wanted};
use servicenow_core::set_up_of;

/// What `apply` would do.
pub fn plan(call: &Call, settings: &Settings, host: &mut dyn Host) -> StepsOutcome {
    run(call, settings, host, |work| work.set_up(false))
}

/// Sets up what is missing or different.
pub fn apply(call: &Call, settings: &Settings, host: &mut dyn Host) -> StepsOutcome {
    run(call, settings, host, |work| work.set_up(true))
}

/// Writes the callback secret anew.
pub fn rotate(call: &Call, settings: &Settings, host: &mut dyn Host) -> StepsOutcome {
    run(call, settings, host, |work| work.rotate())
}

/// Switches deliveries off.
pub fn pause(call: &Call, settings: &Settings, host: &mut dyn Host) -> StepsOutcome {
    run(call, settings, host, |work| work.switch("false", "deliveries are switched off"))
}

/// Switches deliveries on.
pub fn resume(call: &Call, settings: &Settings, host: &mut dyn Host) -> StepsOutcome {
    run(call, settings, host, |work| work.switch("true", "deliveries are switched on"))
}

/// Removes what was set up.
pub fn remove(call: &Call, settings: &Settings, host: &mut dyn Host) -> StepsOutcome {
    run(call, settings, host, |work| work.remove())
}

/// Removes the incident that tests changed.
pub fn end_probe(call: &Call, settings: &Settings, host: &mut dyn Host) -> StepsOutcome {
    run(call, settings, host, |work| work.end_probe())
}

fn run(
    call: &Call,
    settings: &Settings,
    host: &mut dyn Host,
    work: impl FnOnce(&mut Work<'_, '_>) -> Result<(), CallError>,
) -> StepsOutcome {
    let started_ms = host.now_ms();
    let checked = match check(call, settings) {
        Ok(checked) => checked,
        Err(end) => return broken_off(end, Vec::new()),
    };
    let session = match Session::open(&checked, started_ms, host) {
        Ok(session) => session,
        Err(end) => return broken_off(end, Vec::new()),
    };
    let mut all = Work { settings, set_up: set_up(settings), session, seen: Seen::default(), steps: Vec::new() };
    match work(&mut all) {
        Ok(()) => StepsOutcome::Steps(all.steps),
        Err(end) => broken_off(end, all.steps),
    }
}

fn check(call: &Call, settings: &Settings) -> Result<ValidCall, CallError> {
    let mut violations = Violations::default();
    let checked = call::check(call, &mut violations);
    settings::check(settings, &mut violations);
    violations.or_invalid_data(checked)
}

/// A set-up at work.
struct Work<'s, 'h> {
    settings: &'s Settings,
    set_up: SetUp,
    session: Session<'h>,
    seen: Seen,
    steps: Vec<Step>,
}

impl Work<'_, '_> {
    fn step(&mut self, artifact: Artifact, name: &str, action: StepAction, why: &str) {
        self.steps.push(Step { artifact, name: name.to_string(), action, why: why.to_string() });
    }

    fn set_up(&mut self, writes: bool) -> Result<(), CallError> {
        for wanted in wanted(&self.set_up) {
            match present::find(&wanted, &self.set_up, &mut self.seen, &mut self.session)? {
                Present::Nothing => {
                    if writes {
                        self.insert(&wanted)?;
                    }
                    self.step(artifact(wanted.kind), &wanted.name, StepAction::Create, "it is missing");
                }
                Present::Foreign => return Err(foreign(&wanted)),
                Present::Ours(record) => {
                    self.remove_copies(&wanted, &record.copies, writes)?;
                    let drifted = present::drifted(&wanted, &record);
                    if drifted.is_empty() {
                        self.step(artifact(wanted.kind), &wanted.name, StepAction::Keep, "it is as it should be");
                        continue;
                    }
                    let why = format!("{} differs", drifted.join(", "));
                    if writes {
                        let has_secret = drifted.contains(&"value");
                        let differs = |column: &&(&str, String)| {
                            drifted.contains(&column.0) || has_secret && wanted.goes_with_secret(column.0)
                        };
                        let columns = wanted.columns.iter().filter(differs).cloned().collect();
                        self.patch(&wanted, &record.key, columns)?;
                    }
                    self.step(artifact(wanted.kind), &wanted.name, StepAction::Update, &why);
                }
            }
        }
        self.remove_leftovers(writes)
    }

    /// What an earlier set-up needed and this one does not: a rule or button that is no longer wanted, and rules of an earlier
    /// kind.
    fn remove_leftovers(&mut self, writes: bool) -> Result<(), CallError> {
        for wanted in everything(&self.set_up) {
            let is_wanted = match wanted.kind {
                Kind::BusinessRule => self.settings.automatic,
                Kind::Button => self.settings.button,
                _ => true,
            };
            if !is_wanted {
                self.remove_one(&wanted, writes, "it is no longer wanted")?;
            }
        }
        // Rules and buttons are removed before the script includes that they call.
        for table in ["sys_script", "sys_ui_action", "sys_script_include"] {
            for record in self.set_up.legacy.clone().iter().filter(|record| record.table == table) {
                self.remove_legacy(record, writes)?;
            }
        }
        Ok(())
    }

    /// Removes the records of a name, a page of them after the other.
    fn remove_legacy(&mut self, record: &Legacy, writes: bool) -> Result<(), CallError> {
        let artifact = legacy(record.table);
        loop {
            let LegacyRows { keys, others } = present::legacy(record, &mut self.seen, &mut self.session)?;
            for key in &keys {
                if writes {
                    self.delete(record.table, key)?;
                }
                self.step(artifact, &record.name, StepAction::Remove, "this set-up takes its place");
            }
            if !writes || keys.is_empty() {
                for other in others {
                    self.step(artifact, &other, StepAction::Keep, "it is written otherwise than it was named");
                }
                return Ok(());
            }
        }
    }

    fn rotate(&mut self) -> Result<(), CallError> {
        for wanted in wanted(&self.set_up).iter().filter(|wanted| wanted.kind == Kind::CallbackSecret) {
            match present::find(wanted, &self.set_up, &mut self.seen, &mut self.session)? {
                Present::Ours(record) => {
                    let value = wanted.columns.iter().filter(|(column, _)| wanted.goes_with_secret(column));
                    self.patch(wanted, &record.key, value.cloned().collect())?;
                    self.step(
                        artifact(wanted.kind),
                        &wanted.name,
                        StepAction::Update,
                        "the host's present secret is written",
                    );
                }
                Present::Nothing => return Err(not_set_up(wanted)),
                Present::Foreign => return Err(foreign(wanted)),
            }
        }
        Ok(())
    }

    fn switch(&mut self, active: &str, why: &str) -> Result<(), CallError> {
        for wanted in wanted(&self.set_up).iter().filter(|wanted| wanted.can_rest()) {
            match present::find(wanted, &self.set_up, &mut self.seen, &mut self.session)? {
                Present::Ours(record) if record.active == active => {
                    self.step(artifact(wanted.kind), &wanted.name, StepAction::Keep, why);
                }
                Present::Ours(record) => {
                    self.patch(wanted, &record.key, vec![("active", active.to_string())])?;
                    self.step(artifact(wanted.kind), &wanted.name, StepAction::Update, why);
                }
                Present::Nothing => return Err(not_set_up(wanted)),
                Present::Foreign => return Err(foreign(wanted)),
            }
        }
        Ok(())
    }

    fn remove(&mut self) -> Result<(), CallError> {
        // What depends on others goes first, so that nothing fires without what it needs.
        for wanted in everything(&self.set_up).iter().rev() {
            self.remove_one(wanted, true, "it was set up by this product")?;
        }
        self.end_probe()
    }

    /// Removes the incident that tests changed, if there is one.
    fn end_probe(&mut self) -> Result<(), CallError> {
        for (key, number) in probe::made(&TestIncident::of(&self.set_up), &mut self.seen, &mut self.session)? {
            self.seen.note(INCIDENT);
            self.delete(INCIDENT, &key)?;
            self.step(Artifact::TestIncident, &number, StepAction::Remove, "it was made to test deliveries");
        }
        Ok(())
    }

    fn remove_one(&mut self, wanted: &Wanted, writes: bool, why: &str) -> Result<(), CallError> {
        match present::find(wanted, &self.set_up, &mut self.seen, &mut self.session)? {
            Present::Ours(record) => {
                self.remove_copies(wanted, &record.copies, writes)?;
                if writes {
                    self.delete(wanted.table, &record.key)?;
                }
                self.step(artifact(wanted.kind), &wanted.name, StepAction::Remove, why);
            }
            Present::Foreign => {
                let why = "it does not carry this product's mark: somebody else made it";
                self.step(artifact(wanted.kind), &wanted.name, StepAction::Keep, why);
            }
            Present::Nothing => {}
        }
        Ok(())
    }

    /// Removes what somebody copied: a copy of the rule delivers as well.
    fn remove_copies(&mut self, wanted: &Wanted, copies: &[SysId], writes: bool) -> Result<(), CallError> {
        for key in copies {
            if writes {
                self.delete(wanted.table, key)?;
            }
            self.step(artifact(wanted.kind), &wanted.name, StepAction::Remove, "it is a copy of another");
        }
        Ok(())
    }

    fn insert(&mut self, wanted: &Wanted) -> Result<(), CallError> {
        let key = wanted.key(&self.set_up);
        let columns = wanted.columns.iter().chain(&wanted.initial).map(|(column, value)| (*column, value.as_str()));
        let body = json::object(columns.chain([("sys_id", key.as_str())]));
        let request = requests::insert(&self.session.origin, wanted.table, body, false);
        self.session.fetch(&request).map(drop)
    }

    fn patch(&mut self, wanted: &Wanted, key: &SysId, columns: Vec<(&'static str, String)>) -> Result<(), CallError> {
        let body = json::object(columns.iter().map(|(column, value)| (*column, value.as_str())));
        let request = requests::patch(&self.session.origin, wanted.table, key, body, false);
        self.session.fetch(&request).map(drop)
    }

    /// Removes a record that was seen. An answer to that is no proof: it is looked for once more.
    fn delete(&mut self, table: &'static str, key: &SysId) -> Result<(), CallError> {
        match self.session.fetch(&requests::delete(&self.session.origin, table, key)) {
            // An earlier try removed it, or the user may not see it any more.
            Err(CallError::Rejected(failure)) if failure.status == Some(404) => {}
            other => drop(other?),
        }
        // Whatever ends the look-up: it was answered that the record is removed.
        if present::is_there(table, key, &mut self.seen, &mut self.session).map_err(after_write)? {
            let message =
                format!("{table} still has the record {key} after it was removed: a rule or an access rule kept it");
            return Err(CallError::Rejected(failure(Reason::UnexpectedAnswer, message, WriteHappened::Unknown)));
        }
        Ok(())
    }
}

/// What is set up, of these settings.
pub fn set_up(settings: &Settings) -> SetUp {
    set_up_of!(settings, LegacyKind)
}

/// An end that came after a write.
fn after_write(mut end: CallError) -> CallError {
    if let CallError::Rejected(failure)
    | CallError::Timeout(failure)
    | CallError::Error(failure)
    | CallError::NoCredential(failure, _) = &mut end
    {
        failure.write_happened = WriteHappened::Yes;
    }
    end
}

fn legacy(table: &str) -> Artifact {
    match table {
        "sys_script" => Artifact::LegacyRule,
        "sys_ui_action" => Artifact::LegacyButton,
        _ => Artifact::LegacyScriptInclude,
    }
}

fn artifact(kind: Kind) -> Artifact {
    match kind {
        Kind::CallbackUrl => Artifact::CallbackUrl,
        Kind::CallbackSecret => Artifact::CallbackSecret,
        Kind::DeliveryScript => Artifact::DeliveryScript,
        Kind::BusinessRule => Artifact::BusinessRule,
        Kind::Button => Artifact::Button,
    }
}

fn foreign(wanted: &Wanted) -> CallError {
    let message = format!(
        "{} has a record named \"{}\" without this product's mark in {}: rename or remove it first",
        wanted.table, wanted.name, wanted.mark_column
    );
    CallError::Rejected(failure(Reason::Conflict, message, WriteHappened::No))
}

fn not_set_up(wanted: &Wanted) -> CallError {
    let message = format!("{} has no record named \"{}\": apply the set-up first", wanted.table, wanted.name);
    CallError::Rejected(failure(Reason::NotFound, message, WriteHappened::No))
}

/// Whether a text is the mark of a set-up of this product, and the version it says.
fn version_in<'t>(text: &'t str, set_up: &SetUp) -> Option<&'t str> {
    text.strip_prefix(&mark(set_up))
}

fn broken_off(end: CallError, done: Vec<Step>) -> StepsOutcome {
    match end {
        CallError::InvalidData(refused) | CallError::InvalidChoice(refused) => StepsOutcome::InvalidData(refused),
        CallError::NoCredential(failure, _) => StepsOutcome::AuthorizationFail(failure),
        CallError::Rejected(failure) if failure.status == Some(401) && done.is_empty() => {
            StepsOutcome::AuthorizationFail(failure)
        }
        CallError::Rejected(failure) => StepsOutcome::ProvisioningFailure(BrokenOff { done, failure }),
        CallError::Timeout(failure) => StepsOutcome::Timeout(BrokenOff { done, failure }),
        CallError::Error(failure) => StepsOutcome::Error(BrokenOff { done, failure }),
    }
}
