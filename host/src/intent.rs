//! What a call is for, so that it can do no more than that.

#[cfg(feature = "sync")]
use crate::event_sync::CallLedger;
use http::HeaderName;
use servicenow_core::set_up::SetUp;

/// What a call is for.
#[derive(Clone, Debug, Default)]
pub struct Intent {
    /// Whether it writes: a method that only reads sends no other request than GET to the instance.
    pub writes: bool,
    /// The set-up of the instance that it writes or looks at.
    pub set_up: Option<SetUp>,
    /// Headers that the operator's rules add to requests.
    pub headers: Vec<HeaderName>,
    /// The correlation id of a create, which its outcome names whatever ends it.
    pub correlation_id: Option<String>,
    /// What is remembered, for a component that asks.
    #[cfg(feature = "sync")]
    pub ledger: Option<CallLedger>,
}

impl Intent {
    /// To read.
    pub fn read() -> Self {
        Self::default()
    }

    /// To write.
    pub fn write() -> Self {
        Self { writes: true, ..Self::default() }
    }

    /// To create a record with this correlation id.
    pub fn create(correlation_id: String) -> Self {
        Self { correlation_id: Some(correlation_id), ..Self::write() }
    }

    /// To set the instance up, or to look at how it is set up.
    #[cfg(any(test, feature = "sync"))]
    pub fn set_up(set_up: SetUp, writes: bool) -> Self {
        Self { writes, set_up: Some(set_up), ..Self::default() }
    }
}
