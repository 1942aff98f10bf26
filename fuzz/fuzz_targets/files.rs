//! Anything at the path of a file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use servicenow_host::properties;

thread_local! {
    static FOLDER: tempfile::TempDir = tempfile::tempdir().expect("a folder");
}

fuzz_target!(|input: (u8, &[u8], u8)| {
    let (kind, content, max) = input;
    FOLDER.with(|folder| {
        properties::only_regular_files_are_read_and_only_ours_replaced(folder.path(), kind, content, max.into());
    });
});
