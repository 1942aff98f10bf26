// What calls cost: `node measure.js ACCESS`, with what the simulator prints. Prints one line of JSON.

import { basic, createServiceNow } from "./dist/src/index.js";

const CALLS = 300;
const AT_ONCE = 64;

const { base_url: instance, username, password } = JSON.parse(process.argv[2] ?? "{}");
const started = performance.now();
const node = createServiceNow({ authorizations: { main: basic(instance, username, password) } });

async function create() {
  const call = { authorization: "main", instance, requestBody: { urgency: "2" }, timeoutMs: 60_000 };
  const began = performance.now();
  const outcome = await node.create(call);
  if (outcome.tag !== "incident-created") throw new Error(`a create ended in ${outcome.tag}`);
  return performance.now() - began;
}

async function atOnce(calls) {
  let begun = 0;
  const one = async () => {
    while (begun++ < calls) await create();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

await create();
const first_ms = performance.now() - started;
const times = [];
for (let at = 0; at < CALLS; at++) times.push(await create());
times.sort((a, b) => a - b);
await atOnce(AT_ONCE);
const began = performance.now();
await atOnce(5 * CALLS);
const per_second = (5_000 * CALLS) / (performance.now() - began);
await node.close();
console.log(
  JSON.stringify({
    version: process.version.slice(1),
    first_ms,
    p50_us: times[CALLS / 2] * 1000,
    per_second,
  }),
);
