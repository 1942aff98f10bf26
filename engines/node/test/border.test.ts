// The border of the sandbox: what may leave, components that lie, and that no secret crosses it.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { after, before, test } from "node:test";
import {
  basic,
  Broken,
  clientCredentials,
  createEventSync,
  createServiceNow,
  type Request,
  type Response,
  type Transport,
} from "../src/index.js";
import type { Failure } from "../src/outcomes.js";
import { Call } from "../src/calls.js";
import { Imports } from "../src/imports.js";
import * as plans from "../src/plans.js";
import { allowedCalls, EVENT_CALLS, headersOfRules, isAllowed } from "../src/policy.js";
import { Runner } from "../src/runner.js";
import { SUSPENDS } from "../src/threads.js";
import { read } from "../src/tokens.js";

const ORIGIN = "https://dev1.service-now.com";
const TABLE = `${ORIGIN}/api/now/table`;
const KEY = "0".repeat(32);
const main = basic(ORIGIN, "user", "password");

for (const [allowed, method, url] of [
  [true, "GET", `${TABLE}/incident?sysparm_query=a%3D..%2f`],
  [true, "POST", `${TABLE}/incident`],
  [true, "PATCH", `${TABLE}/incident/${KEY}`],
  [true, "GET", `${TABLE}/sys_properties?sysparm_query=name%3Dglide.sys.default.tz&sysparm_fields=value`],
  [false, "GET", `${TABLE}/sys_properties?sysparm_query=nameSTARTSWITHx`],
  [false, "GET", `${TABLE}/sys_properties?sysparm_query=name%3Dglide.sys.default.tz&sysparm_query=x`],
  [false, "GET", `${TABLE}/sys_properties/${KEY}?sysparm_query=name%3Dglide.sys.default.tz`],
  [false, "DELETE", `${TABLE}/incident/${KEY}`],
  [false, "POST", `${TABLE}/sys_user`],
  [false, "GET", `${TABLE}/incident_task`],
  [false, "GET", `http://dev1.service-now.com/api/now/table/incident`],
  [false, "GET", `https://dev1.service-now.com:8443/api/now/table/incident`],
  [false, "GET", `https://evil.example/api/now/table/incident`],
  [false, "GET", `${ORIGIN}@evil.example/api/now/table/incident`],
  [false, "GET", `${ORIGIN}.evil.example/api/now/table/incident`],
  [false, "GET", `${ORIGIN}/x/../api/now/table/incident`],
  [false, "GET", `${TABLE}/incident/..%2f..%2fsys_user`],
  [false, "GET", `${TABLE}/incident/..;/sys_user`],
  [false, "GET", `${TABLE}/incident//x`],
  [false, "GET", `${TABLE}/incident/batch`],
  [false, "POST", `${ORIGIN}/oauth_token.do`],
  [false, "GET", ORIGIN],
] as [boolean, Request["method"], string][]) {
  test(`${method} ${url} is ${allowed ? "allowed" : "refused"}`, () => {
    const request = { method, url, headers: [] };
    assert.equal(isAllowed(request, ORIGIN, allowedCalls(EVENT_CALLS), true), allowed);
    if (method !== "GET") assert.equal(isAllowed(request, ORIGIN, allowedCalls(EVENT_CALLS), false), false);
  });
}

test("an allowed call that is none is named, and rules add no header that changes what is called", () => {
  for (const text of [
    "GET",
    "GET api/now",
    "get /api/now/table/incident",
    "GET /api/../x",
    "GET /api/now/batch",
  ]) {
    assert.throws(() => allowedCalls([text]), /is no allowed call/);
  }
  const added = { "X-Site": "a", Authorization: "b", "x-http-method-override": "c", "X-Forwarded-Host": "d" };
  assert.deepEqual(headersOfRules(JSON.stringify({ headers: added })), ["x-site"]);
  for (const nothing of ["", "[]", "{}", '{"headers":[]}', "null"])
    assert.deepEqual(headersOfRules(nothing), []);
});

