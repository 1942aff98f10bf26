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
