// The template of a flow engine.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Engine, type Flow } from "../example/engine.js";
import { clientCredentials, createServiceNow, type ServiceNow } from "../src/index.js";
import { startSimulator, type Simulator } from "./simulator.js";

const FLOW = JSON.parse(readFileSync("../flow.json", "utf8")) as Flow;

let simulator: Simulator;
let node: ServiceNow;
let folder: string;

before(async () => {
  simulator = await startSimulator();
  const { base_url, client_id, client_secret } = simulator.access;
  node = createServiceNow({
    authorizations: { main: clientCredentials(base_url, client_id, client_secret) },
  });
  folder = mkdtempSync(join(tmpdir(), "servicenow-engine-"));
});

after(async () => {
  await node.close();
  simulator.stop();
  rmSync(folder, { recursive: true });
});

function engine(journal: string): Engine {
  const call = { authorization: "main", instance: simulator.access.base_url };
  return new Engine(node, call, join(folder, journal));
}

const TAKEN = [
  ["open", "incident-created"],
  ["raise", "incident-update-success"],
  ["read", "get-incident-success"],
];

test("outcomes are edges, and what may be repeated is", async () => {
  await simulator.faults({
    method: "POST",
    path: "/api/now/table/",
    times: 1,
    effect: { status: { status: 503 } },
  });
  assert.deepEqual(await engine("repeated.json").run(FLOW, "run-1"), TAKEN);
  await simulator.faults();
});

test("a run that was killed after its create goes on, and makes no second", async () => {
  const killed = engine("killed.json");
  await assert.rejects(killed.run({ start: "open", steps: {} }, "run-2"));
  // The create arrived, and the engine died before its journal knew.
  await killed.call("create", { requestBody: { short_description: "Printer on fire" } }, "run-2/open");
  assert.deepEqual(await engine("killed.json").run(FLOW, "run-3"), TAKEN);
  const journal = JSON.parse(readFileSync(join(folder, "killed.json"), "utf8"));
  assert.deepEqual([journal.run, journal.outcomes.open.val.made], ["run-2", "found"]);
});

for (const [what, inputs, says] of [
  ["a place that no step has", { sys_id: "{opne.sys_id}" }, /\{opne\.sys_id\} names no value/],
  ["a step that is come to twice", { sys_id: "", request_body: {} }, /to step raise a second time/],
] as const) {
  test(`a flow with ${what} ends in an error, and sends nothing`, async () => {
    const edges = { "invalid-data": "raise" };
    const flow = { start: "raise", steps: { raise: { method: "update", inputs, edges } } };
    const before = (await simulator.requests()).length;
    await assert.rejects(engine(`${what}.json`).run(flow, "run-4"), says);
    assert.equal((await simulator.requests()).length, before);
  });
}

test("a flow does not choose whose authorization it uses", async () => {
  const inputs = { authorization: "admin", instance: "dev99999", value: "INC9999999" };
  const flow = { start: "read", steps: { read: { method: "get", inputs, edges: {} } } };
  assert.deepEqual(await engine("other.json").run(flow, "run-5"), [["read", "incident-not-found"]]);
});

test("a last attempt that wrote nothing does not speak for an earlier one", async () => {
  const path = "/api/now/table/";
  await simulator.faults({ method: "POST", path, times: 1, effect: { "commit-then-delay": { ms: 9000 } } });
  await simulator.faults({ path, times: 100, effect: { status: { status: 429 } } });
  const call = { authorization: "main", instance: simulator.access.base_url, timeoutMs: 500 };
  const journal = join(folder, "doubt.json");
  await new Engine(node, call, journal).run(FLOW, "run-6");
  await simulator.faults();
  const { open } = JSON.parse(readFileSync(journal, "utf8")).outcomes;
  assert.deepEqual([open.val.reason, open.val.writeHappened], ["rate-limited", "unknown"]);
});
