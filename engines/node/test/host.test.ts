// The component in Node.js, against the simulator: every outcome, the deadline, and what goes wrong with credentials.

import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import {
  basic,
  bearer,
  clientCredentials,
  createServiceNow,
  type Credentials,
  type Get,
  type ServiceNow,
} from "../src/index.js";
import { Threads } from "../src/threads.js";
import type { Order } from "../src/worker.js";

/** A case of `engines/scenarios.json`. */
interface Scenario {
  method: "create" | "get" | "update";
  case: string;
  story: string;
  fault?: object;
  inputs: Inputs;
}

/** The inputs as the manifest names them. */
interface Inputs {
  authorization: string;
  instance: string;
  timeout_ms?: number;
  request_body?: { case: "json"; value: string } | { case: "fields"; value: [string, string][] };
  sys_id?: string;
  kind?: string;
  value?: string;
  choice_check?: string;
}

const hostTest = process.env["HOST_TEST"] ?? "../../target/debug/host-test";
const scenarios = JSON.parse(await readFile("../scenarios.json", "utf8")) as Scenario[];

let simulator: ChildProcess;
let access: {
  base_url: string;
  client_id: string;
  client_secret: string;
  username: string;
  password: string;
};
let node: ServiceNow;
let incident: { number: string; sysId: string };

function known(): Credentials {
  const granted = clientCredentials(access.base_url, access.client_id, access.client_secret);
  return (name) => (name === "main" ? granted : undefined);
}

/** A host for one test, with these credentials. */
async function withHost<T>(credentials: Credentials, use: (host: ServiceNow) => Promise<T>): Promise<T> {
  const host = createServiceNow({ credentials });
  try {
    return await use(host);
  } finally {
    await host.close();
  }
}

async function faults(method: "POST" | "DELETE", fault?: object): Promise<void> {
  const body = fault === undefined ? null : JSON.stringify(fault);
  const answer = await fetch(`${access.base_url}/simulator/faults`, { method, body });
  assert.equal(answer.status, 200, await answer.text());
}

before(async () => {
  simulator = spawn(hostTest, ["simulator"], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: simulator.stdout! });
  access = JSON.parse(((await once(lines, "line")) as [string])[0]);
  node = createServiceNow({ credentials: known() });
  const created = await node.create({
    authorization: "main",
    instance: access.base_url,
    requestBody: { short_description: "A first" },
  });
  assert.equal(created.tag, "incident-created");
  incident = created.val;
});

after(async () => {
  await node.close();
  simulator.kill();
});

/** Calls a method by the names of the manifest. */
function invoke(scenario: Scenario) {
  const filled = JSON.stringify(scenario.inputs)
    .replaceAll("{instance}", access.base_url)
    .replaceAll("{number}", incident.number)
    .replaceAll("{sys_id}", incident.sysId);
  const inputs = JSON.parse(filled) as Inputs;
  const { authorization, instance } = inputs;
  const call = {
    authorization,
    instance,
    ...(inputs.timeout_ms === undefined ? {} : { timeoutMs: inputs.timeout_ms }),
  };
  const options = inputs.choice_check === undefined ? {} : { choiceCheck: inputs.choice_check as "base" };
  if (scenario.method === "get") {
    return node.get({ ...call, kind: inputs.kind as Get["kind"], value: inputs.value! });
  }
  const requestBody = inputs.request_body!.value;
  return scenario.method === "create"
    ? node.create({ ...call, ...options, requestBody })
    : node.update({ ...call, ...options, sysId: inputs.sys_id!, requestBody });
}

for (const scenario of scenarios) {
  test(`${scenario.method} ends in ${scenario.case}: ${scenario.story}`, async () => {
    if (scenario.fault !== undefined) await faults("POST", scenario.fault);
    try {
      assert.equal((await invoke(scenario)).tag, scenario.case);
    } finally {
      await faults("DELETE");
    }
  });
}

test("a receipt is read back as an incident", async () => {
  const call = { authorization: "main", instance: access.base_url };
  const created = await node.create({ ...call, requestBody: { short_description: "Printer on fire" } });
  assert.equal(created.tag, "incident-created");
  const read = await node.get({ ...call, kind: "number", value: created.val.number });
  assert.equal(read.tag, "get-incident-success");
  const description = read.val.fields.find((field) => field.name === "short_description");
  assert.equal(description?.value, "Printer on fire");
  assert.equal(description?.displayValue, "Printer on fire");
});

test("a create with the same correlation id makes one incident", async () => {
  const create = () =>
    node.create({
      authorization: "main",
      instance: access.base_url,
      requestBody: { short_description: "Once" },
      correlationId: "node-once",
    });
  const [first, second] = [await create(), await create()];
  assert.equal(first.tag, "incident-created");
  assert.equal(second.tag, "incident-created");
  assert.equal(second.val.sysId, first.val.sysId);
  assert.deepEqual([first.val.made, second.val.made], ["created", "found"]);
});

