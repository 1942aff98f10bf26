//! One scenario per outcome of every method, against the simulator: the demo walks them, and so does a test.

use crate::components;
use crate::lab::invocation::{Finished, Invocation};
use servicenow_host::BuildError;
use servicenow_host::Host;
use servicenow_host::Limits;
use servicenow_host::authorization::AuthenticateOutcome;
use servicenow_host::authorizations::Authorizations;
use servicenow_host::incidents::{
    ColumnsOutcome, CreateOptions, CreateOutcome, FindOutcome, GetOutcome, IncidentRef, RequestBody, UpdateOptions,
    UpdateOutcome,
};
use servicenow_host::json::kebab;
use servicenow_host::types::Call;
use servicenow_simulator::{Effect, Fault, Settings, Simulator};
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

/// Long enough for every answer on loopback, short enough to wait for.
pub const PATIENT_MS: u32 = 5_000;

/// The deadline of the scenarios that run into it.
const IMPATIENT_MS: u32 = 300;

/// An outcome to reach, and how.
pub struct Scenario {
    /// The method.
    pub method: &'static str,
    /// The outcome's case.
    pub case: String,
    /// What happens, in a sentence.
    pub story: &'static str,
    prepare: fn(&Simulator),
    call: fn(&TestBed) -> (Call, Invocation),
}

impl Scenario {
    /// How long its call may take.
    pub fn timeout(&self, bed: &TestBed) -> Duration {
        Duration::from_millis((self.call)(bed).0.timeout_ms.unwrap_or(PATIENT_MS).into())
    }
}

/// A simulator, a host that knows it by the authorization `main`, and one incident.
pub struct TestBed {
    /// The simulator.
    pub simulator: Simulator,
    /// The host.
    pub host: Host,
    settings: Settings,
    /// The number of its first incident.
    pub number: String,
    /// The key of its first incident.
    pub sys_id: String,
}

/// The component, compiled once however many stages there are.
fn load() -> anyhow::Result<&'static Host> {
    static LOADED: OnceLock<Host> = OnceLock::new();
    match LOADED.get() {
        Some(host) => Ok(host),
        None => Ok(LOADED.get_or_init({
            let host = components::builder()?.build()?;
            || host
        })),
    }
}