for (const [status, type, body, expected] of [
  [200, "application/json", '{"access_token":"t","expires_in":"60","scope":"s"}', "token"],
  [200, "application/json", '{"access_token":"t\\nx"}', "unreachable"],
  [200, "text/html", "Your instance is hibernating", "unreachable"],
  [302, "text/html", "", "unreachable"],
  [401, "application/json", '{"error":"invalid_client"}', "refused"],
  [401, "text/html", "", "refused"],
  [404, "text/html", "", "unreachable"],
  [429, "application/json", "{}", "unreachable"],
  [503, "text/html", "", "unreachable"],
] as [number, string, string, string][]) {
  test(`a token answer of ${status} ${type} ${body} is ${expected}`, () => {
    const answer = read({ status, headers: [["Content-Type", type]], body: Buffer.from(body) });
    assert.deepEqual(Object.keys(answer), [expected]);
  });
}

/** A transport that answers everything so, and remembers what it was asked. */
function answering(
  answer: (request: Request) => Response | Promise<Response>,
): Transport & { asked: Request[] } {
  const asked: Request[] = [];
  return {
    asked,
    async send(request) {
      asked.push(request);
      return answer(request);
    },
    close: async () => {},
  };
}

const json = (status: number, value: unknown): Response => ({
  status,
  headers: [["content-type", "application/json"]],
  body: Buffer.from(JSON.stringify(value)),
});

const SECRET = "canary-callback-secret";
const CANARIES: Record<string, string[]> = {
  client: ["canary-client-secret", "canary-bearer", SECRET],
  basic: ["canary-password", Buffer.from("user:canary-password").toString("base64"), SECRET],
};

test("no secret reaches the component, an outcome or a log", async (t) => {
  const crossed: unknown[] = [];
  const { Worker, MessagePort } = await import("node:worker_threads");
  for (const end of [Worker.prototype, MessagePort.prototype]) {
    const post = end.postMessage as (...messages: unknown[]) => void;
    t.mock.method(end, "postMessage", function (this: unknown, ...messages: unknown[]) {
      crossed.push(messages);
      post.apply(this, messages);
    });
  }
  let canaries: string[] = [];
  // An instance that repeats every secret it is sent.
  const transport = answering((request) => {
    if (request.url.endsWith("/oauth_token.do")) {
      return json(200, { access_token: "canary-bearer", expires_in: 60, scope: "s" });
    }
    const said = `${JSON.stringify(request.headers)} ${canaries.join(" ")}`;
    const answer = json(400, { error: { message: said, detail: said } });
    return { ...answer, headers: [...answer.headers, ["retry-after", said], ["set-cookie", said]] };
  });
  const authorizations = {
    client: { ...clientCredentials(ORIGIN, "id", "canary-client-secret"), callbackSecrets: [SECRET] },
    basic: { ...basic(ORIGIN, "user", "canary-password"), callbackSecrets: [SECRET] },
  };
  const log = (message: string) => crossed.push(message);
  const node = createServiceNow({ authorizations, transport, log });
  const sync = createEventSync({ authorizations, transport, log });
  const outcomes: unknown[] = [];
  for (const [authorization, known] of Object.entries(CANARIES)) {
    canaries = known;
    const call = { authorization, instance: ORIGIN };
    outcomes.push(await node.create({ ...call, requestBody: { short_description: "x" } }));
    outcomes.push(await node.authenticate(call));
    const rules = { name: "R", correlation_id: "{{ id }}", body: { short_description: "{{ title }}" } };
    outcomes.push(await sync.push({ ...call, rules, event: { id: 1, title: "x" } }));
    const headers: [string, string][] = [
      ["x-callback-secret", SECRET],
      ["cookie", SECRET],
    ];
    const body = Buffer.from(JSON.stringify({ sys_id: KEY, note: SECRET }));
    outcomes.push(await sync.deliver({ authorization, headers, body }, () => {}));
  }
  await node.close();
  await sync.close();
  assert.match(JSON.stringify(transport.asked), /canary-client-secret.*Bearer canary-bearer/s);
  const shown = (value: unknown) =>
    JSON.stringify(value, (_, one: unknown) =>
      ArrayBuffer.isView(one) ? Buffer.from(one.buffer).toString("latin1") : one,
    );
  const everything = shown([crossed, outcomes]);
  assert.match(everything, /short_description/);
  for (const canary of Object.values(CANARIES).flat()) assert.ok(!everything.includes(canary), canary);
});

