// Event sync and the other methods against the simulator.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  clientCredentials,
  createEventSync,
  createServiceNow,
  memoryLedger,
  sqliteLedger,
  type Authorization,
  type Change,
  type EventSync,
  type Ledger,
  type ServiceNow,
} from "../src/index.js";
import { startSimulator, type Simulator } from "./simulator.js";

const SECRET = "a-callback-secret-of-the-tests";
const hasSqlite = process.getBuiltinModule?.("node:sqlite") !== undefined;

let simulator: Simulator;
let main: Authorization;
let call: { authorization: string; instance: string };
let node: ServiceNow;
let sync: EventSync;
let folder: string;

before(async () => {
  simulator = await startSimulator();
  const { base_url, client_id, client_secret } = simulator.access;
  main = { ...clientCredentials(base_url, client_id, client_secret), callbackSecrets: [SECRET] };
  call = { authorization: "main", instance: base_url };
  node = createServiceNow({ authorizations: { main } });
  sync = createEventSync({ authorizations: { main } });
  folder = await mkdtemp(join(tmpdir(), "servicenow-"));
});

after(async () => {
  await node.close();
  await sync.close();
  simulator.stop();
  await rm(folder, { recursive: true });
});

function rules(more: object = {}) {
  return { name: "R", correlation_id: "node-{{ id }}", body: { short_description: "{{ title }}" }, ...more };
}

function delivery(sysId: string, count: number) {
  const current = { state: "2", sys_updated_on: `2026-01-01 00:00:0${count}` };
  const told = { sys_id: sysId, number: "INC0010001", sys_mod_count: String(count), table: "incident" };
  const body = Buffer.from(JSON.stringify({ ...told, action: "update", current }));
  const headers: [string, string][] = [["X-Callback-Secret", SECRET]];
  return { authorization: "main", headers, body };
}

const fail = () => assert.fail("it was handed on");

test("a page is found, columns are read, the authorization works, and the node describes itself", async () => {
  const made = await node.create({ ...call, requestBody: { short_description: "To be found" } });
  assert.equal(made.tag, "incident-created");
  const found = await node.find({ ...call, query: `number=${made.val.number}`, limit: 1 });
  assert.equal(found.tag, "find-success");
  assert.deepEqual([found.val.incidents[0]?.sysId, found.val.total], [made.val.sysId, 1]);
  const columns = await node.columns(call);
  assert.equal(columns.tag, "columns-success");
  const state = columns.val.find((column) => column.name === "state");
  assert.ok(state?.choices.some(({ value, label }) => value === "6" && label === "Resolved"));
  const access = await node.authenticate(call);
  assert.equal(access.tag, "authenticated");
  const methods = (await node.describe()).methods.map(({ name }) => name);
  assert.deepEqual(methods.slice(0, 3), ["create", "get", "update"]);
});

test("a wrong secret is not authenticated, with the causes", async () => {
  const wrong = clientCredentials(call.instance, simulator.access.client_id, "not the secret");
  const other = createServiceNow({ authorizations: { main: wrong } });
  const outcome = await other.authenticate(call);
  await other.close();
  assert.equal(outcome.tag, "not-authenticated");
  assert.equal(outcome.val.failure.status, 401);
});

test("a preview shows what is sent, and wrong inputs are named", async () => {
  const mapped = await sync.preview({ rules: rules(), event: { id: 1, title: "Disk full" } });
  assert.equal(mapped.tag, "mapped");
  assert.equal(JSON.parse(mapped.val.body).short_description, "Disk full");
  const filtered = await sync.preview({ rules: rules({ mode: "manual" }), event: { id: 1, title: "x" } });
  assert.equal(filtered.tag, "filtered-out");
  const loop: Record<string, unknown> = {};
  loop["loop"] = loop;
  const refused = await sync.preview({ rules: rules(), event: loop });
  assert.equal(refused.tag, "invalid-data");
  assert.equal(refused.val[0]?.field, "event");
  const places = await sync.paths({ id: 1 });
  assert.equal(places.tag, "paths");
  assert.deepEqual(
    places.val.map(({ path, kind }) => [path, kind]),
    [["id", "number"]],
  );
});