/// Why there is no bed.
#[derive(Debug, thiserror::Error)]
pub enum NoTestBed {
    /// The simulator did not start.
    #[error("the simulator did not start: {0}")]
    Simulator(#[from] std::io::Error),
    /// The host did not build.
    #[error(transparent)]
    Host(#[from] BuildError),
    /// There is no component for it.
    #[error(transparent)]
    Component(#[from] anyhow::Error),
    /// The first incident was not created.
    #[error("the first incident was not created: {0:?}")]
    Incident(Box<Finished>),
}

impl TestBed {
    /// Sets it up.
    pub async fn set() -> Result<Self, NoTestBed> {
        Self::set_with(authorizations).await
    }

    /// Sets it up with other authorizations; one of them is `main`.
    pub async fn set_with(authorizations: impl FnOnce(&Simulator) -> Authorizations) -> Result<Self, NoTestBed> {
        Self::set_for(load()?, authorizations).await
    }

    /// Sets it up for a host with another component.
    pub async fn set_for(
        loaded: &Host,
        authorizations: impl FnOnce(&Simulator) -> Authorizations,
    ) -> Result<Self, NoTestBed> {
        let simulator = Simulator::start(Default::default()).await?;
        let host = loaded.with(authorizations(&simulator), Limits::default())?;
        let settings = Settings::default();
        let mut bed = Self { simulator, host, settings, number: String::new(), sys_id: String::new() };
        let (call, create) =
            (bed.call(PATIENT_MS), Invocation::Create(columns(&[("short_description", "A first")]), create()));
        let finished = create.run(&bed.host, call).await;
        let text = |name: &str| finished.value[name].as_str().unwrap_or_default().to_string();
        (bed.number, bed.sys_id) = (text("number"), text("sys_id"));
        if finished.is_success { Ok(bed) } else { Err(NoTestBed::Incident(Box::new(finished))) }
    }

    /// A call of the simulated instance.
    pub fn call(&self, timeout_ms: u32) -> Call {
        let instance = self.simulator.access().base_url.clone();
        Call { authorization: "main".to_string(), instance, timeout_ms: Some(timeout_ms) }
    }

    /// Runs a scenario.
    pub async fn run(&self, scenario: &Scenario) -> Finished {
        self.simulator.heal();
        self.simulator.set(|settings| *settings = self.settings.clone());
        (scenario.prepare)(&self.simulator);
        let (call, invocation) = (scenario.call)(self);
        let finished = invocation.run(&self.host, call).await;
        self.simulator.heal();
        self.simulator.set(|settings| *settings = self.settings.clone());
        finished
    }
}

/// The authorizations of the file that a simulator writes.
///
/// # Panics
///
/// If that file cannot be read back.
pub fn authorizations(simulator: &Simulator) -> Authorizations {
    Authorizations::parse(&simulator.authorizations_file(), Path::new("the simulator's own file"))
        .expect("the simulator writes a file that can be read")
}

/// Columns as individual pairs.
pub fn columns(pairs: &[(&str, &str)]) -> RequestBody {
    RequestBody::Fields(pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect())
}

/// Plain options of a create.
pub fn create() -> CreateOptions {
    CreateOptions::default()
}

/// Plain options of an update.
pub fn update() -> UpdateOptions {
    UpdateOptions::default()
}

/// A look-up.
pub fn by(kind: &str, value: &str) -> IncidentRef {
    IncidentRef { kind: kind.to_string(), value: value.to_string() }
}

fn a_create(bed: &TestBed, pairs: &[(&str, &str)]) -> (Call, Invocation) {
    (bed.call(PATIENT_MS), Invocation::Create(columns(pairs), create()))
}

fn a_get(bed: &TestBed, kind: &str, value: &str) -> (Call, Invocation) {
    (bed.call(PATIENT_MS), Invocation::Get(by(kind, value)))
}

fn an_update(bed: &TestBed, pairs: &[(&str, &str)]) -> (Call, Invocation) {
    (bed.call(PATIENT_MS), Invocation::Update(bed.sys_id.clone(), columns(pairs), update()))
}

fn a_find(bed: &TestBed, limit: u32) -> (Call, Invocation) {
    (bed.call(PATIENT_MS), Invocation::Find("active=true".to_string(), limit, 0))
}

fn impatient((call, invocation): (Call, Invocation)) -> (Call, Invocation) {
    (Call { timeout_ms: Some(IMPATIENT_MS), ..call }, invocation)
}

fn of_nobody((call, invocation): (Call, Invocation)) -> (Call, Invocation) {
    (Call { authorization: "nobody".to_string(), ..call }, invocation)
}

fn elsewhere((call, invocation): (Call, Invocation)) -> (Call, Invocation) {
    (Call { instance: "dev99999".to_string(), ..call }, invocation)
}

fn nothing(_: &Simulator) {}

fn fault(simulator: &Simulator, method: &str, effect: Effect) {
    simulator.inject(Fault::once(method, "/api/now/table/", effect).times(10));
}

/// Lists one scenario per case. The `match` has no wildcard: a case without a scenario does not compile.
macro_rules! scenarios {
    ($scenarios:ident, $method:literal, $outcome:ident, { $($case:ident: $story:literal, $prepare:expr, $call:expr;)+ }) => {
        const _: fn(&$outcome) = |outcome| match outcome {
            $($outcome::$case(_) => {})+
        };
        $($scenarios.push(Scenario {
            method: $method,
            case: kebab(stringify!($case)),
            story: $story,
            prepare: $prepare,
            call: $call,
        });)+
    };
}

/// Every scenario.
pub fn all() -> Vec<Scenario> {
    let mut scenarios = Vec::new();
    scenarios!(scenarios, "authenticate", AuthenticateOutcome, {
        Authenticated: "the client gets a token and reads", nothing, |bed| (bed.call(PATIENT_MS), Invocation::Authenticate);
        NotAuthenticated: "the OAuth client has no application user", |simulator| {
            simulator.revoke_tokens();
            simulator.set(|settings| settings.has_application_user = false);
        }, |bed| (bed.call(PATIENT_MS), Invocation::Authenticate);
        InvalidData: "the instance is empty", nothing, |bed| {
            (Call { instance: String::new(), ..bed.call(PATIENT_MS) }, Invocation::Authenticate)
        };
        Timeout: "the instance never answers", |simulator| fault(simulator, "GET", Effect::Hang), |bed| {
            impatient((bed.call(PATIENT_MS), Invocation::Authenticate))
        };
        Error: "nobody has that authorization", nothing, |bed| of_nobody((bed.call(PATIENT_MS), Invocation::Authenticate));
    });
    scenarios!(scenarios, "create", CreateOutcome, {
        IncidentCreated: "the instance takes the record", nothing, |bed| a_create(bed, &[("short_description", "Printer on fire"), ("urgency", "1")]);
        InvalidData: "the request body is a JSON array", nothing, |bed| {
            (bed.call(PATIENT_MS), Invocation::Create(RequestBody::Json("[]".to_string()), create()))
        };
        InvalidChoice: "urgency 9 is checked against its choices", nothing, |bed| {
            let options = CreateOptions { choice_check: Some("base".to_string()), ..create() };
            (bed.call(PATIENT_MS), Invocation::Create(columns(&[("urgency", "9")]), options))
        };
        BadRequest: "the instance answers 400", |simulator| fault(simulator, "POST", Effect::status(400)), |bed| a_create(bed, &[("urgency", "1")]);
        NotFound: "the instance answers 404", |simulator| fault(simulator, "POST", Effect::status(404)), |bed| a_create(bed, &[("urgency", "1")]);
        CreateIncidentFailure: "a data policy wants code and notes (403)", nothing, |bed| a_create(bed, &[("state", "6")]);
        Timeout: "the instance never answers", |simulator| fault(simulator, "POST", Effect::Hang), |bed| impatient(a_create(bed, &[("urgency", "1")]));
        Error: "nobody has that authorization", nothing, |bed| of_nobody(a_create(bed, &[("urgency", "1")]));
    });
    scenarios!(scenarios, "get", GetOutcome, {
        GetIncidentSuccess: "the number exists", nothing, |bed| a_get(bed, "number", &bed.number);
        InvalidData: "the number would end the query", nothing, |bed| a_get(bed, "number", "INC1^ORactive=true");
        InvalidChoice: "an incident cannot be looked up by name", nothing, |bed| a_get(bed, "name", "Printer");
        IncidentNotFound: "no incident has that number", nothing, |bed| a_get(bed, "number", "INC9999999");
        AuthorizationFail: "the instance answers 401, twice", |simulator| fault(simulator, "GET", Effect::status(401)), |bed| a_get(bed, "sys_id", &bed.sys_id);
        GetIncidentFailure: "the instance answers 500", |simulator| fault(simulator, "GET", Effect::status(500)), |bed| a_get(bed, "number", &bed.number);
        Timeout: "the instance never answers", |simulator| fault(simulator, "GET", Effect::Hang), |bed| impatient(a_get(bed, "number", &bed.number));
        Error: "the authorization is for another instance", nothing, |bed| elsewhere(a_get(bed, "number", &bed.number));
    });
    scenarios!(scenarios, "update", UpdateOutcome, {
        IncidentUpdateSuccess: "the instance takes the change", nothing, |bed| an_update(bed, &[("urgency", "2"), ("work_notes", "looked at")]);
        InvalidData: "the sys_id is too short", nothing, |bed| {
            (bed.call(PATIENT_MS), Invocation::Update("1234".to_string(), columns(&[("urgency", "2")]), update()))
        };
        InvalidChoice: "the choice check is none of its choices", nothing, |bed| {
            let options = UpdateOptions { choice_check: Some("strict".to_string()), ..update() };
            (bed.call(PATIENT_MS), Invocation::Update(bed.sys_id.clone(), columns(&[("urgency", "2")]), options))
        };
        BadRequest: "the instance answers 400", |simulator| fault(simulator, "PATCH", Effect::status(400)), |bed| an_update(bed, &[("urgency", "2")]);
        IncidentNotFound: "no incident has that sys_id", nothing, |bed| {
            (bed.call(PATIENT_MS), Invocation::Update("0".repeat(32), columns(&[("urgency", "2")]), update()))
        };
        IncidentUpdateFailure: "a data policy wants code and notes (403)", nothing, |bed| an_update(bed, &[("state", "6")]);
        Timeout: "the instance never answers", |simulator| fault(simulator, "PATCH", Effect::Hang), |bed| impatient(an_update(bed, &[("urgency", "2")]));
        Error: "the same key stands twice", nothing, |bed| an_update(bed, &[("urgency", "1"), ("urgency", "2")]);
    });
    scenarios!(scenarios, "find", FindOutcome, {
        FindSuccess: "the query matches", nothing, |bed| a_find(bed, 10);
        InvalidData: "a page of 0 incidents", nothing, |bed| a_find(bed, 0);
        AuthorizationFail: "the instance answers 401, twice", |simulator| fault(simulator, "GET", Effect::status(401)), |bed| a_find(bed, 10);
        FindFailure: "the instance answers 403", |simulator| fault(simulator, "GET", Effect::status(403)), |bed| a_find(bed, 10);
        Timeout: "the instance never answers", |simulator| fault(simulator, "GET", Effect::Hang), |bed| impatient(a_find(bed, 10));
        Error: "the authorization is for another instance", nothing, |bed| elsewhere(a_find(bed, 10));
    });
    scenarios!(scenarios, "columns", ColumnsOutcome, {
        ColumnsSuccess: "the user may read the dictionary", nothing, |bed| (bed.call(PATIENT_MS), Invocation::Columns);
        InvalidData: "the instance is a path", nothing, |bed| {
            (Call { instance: "https://dev12345.service-now.com/nav_to.do".to_string(), ..bed.call(PATIENT_MS) }, Invocation::Columns)
        };
        AuthorizationFail: "the instance answers 401, twice", |simulator| fault(simulator, "GET", Effect::status(401)), |bed| (bed.call(PATIENT_MS), Invocation::Columns);
        ColumnsFailure: "the user may not read the dictionary (403)", |simulator| simulator.set(|settings| settings.reads_dictionary = false), |bed| (bed.call(PATIENT_MS), Invocation::Columns);
        Timeout: "the instance never answers", |simulator| fault(simulator, "GET", Effect::Hang), |bed| impatient((bed.call(PATIENT_MS), Invocation::Columns));
        Error: "nobody has that authorization", nothing, |bed| of_nobody((bed.call(PATIENT_MS), Invocation::Columns));
    });
    scenarios
}
