//! Builds the components that the features `bundled` and `bundled-sync` compile into this crate.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "bundled")]
    bundled::build()?;
    Ok(())
}

#[cfg(feature = "bundled")]
mod bundled {
    use servicenow_artifacts::{Artifact, INPUTS, workspace};
    use std::error::Error;
    use std::path::PathBuf;
    use std::{env, fs};

    pub fn build() -> Result<(), Box<dyn Error>> {
        let (workspace, out) = (workspace(), PathBuf::from(env::var("OUT_DIR")?));
        for input in INPUTS {
            println!("cargo::rerun-if-changed={}", workspace.join(input).display());
        }
        // The target folder, of TARGET/PROFILE/build/PACKAGE/out: builds of other profiles find the compiled guests there.
        let target_dir = out.ancestors().nth(4).unwrap_or(&out).join("guests");
        let mut artifacts = vec![Artifact::NodeOverTransport];
        if cfg!(feature = "bundled-sync") {
            artifacts.push(Artifact::SyncOverTransport);
        }
        for artifact in artifacts {
            fs::write(out.join(artifact.file_name()), artifact.build(&workspace, &target_dir)?)?;
        }
        Ok(())
    }
}
