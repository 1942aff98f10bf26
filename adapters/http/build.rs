//! Reads the schemas of what methods return from the interface, for the OpenAPI document.

use servicenow_json::schema::describe;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The interfaces whose functions are served.
const SERVED: [&str; 5] = ["incidents", "authorization", "manifest", "push", "mapping"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit");
    println!("cargo::rerun-if-changed={}", wit.display());
    let described = describe(&wit, &SERVED)?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("schemas.json"), described.to_string())?;
    Ok(())
}
