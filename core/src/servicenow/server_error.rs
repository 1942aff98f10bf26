//! ServiceNow's error envelope, and the reason behind an unsuccessful response.

use crate::bindings::types::Reason;
use crate::json::{Malformed, Reader, Value};
use crate::text::contains;

/// The error of ServiceNow's envelope, `{"error":{"message":..,"detail":..},"status":"failure"}`.
#[derive(Debug, Default, PartialEq)]
pub struct ServerError {
    /// What went wrong, in general.
    pub message: String,
    /// What went wrong, in particular.
    pub detail: Option<String>,
}

impl ServerError {
    /// Reads an error object; some endpoints have a text in its place. `None` for null.
    pub fn read(reader: &mut Reader<'_>) -> Result<Option<Self>, Malformed> {
        let mut error = Self::default();
        let value = reader.value()?;
        if value != Value::Object {
            reader.skip(&value)?;
            error.message = value.into_text().unwrap_or_default();
            return Ok(Some(error).filter(|error| !error.message.is_empty()));
        }
        while let Some(name) = reader.name()? {
            let text = reader.text()?;
            match &*name {
                "message" => error.message = text.unwrap_or_default(),
                "detail" => error.detail = text.filter(|text| !text.is_empty()),
                _ => {}
            }
        }
        Ok(Some(error))
    }

    /// The reason behind a refusal in ServiceNow's envelope. Texts are looked at only where the status leaves a choice,
    /// and the status's own reason stands where they say nothing known.
    pub fn reason(&self, status: u16) -> Reason {
        let says = |needle: &str| {
            contains(&self.message, needle) || self.detail.as_deref().is_some_and(|detail| contains(detail, needle))
        };
        match status {
            400 | 413 if says("rejected large rest payload") => Reason::RequestTooLarge,
            403 if says("unscoped api") => Reason::UnscopedClient,
            403 if says("data policy exception") => Reason::DataPolicy,
            403 if says("aborted by business rule") => Reason::BusinessRule,
            404 => Reason::NotFound,
            // After the reasons that quote a name: a rule may be called anything.
            _ if says("unique key violation") => Reason::Conflict,
            _ if says("transaction cancelled") => Reason::Cancelled,
            _ => of_status(status),
        }
    }
}

fn of_status(status: u16) -> Reason {
    match status {
        400 => Reason::BadRequest,
        401 => Reason::Unauthorized,
        403 => Reason::Forbidden,
        404 => Reason::NotFound,
        405 | 406 | 414 | 415 => Reason::UnsupportedRequest,
        409 => Reason::Conflict,
        413 => Reason::RequestTooLarge,
        429 => Reason::RateLimited,
        500..=599 => Reason::ServerError,
        _ => Reason::UnexpectedStatus,
    }
}

/// The reason where there is no envelope. A 401, 403, 429 or 5xx says enough by its status; anything else did not come
/// from the Table API.
pub fn reason_without_envelope(status: u16) -> Reason {
    match status {
        401 | 403 | 429 | 500..=599 => of_status(status),
        _ => Reason::NotJson,
    }
}