test("a transport that throws, or never answers, proves nothing", async () => {
  for (const [send, reason] of [
    [() => Promise.reject(new Error("hush")), "lost"],
    [() => new Promise<Response>(() => {}), "deadline"],
  ] as [() => Promise<Response>, string][]) {
    const said: string[] = [];
    const transport = { send, close: async () => {} };
    const node = createServiceNow({
      authorizations: { main },
      transport,
      log: (message) => said.push(message),
    });
    const update = { authorization: "main", instance: ORIGIN, sysId: KEY, requestBody: { urgency: "1" } };
    const outcome = await node.update({ ...update, timeoutMs: 500 });
    await node.close();
    const failure = outcome.val as Failure;
    assert.deepEqual([failure.reason, failure.writeHappened], [reason, "unknown"]);
    assert.ok(!JSON.stringify([outcome, said]).includes("hush"));
  }
});

test("a wrong token address and a secret that is none end in an error, and the process goes on", async () => {
  for (const [known, reason] of [
    [clientCredentials(ORIGIN, "id", "secret", { tokenUrl: "no address" }), "connect"],
    [clientCredentials(ORIGIN, "id", undefined as unknown as string), "denied-by-host"],
  ] as [typeof main, string][]) {
    const node = createServiceNow({ authorizations: { main: known }, log: () => {} });
    const outcome = await node.authenticate({ authorization: "main", instance: ORIGIN });
    await node.close();
    const { failure, ...plain } = outcome.val as { failure?: Failure } & Failure;
    assert.equal((failure ?? plain).reason, reason, JSON.stringify(outcome));
  }
});

test("half a surrogate pair is no text: two keys would become one", async () => {
  const node = createServiceNow({ authorizations: { main }, transport: answering(() => json(500, {})) });
  const call = { authorization: "main", instance: ORIGIN };
  const half = "\ud800";
  for (const [inputs, field] of [
    [{ requestBody: { urgency: "2" }, correlationId: half }, "correlation_id"],
    [{ requestBody: { [half]: "2" } }, "request_body"],
    [{ requestBody: [["urgency", half]] }, "request_body"],
  ] as [object, string][]) {
    const outcome = await node.create({ ...call, ...inputs } as never);
    assert.equal(outcome.tag, "invalid-data");
    assert.equal(outcome.val[0]?.field, field);
  }
  await node.close();
});

test("calls that waited in vain take no place from those who wait on", { skip: SUSPENDS }, async () => {
  const places = 4 * availableParallelism();
  const body = `const ends = Date.now() + (parameters[0].timeoutMs > 1500 ? 400 : 0); while (Date.now() < ends); return { tag: "done" }`;
  const { runner } = await lying(body);
  const slow = () => runner.run({ ...get, timeoutMs: 5_000 });
  const running = Array.from({ length: places }, slow);
  const vain = Array.from({ length: 5 }, () => runner.run({ ...get, timeoutMs: 100 }));
  const patient = [slow(), slow()];
  const tags = async (calls: Promise<{ outcome: unknown }>[]) =>
    (await Promise.all(calls)).map(({ outcome }) => (outcome as { tag: string }).tag);
  assert.deepEqual(new Set(await tags(vain)), new Set(["timeout"]));
  assert.deepEqual(new Set(await tags([...running, ...patient])), new Set(["done"]));
  await runner.close();
});

