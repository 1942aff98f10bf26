//! Engines that nobody here wrote. Tests install nothing, so this one says which command does.

use clap::ValueEnum;
use host_test::lab::engines::Engine;
use servicenow_simulator::Simulator;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "it installs from npm, PyPI and crates.io; run: cargo run -p host-test -- engines"]
async fn the_component_runs_in_engines_that_others_wrote() {
    let simulator = Simulator::start(Default::default()).await.unwrap();
    let ran = tokio::task::spawn_blocking(move || {
        Engine::value_variants().iter().map(|engine| engine.run(&simulator)).collect::<Result<Vec<_>, _>>()
    });
    ran.await.unwrap().unwrap();
}
