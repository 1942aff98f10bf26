//! How the outcomes of the methods name the end of a call: one macro, so that each method is one table.

/// Maps a [`CallError`](crate::failure::CallError) to the case of an outcome. The table names the case of values outside their
/// declared choices, of a credential that could not be had, of each status with a case of its own, and of every other
/// rejection; invalid inputs, the deadline and what could not be invoked have the same case in every outcome.
#[macro_export]
macro_rules! outcome_of_errors {
    ($outcome:ident {
        choice => $choice:ident,
        no_credential => $no_credential:ident,
        $($status:literal => $case:ident,)*
        rejected => $rejected:ident $(,)?
    }) => {
        impl From<$crate::failure::CallError> for $outcome {
            fn from(error: $crate::failure::CallError) -> Self {
                use $crate::failure::CallError;
                match error {
                    CallError::InvalidData(violations) => $outcome::InvalidData(violations),
                    CallError::InvalidChoice(violations) => $outcome::$choice(violations),
                    CallError::NoCredential(failure, _) => $outcome::$no_credential(failure),
                    CallError::Rejected(failure) => match failure.status {
                        $(Some($status) => $outcome::$case(failure),)*
                        _ => $outcome::$rejected(failure),
                    },
                    CallError::Timeout(failure) => $outcome::Timeout(failure),
                    CallError::Error(failure) => $outcome::Error(failure),
                }
            }
        }
    };
}