test("bytes that are no text reach the component as they are", async () => {
  const garbled = { ...json(200, {}), body: Buffer.from([0xff, 0xfe, 0xfd]) };
  const node = createServiceNow({ authorizations: { main }, transport: answering(() => garbled) });
  const outcome = await node.get({ authorization: "main", instance: ORIGIN, kind: "number", value: "INC1" });
  await node.close();
  assert.equal((outcome.val as Failure).reason, "not-json");
});

let folder: string;
let lies = 0;

before(async () => (folder = await mkdtemp(join(tmpdir(), "servicenow-"))));
after(() => rm(folder, { recursive: true }));

/** A runner of a component that does this: a function body over `imports` and the parameters of the call. */
async function lying(body: string, transport = answering(() => json(200, {}))) {
  const place = join(folder, String(++lies));
  await mkdir(place);
  await writeFile(join(place, "package.json"), '{"type":"module"}');
  const text = `export function instantiate(module, imports) {
    const [credentials, transport, ledger] = ["credentials", "transport", "ledger"].map((name) => imports["servicenow:plugin/" + name]);
    const request = { method: "get", url: "${TABLE}/incident", headers: [], withinMs: 60000n };
    const run = async (...parameters) => { ${body} };
    const blocking = (...parameters) => { ${body.replaceAll("await ", "")} };
    return { incidents: Object.fromEntries(["get", "update"].map((name) => [name, ${SUSPENDS} ? run : blocking])) };
  }`;
  await writeFile(join(place, "servicenow.js"), text);
  const said: string[] = [];
  const outside = { authorizations: { main, other: main }, transport, allowed: allowedCalls(EVENT_CALLS) };
  const runner = new Runner(pathToFileURL(place), { ...outside, log: (message) => said.push(message) });
  return { runner, transport, said };
}

const get = plans.get({
  authorization: "main",
  instance: ORIGIN,
  kind: "number",
  value: "INC1",
  timeoutMs: 1_000,
});
const update = plans.update({
  authorization: "main",
  instance: ORIGIN,
  sysId: KEY,
  requestBody: { urgency: "1" },
  timeoutMs: 1_000,
});

for (const [what, send] of [
  ["to another origin", `await transport.send({ ...request, url: "https://evil.example/x" })`],
  ["that writes, in a method that reads", `await transport.send({ ...request, method: "post" })`],
  [
    "with a header of its own",
    `await transport.send({ ...request, headers: [{ name: "cookie", value: "a" }] })`,
  ],
  [
    "with a header that ends early",
    `await transport.send({ ...request, headers: [{ name: "accept", value: "a\\r\\nx: b" }] })`,
  ],
  [
    "with headers that are too large",
    `await transport.send({ ...request, headers: [{ name: "accept", value: "a".repeat(1e6) }] })`,
  ],
  [
    "with a body that is too large",
    `await transport.send({ ...request, method: "post", body: { tag: "text", val: "a".repeat(11e6) } })`,
  ],
]) {
  test(`a request ${what} does not leave`, async () => {
    const plan = what === "with a body that is too large" ? update : get;
    const { runner, transport } = await lying(
      `try { ${send}; return { tag: "left" } } catch ({ payload }) { return { tag: payload.reason, val: payload.notSent } }`,
    );
    const { outcome } = await runner.run(plan);
    await runner.close();
    assert.deepEqual(outcome, { tag: "denied-by-host", val: true });
    assert.deepEqual(transport.asked, []);
  });
}

for (const [what, body, says] of [
  ["another's credential", `await credentials.get("other")`, "unknown-authorization"],
  ["a ledger that there is none of", `await ledger.known("main", "a")`, undefined],
  ["something that there is none of", `await transport.fly()`, undefined],
] as [string, string, string | undefined][]) {
  test(`a component that asks for ${what} gets nothing`, async () => {
    const { runner } = await lying(
      `try { ${body} } catch (error) { if (!error.payload) throw error; return { tag: error.payload.tag } }`,
    );
    const { outcome } = await runner.run(get);
    await runner.close();
    const { tag, val } = outcome as { tag: string; val: Failure };
    if (says === undefined) assert.deepEqual([tag, val.reason], ["error", "limit"]);
    else assert.equal(tag, says);
  });
}

