//! A component that checks its host from inside the sandbox. It has the world of the incident node: a host that runs `servicenow.wasm`
//! runs this one. The `short_description` of a create names a check; `incident-created` says that the duty was kept, and
//! `create-incident-failure` what the host did instead. `engines/host-checks.json` lists the checks, `docs/hosts.md` the duties.

#[cfg(target_arch = "wasm32")]
mod checks;
#[cfg(target_arch = "wasm32")]
mod export;