test("an event of many alerts is pushed one by one, and not at once", async () => {
  const many = rules({
    for_each: { path: "alerts", as: "alert" },
    correlation_id: "each-{{ alert.id }}",
    body: { short_description: "{{ alert.id }} in {{ region }}" },
  });
  const event = { region: "eu", alerts: [{ id: "disk" }, { id: "cpu" }] };
  const held = await sync.items({ rules: many, event });
  assert.equal(held.tag, "items");
  assert.deepEqual(
    held.val.map((text) => JSON.parse(text).alert.id),
    ["disk", "cpu"],
  );
  for (const expected of ["created", "unchanged"]) {
    const tags: string[] = [];
    for await (const outcome of sync.pushEach({ ...call, rules: many, event })) tags.push(outcome.tag);
    assert.deepEqual(tags, [expected, expected]);
  }
  assert.equal((await sync.push({ ...call, rules: many, event })).tag, "invalid-data");
});

test("a preview warns by the columns of the instance", async () => {
  const known = await node.columns(call);
  assert.equal(known.tag, "columns-success");
  const event = { id: 1, title: "x".repeat(200) };
  for (const [columns, fields] of [
    [[], []],
    [known.val, ["short_description"]],
  ] as const) {
    const mapped = await sync.preview({ rules: rules(), event, columns: [...columns] });
    assert.equal(mapped.tag, "mapped");
    assert.deepEqual(
      mapped.val.warnings.map(({ field }) => field),
      fields,
    );
  }
});

test("an event creates, is repeated, changes and recovers", async () => {
  const byStatus = rules({ status: { path: "status" } });
  for (const [title, status, expected] of [
    ["Disk full", "Trigger", "created"],
    ["Disk full", "Trigger", "unchanged"],
    ["Disk fuller", "Trigger", "updated"],
    ["Disk fuller", "Closed", "resolved"],
  ]) {
    const outcome = await sync.push({ ...call, rules: byStatus, event: { id: "life", title, status } });
    assert.equal(outcome.tag, expected, JSON.stringify(outcome));
  }
});

test("a delivery is handed on once, and remembered where it was taken", async () => {
  const handed: Change[] = [];
  const given = delivery("a".repeat(32), 1);
  await assert.rejects(
    sync.deliver(given, () => Promise.reject(new Error("the consumer is down"))),
    /the consumer is down/,
  );
  const first = await sync.deliver(given, async (change) => handed.push(change));
  const again = await sync.deliver(given, (change) => handed.push(change));
  assert.deepEqual([first.tag, again.tag], ["accepted", "duplicate"]);
  assert.deepEqual(
    handed.map(({ sysId, modCount }) => [sysId, modCount]),
    [["a".repeat(32), 1]],
  );
});

for (const [what, headers] of [
  ["no secret", []],
  ["a wrong one", [["x-callback-secret", "wrong"]]],
  ["one of the same length", [["x-callback-secret", "b" + SECRET.slice(1)]]],
  [
    "it twice",
    [
      ["x-callback-secret", SECRET],
      ["X-Callback-Secret", SECRET],
    ],
  ],
] as [string, [string, string][]][]) {
  test(`a delivery with ${what} is not read`, async () => {
    const verdict = await sync.deliver({ authorization: "main", headers, body: Buffer.from("{") }, fail);
    assert.equal(verdict.tag, "unauthenticated");
  });
}

test("the delivery of an own write is an echo, and what deliveries missed is read without own writes", async () => {
  const read = (handed: Change[]) =>
    sync.changes({ ...call, tables: ["incident"], overlapSeconds: 0 }, (change) => handed.push(change));
  assert.equal((await read([])).tag, "changes-page");
  const made = await node.create({ ...call, requestBody: { short_description: "By a person" } });
  const pushed = await sync.push({ ...call, rules: rules(), event: { id: "own", title: "By this host" } });
  assert.ok(made.tag === "incident-created" && pushed.tag === "created");
  const echo = await sync.deliver(delivery(pushed.val.sysId, pushed.val.version!), fail);
  assert.equal(echo.tag, "echo");
  const handed: Change[] = [];
  assert.equal((await read(handed)).tag, "changes-page");
  const keys = handed.map(({ sysId }) => sysId);
  assert.ok(keys.includes(made.val.sysId) && !keys.includes(pushed.val.sysId), JSON.stringify(keys));
  const later: Change[] = [];
  await read(later);
  assert.deepEqual(later, []);
});

