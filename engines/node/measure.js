// What a call costs: `node measure.js ACCESS`, with what the simulator prints. Prints one line of JSON.

import { basic, createServiceNow } from "./dist/src/index.js";

const CALLS = 100;

const access = JSON.parse(process.argv[2] ?? "{}");
const started = performance.now();
const credentials = () => basic(access.base_url, access.username, access.password);
const node = createServiceNow({ credentials });

async function create() {
  const call = { authorization: "main", instance: access.base_url, requestBody: { urgency: "2" } };
  const began = performance.now();
  const outcome = await node.create(call);
  if (outcome.tag !== "incident-created") throw new Error(`a create ended in ${outcome.tag}`);
  return performance.now() - began;
}

await create();
const firstMs = performance.now() - started;
const times = [];
for (let at = 0; at < CALLS; at++) times.push(await create());
await node.close();
times.sort((a, b) => a - b);
console.log(
  JSON.stringify({ version: process.version.slice(1), first_ms: firstMs, call_ms: times[CALLS / 2] }),
);
