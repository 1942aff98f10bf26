# The usual commands. `just --list` shows them.

# Format, lints and tests of the crates that need neither wasmtime nor a guest.
quick:
    cargo fmt --all --check
    cargo clippy -p servicenow-core -p servicenow-json -p servicenow-simulator --all-targets --locked -- --deny warnings
    cargo test -p servicenow-core -p servicenow-json -p servicenow-simulator --locked

# Every outcome of every method, against a simulator.
demo:
    cargo run -p host-test -- demo

# All tests but the slow ones.
test:
    cargo test --workspace --locked

# The slow tests: reproducible components.
slow:
    cargo test --workspace --locked -- --ignored the_components

# What CI runs.
full:
    .ci/run

# Licenses, advisories and sources of dependencies. Needs cargo-deny.
deny:
    cargo deny check

# The pages of the interface, written anew from wit/.
reference:
    WRITE_REFERENCE=1 cargo test -p host-test reference
    WRITE_REFERENCE=1 cargo test -p servicenow-sync published_schema
