//! Ansible's collection servicenow.itsm against the simulator: a playbook whose tasks are checks.
//!
//! ansible-core comes from PyPI, by a lock file. The collection is in no package registry but Ansible's own. Where that cannot be
//! reached the check is not run, and says so.

use super::python::{CLIENTS, with};
use anyhow::Context;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The collection, at the release that is tried.
const COLLECTION: &str = "servicenow.itsm:==2.15.1";

/// Names a folder that holds `ansible_collections/servicenow/itsm`, in place of the one that is installed.
const FOLDER: &str = "ANSIBLE_COLLECTIONS_PATH";

/// What a playbook run came to.
pub struct Played {
    /// Each task, and whether it passed.
    pub checks: Vec<(bool, String)>,
    /// Whether the playbook ran to its end.
    pub ended_well: bool,
}

/// Plays the playbook, with what a simulator says of itself as variables. `Err` says why it is not run.
pub fn play(installed: &Path, ready: &Path) -> anyhow::Result<Result<Played, String>> {
    let python = with(&installed.join("ansible"), &format!("{CLIENTS}/ansible/requirements.lock"))?;
    let program = |name: &str| python.with_file_name(name);
    let folder = match std::env::var_os(FOLDER) {
        Some(folder) => PathBuf::from(folder),
        None => installed.join("collections"),
    };
    let home = installed.join("ansible-home");
    std::fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
    if !folder.join("ansible_collections/servicenow/itsm/MANIFEST.json").is_file()
        && !folder.join("ansible_collections/servicenow/itsm/galaxy.yml").is_file()
    {
        let mut install = Command::new(program("ansible-galaxy"));
        install.args(["collection", "install", COLLECTION, "--no-deps", "--timeout", "10", "--collections-path"]);
        let ended =
            environment(install.arg(&folder), &home, &folder).output().context("ansible-galaxy does not start")?;
        if !ended.status.success() {
            return Ok(Err(format!(
                "{COLLECTION} cannot be had from Ansible Galaxy; name a folder with it in {FOLDER}"
            )));
        }
    }
    let mut playbook = Command::new(program("ansible-playbook"));
    let variables = format!("@{}", ready.display());
    playbook.args(["--extra-vars", &variables]).arg(format!("{CLIENTS}/ansible/itsm.yml"));
    let ended = environment(&mut playbook, &home, &folder).output().context("ansible-playbook does not start")?;
    eprint!("{}", String::from_utf8_lossy(&ended.stderr));
    let printed = String::from_utf8_lossy(&ended.stdout);
    if !ended.status.success() {
        eprint!("{printed}");
    }
    Ok(Ok(Played { checks: checks(&printed), ended_well: ended.status.success() }))
}

/// Keeps Ansible within a folder, on loopback, and from what the machine's user has set up.
fn environment<'c>(command: &'c mut Command, home: &Path, collections: &Path) -> &'c mut Command {
    let within = |name: &str| home.join(name);
    // A file of its own: Ansible takes no other than one that ends in .cfg.
    let configuration = within("ansible.cfg");
    let _ = std::fs::write(&configuration, "");
    for (name, path) in [
        ("HOME", home.to_path_buf()),
        ("TMPDIR", home.to_path_buf()),
        ("XDG_CACHE_HOME", within("cache")),
        ("ANSIBLE_HOME", within("ansible")),
        ("ANSIBLE_CONFIG", configuration),
        ("ANSIBLE_LOCAL_TEMP", within("tmp")),
        ("ANSIBLE_REMOTE_TEMP", within("remote")),
        ("ANSIBLE_ASYNC_DIR", within("async")),
        (FOLDER, collections.to_path_buf()),
    ] {
        command.env(name, path);
    }
    for (name, value) in [
        ("ANSIBLE_COLLECTIONS_SCAN_SYS_PATH", "False"),
        ("ANSIBLE_LOCALHOST_WARNING", "False"),
        ("ANSIBLE_INVENTORY_UNPARSED_WARNING", "False"),
        ("ANSIBLE_NOCOLOR", "1"),
        ("PYTHONDONTWRITEBYTECODE", "1"),
        ("LC_ALL", "C.UTF-8"),
        ("NO_PROXY", "127.0.0.1"),
    ] {
        command.env(name, value);
    }
    command.env_remove("SN_HOST").env_remove("SN_USERNAME").env_remove("SN_PASSWORD")
}

/// The tasks that a run prints, and how each ended: `TASK [name]`, and then `ok:`, `changed:` or `fatal:`.
fn checks(printed: &str) -> Vec<(bool, String)> {
    let mut checks: Vec<(bool, String)> = Vec::new();
    let mut task = None;
    for line in printed.lines() {
        let ended = ["ok: ", "changed: "].iter().any(|start| line.starts_with(start));
        if let Some(name) = line.strip_prefix("TASK [").and_then(|rest| rest.rsplit_once(']')) {
            task = Some(name.0.to_string());
        } else if ended || line.starts_with("fatal: ") || line.starts_with("failed: ") {
            match (task.take(), checks.last_mut()) {
                (Some(name), _) => checks.push((ended, name)),
                // A task that loops ends more than once.
                (None, Some(last)) => last.0 &= ended,
                (None, None) => {}
            }
        }
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_passed_where_it_is_ok_or_changed() {
        let printed = "PLAY [x] ***\n\nTASK [one [1]] *****\nok: [localhost]\n\nTASK [two] ***\nchanged: [localhost]\n\
                       TASK [three] ***\nok: [localhost] => (item=a)\nok: [localhost] => (item=b)\n\
                       TASK [loop] ***\nok: [localhost] => (item=a)\nfailed: [localhost] => (item=b)\n\
                       TASK [four] ***\nfatal: [localhost]: FAILED! =>\n  ok: no\n";
        let expected = [(true, "one [1]"), (true, "two"), (true, "three"), (false, "loop"), (false, "four")];
        assert_eq!(checks(printed), expected.map(|(passed, name)| (passed, name.to_string())));
    }
}