test("a component that does not keep its deadline is ended, and the next call works", async () => {
  await faults("POST", { method: "GET", effect: "hang", times: 1 });
  const threads = new Threads();
  const call = { authorization: "main", instance: access.base_url, timeoutMs: 60_000 };
  const granted = basic(access.base_url, access.username, access.password);
  const parameters = [call, { kind: "number", value: incident.number }];
  const order: Order = { method: "get", parameters, authorization: "main", granted };
  // A thread of its own is there by then: what is timed is the call.
  await threads.run(
    { ...order, parameters: [{ ...call, timeoutMs: 1 }, parameters[1]] },
    performance.now() + 5_000,
  );
  const started = performance.now();
  assert.deepEqual(await threads.run(order, started + 300), { late: true, begun: true });
  assert.ok(performance.now() - started < 400, `it took ${performance.now() - started} ms`);
  await faults("DELETE");
  const next = await threads.run(order, performance.now() + 5_000);
  assert.ok("outcome" in next && next.outcome.tag === "get-incident-success", JSON.stringify(next));
  await threads.close();
});

test("a host that was closed says so, and ends what runs", async () => {
  await faults("POST", { method: "GET", effect: "hang", times: 1 });
  const host = createServiceNow({ credentials: known() });
  const get = {
    authorization: "main",
    instance: access.base_url,
    kind: "number" as const,
    value: incident.number,
  };
  const running = host.get(get);
  await host.close();
  for (const outcome of [await running, await host.get(get)]) {
    assert.equal(outcome.tag, "error");
  }
  await faults("DELETE");
});

test("credentials may be obtained asynchronously, and are asked for anew after a 401", async () => {
  const asked: boolean[] = [];
  const credentials: Credentials = async (_name, refused) => {
    asked.push(refused);
    const { base_url, username, password } = access;
    return refused ? basic(base_url, username, password) : bearer(base_url, "expired");
  };
  const outcome = await withHost(credentials, (host) =>
    host.get({ authorization: "main", instance: access.base_url, kind: "number", value: incident.number }),
  );
  assert.equal(outcome.tag, "get-incident-success");
  assert.deepEqual(asked, [false, true]);
});

for (const [what, credentials, reason] of [
  [
    "credentials that throw",
    () => {
      throw new Error("hush");
    },
    "denied-by-host",
  ],
  [
    "credentials that reject",
    async () => {
      throw new Error("hush");
    },
    "denied-by-host",
  ],
  ["a secret with a line break", () => bearer(access.base_url, "hush\nx-evil: 1"), "denied-by-host"],
  ["no credentials of that name", () => undefined, "unknown-authorization"],
] as [string, Credentials, string][]) {
  test(`${what} end in an error, and the secret is in none`, async () => {
    const outcome = await withHost(credentials, (host) =>
      host.get({ authorization: "main", instance: access.base_url, kind: "number", value: incident.number }),
    );
    assert.equal(outcome.tag, "error", JSON.stringify(outcome));
    assert.equal(outcome.val.reason, reason);
    assert.ok(!JSON.stringify(outcome).includes("hush"));
  });
}

test("credentials that never come end at the deadline", async () => {
  const outcome = await withHost(
    () => new Promise(() => {}),
    (host) =>
      host.create({
        authorization: "main",
        instance: access.base_url,
        requestBody: { urgency: "1" },
        timeoutMs: 200,
      }),
  );
  assert.equal(outcome.tag, "timeout");
  assert.equal(outcome.val.writeHappened, "no");
});

test("a hundred calls at once each get their own outcome within the usual deadline", async () => {
  const call = { authorization: "main", instance: access.base_url };
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, (_, at) =>
      node.create({ ...call, requestBody: { short_description: `No. ${at}` } }),
    ),
  );
  const keys = outcomes.map((outcome) =>
    outcome.tag === "incident-created" ? outcome.val.sysId : outcome.tag,
  );
  assert.equal(new Set(keys).size, 100, JSON.stringify(keys));
});

test("a correlation id in the request body is the call's", async () => {
  const call = { authorization: "main", instance: access.base_url };
  for (const requestBody of [{ correlation_id: "in-body" }, '{"correlation_id":"in-body"}']) {
    const outcome = await node.create({ ...call, requestBody });
    assert.equal(outcome.tag, "incident-created", JSON.stringify(outcome));
    assert.equal(outcome.val.correlationId, "in-body");
  }
});

test("a fresh header is asked for only where it helps, and an expired one is sent once", async () => {
  let asked = 0;
  const credentials: Credentials = () => (asked++, bearer(access.base_url, "expired"));
  await faults("DELETE");
  const call = { authorization: "main", instance: access.base_url };
  const outcome = await withHost(credentials, (host) =>
    host.update({ ...call, sysId: incident.sysId, requestBody: { work_notes: "once" } }),
  );
  assert.equal(outcome.tag, "incident-update-failure");
  assert.equal(outcome.val.writeHappened, "no");
  assert.equal(asked, 2);
});

for (const [what, inputs, field] of [
  ["a column that is no text", { requestBody: { urgency: 1 } }, "request_body"],
  ["a column that is a function", { requestBody: { urgency: () => 1 } }, "request_body"],
  ["no request body", {}, "request_body"],
  ["a deadline of nothing", { requestBody: {}, timeoutMs: 0 }, "timeout_ms"],
  ["a deadline that is no number", { requestBody: {}, timeoutMs: NaN }, "timeout_ms"],
  ["a choice check that is no text", { requestBody: {}, choiceCheck: 5 }, "choice_check"],
  ["nothing at all", undefined, "authorization"],
] as [string, object | undefined, string][]) {
  test(`${what} is refused by name, and nothing is sent`, async () => {
    const call = inputs && { authorization: "main", instance: access.base_url, ...inputs };
    const outcome = await node.create(call as never);
    assert.equal(outcome.tag, "invalid-data");
    assert.equal(outcome.val[0]?.field, field);
  });
}
