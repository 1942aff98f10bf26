//! Processes that listen and push on one ledger, killed at random while agents work: in the end the consumer has each record's last
//! version and every comment.

use super::listen::{Bench, Listener};
use super::test_bed::alert;
use serde_json::{Value, json};
use servicenow_host::{Ledger, SqliteLedger};
use std::collections::{HashMap, HashSet};
use std::process::{Child, Stdio};
use std::time::Duration;
use tokio::time::timeout;

/// How many changes agents make. `SOAK_CHANGES` asks for another number.
const CHANGES: usize = 300;

/// How many changes a record has: the comments of the last minutes are known by their entries, and this is all within minutes.
const CHANGES_OF_A_RECORD: usize = 40;

/// How many changes lie between two kills.
const BETWEEN_KILLS: usize = 75;

/// How soon it is looked whether the outbox is empty where no event comes.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What the consumer took.
#[derive(Default)]
struct Taken {
    events: usize,
    versions: HashMap<String, u64>,
    comments: HashMap<String, usize>,
    ids: HashSet<String>,
    twice: usize,
}

impl Taken {
    fn take(&mut self, request: &str) {
        let (_, body) = request.split_once("\r\n\r\n").unwrap();
        let event: Value = serde_json::from_str(body).unwrap();
        let data = &event["data"];
        self.events += 1;
        self.twice += usize::from(!self.ids.insert(event["id"].as_str().unwrap().to_string()));
        let version = self.versions.entry(data["sys_id"].as_str().unwrap().to_string()).or_default();
        *version = (*version).max(data["version"].as_u64().unwrap());
        for comment in data["comments"].as_array().into_iter().flatten() {
            *self.comments.entry(comment.as_str().unwrap().to_string()).or_default() += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_are_killed_at_random_lose_no_change_and_no_comment() {
    let changes = std::env::var("SOAK_CHANGES").ok().and_then(|count| count.parse().ok()).unwrap_or(CHANGES);
    let mut bench = Bench::set().await;
    let mut random = fastrand::Rng::with_seed(7);
    let (listener, address) = bench.listen_at("first", "127.0.0.1:0").await;
    bench.deliver_to(&address).await;
    let listen_on = address.strip_prefix("http://").unwrap().to_string();
    let mut records = Vec::new();
    for _ in 0..changes.div_ceil(CHANGES_OF_A_RECORD) {
        records.push(bench.bed.agent("incident", json!({})).await["sys_id"].as_str().unwrap().to_string());
    }
    let mut listeners: [Option<Listener>; 2] = [Some(listener), None];
    let mut pushes: Vec<Child> = Vec::new();
    let (mut taken, mut kills) = (Taken::default(), 0);
    for at in 0..changes {
        if at % BETWEEN_KILLS == BETWEEN_KILLS - 1 {
            kills += 1;
            // The one that the instance delivers to, or one beside it; and a process that pushes, perhaps in the middle of it.
            let which = usize::from(random.bool());
            listeners[which] = None;
            let (name, place) = if which == 0 { ("first", listen_on.as_str()) } else { ("second", "127.0.0.1:0") };
            if random.bool() {
                pushes.iter_mut().for_each(|push| drop(push.kill()));
            }
            std::fs::write(bench.path("alert.json"), alert(9, "Info", "Trigger", &format!("pushed {at}"))).unwrap();
            let mut push = bench.command("push");
            push.arg("--rules").arg(bench.path("rules.json")).arg("--event").arg(bench.path("alert.json"));
            pushes.push(push.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
            listeners[which] = Some(bench.listen_at(name, place).await.0);
        }
        let path = format!("incident/{}", records[random.usize(..records.len())]);
        bench.bed.agent(&path, json!({"comments": format!("comment {at}")})).await;
        while let Ok((_, request)) = bench.taken.try_recv() {
            taken.take(&request);
        }
    }
    bench.bed.simulator.settled().await;
    pushes.into_iter().for_each(|mut push| drop(push.wait()));
    listeners[0] = None;
    // What was missed is read at the start, and what waits for the consumer goes out.
    let (_last, _) = bench.listen_at("last", &listen_on).await;
    let ledger = SqliteLedger::open(&bench.path("ledger.db")).unwrap();
    let told = |taken: &Taken| {
        let is_told = |row: &servicenow_simulator::Row| {
            // The process that pushes has its own incident, of which its own writes are no changes.
            !records.contains(&row["sys_id"].to_string())
                || taken.versions.get(&row["sys_id"]) == row["sys_mod_count"].parse().ok().as_ref()
        };
        bench.bed.simulator.rows("incident").iter().all(is_told)
            && (0..changes).all(|at| taken.comments.contains_key(&format!("comment {at}")))
    };
    while !told(&taken) || !ledger.names("events", "outbox/").unwrap().is_empty() {
        // A change that never comes lets this wait for ever, and the test's runner end it. The last event leaves the outbox a
        // moment after it was taken: then none follows, and it is looked again.
        if let Ok(request) = timeout(LOOK_AGAIN, bench.taken.recv()).await {
            taken.take(&request.unwrap().1);
        }
    }
    let own = bench.bed.simulator.rows("sys_journal_field");
    let own = own.iter().filter(|row| row["value"].starts_with("pushed ")).map(|row| row["value"].to_string());
    let own: Vec<_> = own.collect();
    assert_eq!(own.iter().collect::<HashSet<_>>().len(), own.len(), "no note was written twice: {own:?}");
    let often: usize = taken.comments.values().map(|times| times - 1).sum();
    println!(
        "{changes} changes, {kills} kills, {} events, {} of them twice, {often} comments again",
        taken.events, taken.twice
    );
    // What was sent and not noted before a kill comes again, for each of up to 16 records.
    assert!(taken.twice <= 16 * kills && often <= 64 * kills, "{} events and {often} comments came twice", taken.twice);
}