test("a component that computes for ever ends at the deadline, and its thread with it", async () => {
  const { runner } = await lying(`for (;;);`);
  const started = performance.now();
  const { outcome } = await runner.run({ ...get, timeoutMs: 200 });
  assert.ok(performance.now() - started < 400, `it took ${performance.now() - started} ms`);
  assert.equal((outcome as { tag: string }).tag, "timeout");
  await runner.close();
});

test(
  "where threads are shared, other calls end with their thread, and say what had left",
  { skip: !SUSPENDS },
  async () => {
    const body = `if (parameters[0].timeoutMs < 300) for (;;);
    await transport.send({ ...request, method: "patch", url: request.url + "/${KEY}" }); for (;;);`;
    const { runner, transport } = await lying(
      body,
      answering(() => new Promise<Response>(() => {})),
    );
    const others = Array.from({ length: availableParallelism() }, () =>
      runner.run({ ...update, timeoutMs: 20_000 }),
    );
    while (transport.asked.length < others.length) await new Promise((go) => setTimeout(go, 5));
    const { outcome } = await runner.run({ ...get, timeoutMs: 200 });
    assert.equal((outcome as { tag: string }).tag, "timeout");
    const { outcome: other } = await Promise.race(others);
    const { reason, writeHappened, retry } = (other as { val: Failure }).val;
    assert.deepEqual([reason, writeHappened, retry], ["limit", "unknown", "look-up-first"]);
    await runner.close();
  },
);

test("a component that waits for the host when its time is over ends at the deadline, and in no trap", async () => {
  const { runner } = await lying(
    `await credentials.get("main"); await transport.send(request);`,
    answering(() => new Promise<Response>(() => {})),
  );
  const cases = new Set<string>();
  // The timers of a call and of what it asks for end in the same millisecond, in either order.
  for (let timeoutMs = 50; timeoutMs < 100; timeoutMs += 1) {
    const { outcome } = await runner.run({ ...get, timeoutMs });
    cases.add((outcome as { tag: string }).tag);
  }
  await runner.close();
  assert.deepEqual([...cases], ["timeout"]);
});

test("a call that was given up sends nothing any more", async () => {
  const transport = answering(() => json(200, {}));
  const imports = new Imports({
    authorizations: { main },
    transport,
    allowed: allowedCalls(EVENT_CALLS),
    log: () => {},
  });
  const call = new Call(update, performance.now() + 5_000);
  await imports.answer(call, "get", ["main"]);
  const { writeHappened } = call.ended("limit", "its thread was ended");
  const patch = { method: "patch", url: `${TABLE}/incident/${KEY}`, headers: [], withinMs: 1_000n };
  await assert.rejects(imports.answer(call, "send", [patch]), {
    payload: { reason: "deadline", notSent: true },
  });
  assert.deepEqual([writeHappened, transport.asked], ["no", []]);
  const other = new Call(update, performance.now() + 5_000);
  await imports.answer(other, "get", ["main"]);
  await imports.answer(other, "send", [patch]);
  assert.equal(transport.asked.length, 1);
});

test("a refused write leaves no doubt, and one that may have left does", async () => {
  for (const [notSent, expected] of [
    [true, "no"],
    [false, "unknown"],
  ] as [boolean, string][]) {
    const transport = answering(() => Promise.reject(new Broken("lost", notSent)));
    const { runner } = await lying(
      `await credentials.get("main"); try { await transport.send({ ...request, method: "patch", url: request.url + "/${KEY}" }) } catch {} throw new Error("a trap")`,
      transport,
    );
    const { outcome } = await runner.run(update);
    await runner.close();
    assert.equal((outcome as { val: Failure }).val.writeHappened, expected);
  }
});
