// The incident node against the simulator: every outcome, the deadline, and what goes wrong with authorizations.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import {
  basic,
  bearer,
  clientCredentials,
  createServiceNow,
  headers,
  type Authorization,
  type Authorizations,
  type Get,
  type ServiceNow,
} from "../src/index.js";
import { startSimulator, type Simulator } from "./simulator.js";

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

const scenarios = JSON.parse(await readFile("../scenarios.json", "utf8")) as Scenario[];

let simulator: Simulator;
let access: Simulator["access"];
let node: ServiceNow;
let incident: { number: string; sysId: string };

function main(): Authorization {
  return clientCredentials(access.base_url, access.client_id, access.client_secret);
}

/** A host for one test, with these authorizations. */
async function withHost<T>(
  authorizations: Authorizations,
  use: (host: ServiceNow) => Promise<T>,
  log: (message: string) => void = () => {},
): Promise<T> {
  const host = createServiceNow({ authorizations, log });
  try {
    return await use(host);
  } finally {
    await host.close();
  }
}

before(async () => {
  simulator = await startSimulator();
  access = simulator.access;
  const known = main();
  node = createServiceNow({ authorizations: (name) => (name === "main" ? known : undefined) });
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
  simulator.stop();
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
    return node.get({ ...call, kind: inputs.kind as NonNullable<Get["kind"]>, value: inputs.value! });
  }
  const requestBody = inputs.request_body!.value;
  return scenario.method === "create"
    ? node.create({ ...call, ...options, requestBody })
    : node.update({ ...call, ...options, sysId: inputs.sys_id!, requestBody });
}

for (const scenario of scenarios) {
  test(`${scenario.method} ends in ${scenario.case}: ${scenario.story}`, async () => {
    if (scenario.fault !== undefined) await simulator.faults(scenario.fault);
    try {
      assert.equal((await invoke(scenario)).tag, scenario.case);
    } finally {
      await simulator.faults();
    }
  });
}

test("a receipt is read back as an incident", async () => {
  const call = { authorization: "main", instance: access.base_url };
  const created = await node.create({ ...call, requestBody: { short_description: "Printer on fire" } });
  assert.equal(created.tag, "incident-created");
  const read = await node.get({ ...call, value: created.val.number });
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

test("a host that was closed says so, and ends what runs", async () => {
  await simulator.faults({ method: "GET", effect: "hang", times: 1 });
  const host = createServiceNow({ authorizations: { main: main() } });
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
  await simulator.faults();
});

test("a header may be obtained asynchronously, and is asked for anew after a 401", async () => {
  const asked: boolean[] = [];
  const { base_url, username, password } = access;
  const good = basic(base_url, username, password).credential as { name: string; value: string };
  const known = headers(base_url, async (refused) => {
    asked.push(refused);
    return refused ? good : { name: "authorization", value: "Bearer expired" };
  });
  const outcome = await withHost({ main: known }, (host) =>
    host.get({ authorization: "main", instance: base_url, kind: "number", value: incident.number }),
  );
  assert.equal(outcome.tag, "get-incident-success");
  assert.deepEqual(asked, [false, true]);
});

for (const [what, authorizations, reason] of [
  [
    "a function that throws",
    () => {
      throw new Error("hush");
    },
    "denied-by-host",
  ],
  [
    "a function that rejects",
    async () => {
      throw new Error("hush");
    },
    "denied-by-host",
  ],
  ["a secret with a line break", () => bearer(access.base_url, "hush\nx-evil: 1"), "denied-by-host"],
  ["no authorization of that name", () => undefined, "unknown-authorization"],
] as [string, Authorizations, string][]) {
  test(`${what} end in an error, and the secret is in none`, async () => {
    const said: string[] = [];
    const outcome = await withHost(authorizations, (host) =>
      host.get({ authorization: "main", instance: access.base_url, kind: "number", value: incident.number }),
    );
    assert.equal(outcome.tag, "error", JSON.stringify(outcome));
    assert.equal(outcome.val.reason, reason);
    assert.ok(!JSON.stringify([outcome, said]).includes("hush"));
  });
}

test("an authorization that never comes ends at the deadline", async () => {
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

test("a header that stays refused is sent twice, and nothing is written", async () => {
  let asked = 0;
  const expired = { name: "authorization", value: "Bearer expired" };
  const known = headers(access.base_url, () => (asked++, expired));
  const call = { authorization: "main", instance: access.base_url };
  const outcome = await withHost({ main: known }, (host) =>
    host.update({ ...call, sysId: incident.sysId, requestBody: { work_notes: "once" } }),
  );
  assert.equal(outcome.tag, "incident-update-failure");
  assert.equal(outcome.val.writeHappened, "no");
  assert.equal(asked, 2);
});

test("a column that is no text is named", async () => {
  const loop: Record<string, unknown> = { short_description: "x" };
  loop["loop"] = loop;
  for (const [requestBody, given] of [
    [{ short_description: "x", urgency: 2 }, '"urgency": 2'],
    [loop, '"loop": a value of type object'],
  ]) {
    const outcome = await node.create({
      authorization: "main",
      instance: access.base_url,
      requestBody,
    } as never);
    assert.equal(outcome.tag, "invalid-data");
    assert.equal(outcome.val[0]?.given, given);
  }
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
