// Times creates by Node's fetch: one line of JSON, as `bench --peers` reads it.
const CALLS = 1000;
const AT_ONCE = 64;

const origin = process.argv[2];
const body = JSON.stringify({ short_description: "Printer on fire", correlation_id: "bench" });
const headers = {
    accept: "application/json",
    "content-type": "application/json",
    authorization: "Bearer canned-access-token",
};

async function create() {
    const answer = await fetch(`${origin}/api/now/table/incident`, { method: "POST", headers, body });
    const { result } = await answer.json();
    if (answer.status !== 201 || !result.number) throw new Error(`answered ${answer.status}`);
}

async function atOnce(calls) {
    let begun = 0;
    const one = async () => {
        while (begun++ < calls) await create();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, one));
}

const times = [];
for (let at = 0; at < CALLS + 100; at += 1) {
    const started = performance.now();
    await create();
    if (at >= 100) times.push((performance.now() - started) * 1000);
}
times.sort((left, right) => left - right);
await atOnce(AT_ONCE);
const started = performance.now();
await atOnce(5 * CALLS);
const per_second = (5_000 * CALLS) / (performance.now() - started);
console.log(JSON.stringify({ p50_us: times[CALLS / 2], per_second }));
