//! The ledger test, shorter than `host-test soak`.

use host_test::lab::soak::Plan;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_calls_are_told_is_what_the_instance_holds() {
    let seed = fastrand::u64(..);
    let plan = Plan { calls: 1_500, concurrency: 200, seed };
    let verdict = plan.run(&crate::support::host(""), Default::default(), |_| {}).await.unwrap();
    assert_eq!(verdict.contradictions, Vec::<String>::new(), "seed {seed}");
    assert!(verdict.is_good(), "seed {seed}: {:.0} ms late", verdict.late_p999_ms);
    assert_eq!(verdict.calls, 1_500, "seed {seed}");
    // On a calm day nearly all of them would succeed, and under faults many still do.
    let succeeded = |outcome: &str| verdict.outcomes.get(outcome).copied().unwrap_or_default();
    for outcome in ["create incident-created", "update incident-update-success", "get get-incident-success"] {
        assert!(succeeded(outcome) > 100, "seed {seed}: {:?}", verdict.outcomes);
    }
}