test("a ledger that cannot be used ends the push before anything is written", async () => {
  const broken: Ledger = { ...memoryLedger(), replace: () => Promise.reject(new RangeError("hush")) };
  const host = createEventSync({ authorizations: { main }, ledger: broken });
  const asked = (await simulator.requests()).length;
  const outcome = await host.push({ ...call, rules: rules(), event: { id: "full", title: "x" } });
  await host.close();
  assert.equal(outcome.tag, "error");
  assert.equal(outcome.val.message, "the ledger cannot be used: RangeError");
  assert.equal((await simulator.requests()).length, asked);
});

test("a ledger that hangs keeps no push beyond its deadline, and one that cannot let go changes no outcome", async () => {
  const never = new Promise<never>(() => {});
  for (const [replace, expected] of [
    [() => never, "timeout"],
    [undefined, "created"],
  ] as [Ledger["replace"] | undefined, string][]) {
    const known = memoryLedger();
    const sealed: Ledger["replace"] = (authorization, name, before, after) =>
      after === undefined
        ? Promise.reject(new Error("read-only"))
        : known.replace(authorization, name, before, after);
    const host = createEventSync({
      authorizations: { main },
      ledger: { ...known, replace: replace ?? sealed },
    });
    const started = performance.now();
    const push = {
      ...call,
      rules: rules(),
      event: { id: `hangs ${expected}`, title: "x" },
      timeoutMs: 1_000,
    };
    const outcome = await host.push(push);
    await host.close();
    assert.equal(outcome.tag, expected, JSON.stringify(outcome));
    assert.ok(performance.now() - started < 1_500);
  }
});

test("rules that are none are named", async () => {
  const loop: Record<string, unknown> = {};
  loop["loop"] = loop;
  for (const refused of [
    await sync.deliver({ ...delivery("c".repeat(32), 1), rules: loop }, fail),
    await sync.changes({ ...call, rules: loop }, fail),
  ]) {
    assert.equal(refused.tag, "invalid-data");
    assert.equal(refused.val[0]?.field, "rules");
  }
});

test("a file that another process writes blocks nobody here", { skip: !hasSqlite }, async () => {
  const path = join(folder, "busy.db");
  const ledger = sqliteLedger(path);
  const sqlite = process.getBuiltinModule("node:sqlite") as unknown as {
    DatabaseSync: new (path: string) => { exec(sql: string): void; close(): void };
  };
  const other = new sqlite.DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  const replaced = ledger.replace("main", "a", undefined, "b");
  const started = performance.now();
  await new Promise((go) => setTimeout(go, 50));
  assert.ok(performance.now() - started < 300, "the loop stood still");
  other.exec("COMMIT");
  assert.equal(await replaced, true);
  other.close();
});

for (const [what, ledger] of [
  ["memory", memoryLedger],
  ...(hasSqlite ? [["SQLite", () => sqliteLedger(join(folder, "texts.db"))]] : []),
] as [string, () => Ledger][]) {
  test(`texts are replaced in ${what} where they are what they were`, async () => {
    const { get, replace, names } = ledger();
    for (const [before, after, replaced, now] of [
      ["x", "1", false, undefined],
      [undefined, undefined, true, undefined],
      [undefined, "1", true, "1"],
      [undefined, "2", false, "1"],
      ["x", undefined, false, "1"],
      ["1", "\u{1f525} 2", true, "\u{1f525} 2"],
      ["\u{1f525} 2", undefined, true, undefined],
    ] as [string | undefined, string | undefined, boolean, string | undefined][]) {
      assert.equal(await replace("main", "a/1", before, after), replaced, `${before} -> ${after}`);
      assert.equal(await get("main", "a/1"), now);
    }
    for (const name of ["b/2", "b/10", "b%", "c/1"]) await replace("main", name, undefined, "");
    assert.deepEqual(await names("main", "b/"), ["b/10", "b/2"]);
    assert.deepEqual(await names("main", "b%"), ["b%"]);
    assert.equal(await get("other", "b/2"), undefined);
  });
}

test("a push is remembered in a file by whoever opens it next", { skip: !hasSqlite }, async () => {
  for (const expected of ["created", "unchanged"]) {
    const ledger = sqliteLedger(join(folder, "events.db"));
    const host = createEventSync({ authorizations: { main }, ledger });
    const outcome = await host.push({ ...call, rules: rules(), event: { id: "file", title: "Disk full" } });
    await host.close();
    assert.equal(outcome.tag, expected);
  }
});

test("a Node.js without SQLite says what to do", { skip: hasSqlite }, () => {
  assert.throws(() => sqliteLedger(join(folder, "none.db")), /take version 22.13 or later/);
});
