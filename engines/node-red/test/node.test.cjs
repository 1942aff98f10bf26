"use strict";

// The nodes in Node-RED's own test helper, on a simulator.
const assert = require("node:assert/strict");
const { mkdtempSync, rmSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { after, afterEach, before, describe, it } = require("node:test");
const helper = require("node-red-node-test-helper");
const servicenow = require("../nodes/servicenow.js");
const { portsOf } = require("../resources/form.js");
const scenarios = require("../../scenarios.json");
const { startSimulator } = require("./simulator.cjs");

helper.init(require.resolve("node-red"));

let simulator, methods, credentials, incident, folder;

const edgesOf = (name) => portsOf(methods.find((method) => method.name === name));

/** A flow with one node, and something that listens at each of its ports. */
function flowOf(method, fields, more = {}, edges = edgesOf(method)) {
  const { base_url: instance } = simulator.access;
  const heard = edges.map((edge) => ({ id: edge, z: "f", type: "helper", wires: [] }));
  return [
    { id: "f", type: "tab" },
    { id: "main", type: "servicenow-authorization", grant: "client-credentials", instance },
    {
      ...{ id: "n", z: "f", type: "servicenow", authorization: "main", method, fields, edges },
      wires: edges.map((edge) => [edge]),
      ...more,
    },
    ...heard,
    { id: "guard", z: "f", type: "catch", scope: null, wires: [["caught"]] },
    { id: "caught", z: "f", type: "helper", wires: [] },
  ];
}

/** Sends a message through the node of a flow: where it came out, and as what. */
async function sent(flow, message = {}, known = credentials) {
  await helper.load(servicenow, flow, known);
  const heard = flow.filter(({ type }) => type === "helper");
  const came = heard.map(
    ({ id }) =>
      new Promise((resolve) => helper.getNode(id).once("input", (msg) => resolve({ port: id, msg }))),
  );
  helper.getNode("n").receive(message);
  return Promise.race(came);
}

const text = (value) => ({ type: "str", value });
const columns = (named) => ({
  type: "columns",
  value: Object.entries(named).map(([name, value]) => ({ name, type: "str", value })),
});

before(async () => {
  simulator = await startSimulator();
  credentials = { main: { user: simulator.access.client_id, secret: simulator.access.client_secret } };
  folder = mkdtempSync(join(tmpdir(), "servicenow-node-red-"));
  await new Promise((resolve) => helper.startServer(resolve));
  await helper.load(servicenow, [{ id: "f", type: "tab" }]);
  methods = (await helper.request().get("/servicenow/manifest").expect(200)).body;
  await helper.unload();
  const made = await sent(flowOf("create", { request_body: columns({ short_description: "A first" }) }));
  incident = made.msg.payload;
  await helper.unload();
});

afterEach(async () => {
  await helper.unload();
  await simulator.heal();
});

after(async () => {
  await new Promise((resolve) => helper.stopServer(resolve));
  simulator.stop();
  rmSync(folder, { recursive: true });
});

/** Scenarios that a form cannot have: a node has the instance and the name of its own authorization. */
const OTHERS = ["nobody has that authorization", "the authorization is for another instance"];
describe("each outcome leaves by the port of its name", () => {
  const said = scenarios.filter(({ story }) => !OTHERS.includes(story));
  for (const { method, case: expected, story, fault, inputs } of said) {
    it(`${method}: ${expected}: ${story}`, async () => {
      if (fault) await simulator.fault(fault);
      const { instance: _instance, authorization: _authorization, ...own } = inputs;
      const fields = {};
      for (const [name, value] of Object.entries(own)) {
        const given = typeof value === "string" ? value : (value.value ?? value);
        const filled =
          typeof given === "string"
            ? given.replace(/\{(\w+)\}/g, (_, key) => incident[key] ?? incident.sysId)
            : given;
        fields[name] = Array.isArray(filled)
          ? { type: "columns", value: filled.map(([name, value]) => ({ name, type: "str", value })) }
          : { type: "str", value: filled };
      }
      const flow = flowOf(method, fields);
      const { port, msg } = await sent(flow, { topic: "kept" });
      assert.equal(port, expected, JSON.stringify(msg.payload));
      assert.equal(msg.outcome, expected);
      assert.equal(msg.topic, "kept");
      assert.notEqual(msg.payload, undefined);
    });
  }
});

it("values come from the message, the environment and expressions", async () => {
  process.env.SERVICENOW_TEST_URGENCY = "1";
  const body = [
    { name: "short_description", type: "jsonata", value: "$uppercase(payload.what)" },
    { name: "urgency", type: "env", value: "SERVICENOW_TEST_URGENCY" },
    { name: "impact", type: "num", value: "2" },
  ];
  const inputs = {
    request_body: { type: "columns", value: body },
    correlation_id: { type: "msg", value: "payload.id" },
  };
  const { port, msg } = await sent(flowOf("create", inputs), { payload: { what: "hot", id: "alert-1" } });
  assert.equal(port, "incident-created", JSON.stringify(msg.payload));
  assert.equal(msg.payload.correlationId, "alert-1");
  const row = (await simulator.tables()).incident.find(({ number }) => number === msg.payload.number);
  assert.deepEqual([row.short_description, row.urgency, row.impact], ["HOT", "1", "2"]);
});

it("the same correlation id makes one incident, and without one each message makes another", async () => {
  const body = columns({ short_description: "Once" });
  const made = [];
  for (const inputs of [{ request_body: body, correlation_id: text("k") }, { request_body: body }]) {
    for (let time = 0; time < 2; time++) {
      const { msg } = await sent(flowOf("create", inputs), { _msgid: "same" });
      made.push(msg.payload.number);
      await helper.unload();
    }
  }
  assert.equal(made[0], made[1]);
  assert.equal(new Set(made).size, 3);
});

it("a whole request body is an object or a text, and numbers in it stay numbers", async () => {
  for (const [type, value] of [
    ["json", '{"urgency": 1, "short_description": "whole"}'],
    ["msg", "payload"],
  ]) {
    const payload = { urgency: 1, short_description: "whole" };
    const { port, msg } = await sent(flowOf("create", { request_body: { type, value } }), { payload });
    assert.equal(port, "incident-created", JSON.stringify(msg.payload));
    await helper.unload();
  }
});

it("the status says the outcome", async () => {
  const flow = flowOf("get", { value: text(incident.number) });
  await helper.load(servicenow, flow, credentials);
  const said = new Promise((resolve) =>
    helper.getNode("n").on("call:status", ({ args: [status] }) => status.fill === "green" && resolve(status)),
  );
  helper.getNode("n").receive({});
  assert.match((await said).text, /^get-incident-success \d+ ms$/);
});

it("a field that is left empty is not sent, of whatever type it is", async () => {
  const empty = Object.fromEntries(
    ["num", "bool", "str", "msg", "jsonata", "choice"].map((type) => [type, { type, value: "" }]),
  );
  for (const [type, field] of Object.entries(empty)) {
    const fields = { value: text(incident.number), timeout_ms: field, kind: field };
    const { port, msg } = await sent(flowOf("get", fields));
    assert.equal(port, "get-incident-success", `${type}: ${JSON.stringify(msg.payload)}`);
    await helper.unload();
  }
});

it("an instance that cannot be reached leaves by the port error", async () => {
  const flow = flowOf("get", { value: text("INC1") });
  flow[1].instance = "http://127.0.0.1:1";
  const { port, msg } = await sent(flow);
  assert.equal(port, "error");
  assert.equal(msg.payload.writeHappened, "no");
});

describe("a wrong set-up is told to catch nodes, with what to do", () => {
  const cases = {
    "no authorization is chosen": [
      () => flowOf("get", { value: text("INC1") }, { authorization: "" }),
      "no authorization: open the node and choose one",
    ],
    "the secret is missing": [
      () => flowOf("get", { value: text("INC1") }),
      "the authorization has no client-secret: open it and fill it in",
      { main: { user: "x" } },
    ],
    "the instance is missing": [
      () =>
        flowOf("get", { value: text("INC1") }).map((node) =>
          node.id === "main" ? { ...node, instance: "" } : node,
        ),
      "the authorization names no instance: give an id such as dev12345",
    ],
    "the correlation id is empty for a message": [
      () =>
        flowOf("create", {
          request_body: columns({ urgency: "2" }),
          correlation_id: { type: "msg", value: "alert" },
        }),
      "Correlation Id: it is empty for this message",
    ],
    "the correlation id among the columns is empty for a message": [
      () => {
        const row = { name: "correlation_id", type: "msg", value: "alert" };
        return flowOf("create", { request_body: { type: "columns", value: [row] } });
      },
      "correlation_id: it is empty for this message",
    ],
    "the ports of a flow that was written by hand are none": [
      () => flowOf("get", { value: text("INC1"), kind: null }, { edges: null }),
      "incident-not-found has no port",
    ],
    "the instance is not https": [
      () =>
        flowOf("get", { value: text("INC1") }).map((node) =>
          node.id === "main" ? { ...node, instance: "http://remote.example.com" } : node,
        ),
      "the instance http://remote.example.com is not https",
    ],
    "a required field is empty": [() => flowOf("get", {}), "Incident Id: give a value;"],
    "the method is gone": [() => flowOf("drop", {}, {}, ["error"]), "the method drop is not known"],
    "an outcome has no port": [
      () => flowOf("get", { value: text("INC9999999") }, {}, ["get-incident-success"]),
      "incident-not-found has no port: open the node and deploy it again",
    ],
  };
  for (const [story, [flow, says, known]] of Object.entries(cases)) {
    it(story, async () => {
      const { port, msg } = await sent(flow(), {}, known);
      assert.equal(port, "caught");
      assert.match(msg.error.message, new RegExp(says.replace(/[()]/g, "\\$&")));
    });
  }
});

describe("an authorizations file", () => {
  const load = async (toml, entry = "main") => {
    const { fromFile } = await import("../lib/authorizations.mjs");
    const file = join(folder, "authorizations.toml");
    writeFileSync(file, toml);
    return fromFile(file, entry);
  };

  it("gives an authorization by its name", async () => {
    const { base_url, client_id, client_secret } = simulator.access;
    const file = join(folder, "used.toml");
    writeFileSync(join(folder, "secret"), `${client_secret}\n`);
    writeFileSync(
      file,
      `[authorizations.prod]\ninstance = "${base_url}"\ngrant = "client-credentials"\nclient-id = "${client_id}"\nclient-secret = { file = "secret" }\nallow-http-loopback = true\n`,
    );
    const flow = flowOf("get", { value: text(incident.number) });
    flow[1] = { id: "main", type: "servicenow-authorization", grant: "file", file, entry: "prod" };
    const { port, msg } = await sent(flow, {}, {});
    assert.equal(port, "get-incident-success", JSON.stringify(msg.payload));
  });

  it("says what is wrong with it and shows no secret", async () => {
    const start = '[authorizations.main]\ninstance = "dev12345"\n';
    for (const [toml, entry, says] of [
      [
        `${start}grant = "basic"\nusername = "u"\npassword = "hunter2"`,
        "other",
        "has no authorization other; it has main",
      ],
      [`${start}grant = "basic"\nusername = "u"`, "main", "has no password"],
      [`${start}grant = "basic"\nusername = "u"\npassword = ""`, "main", "password in"],
      [
        `${start}grant = "basic"\nusername = "u"\npassword = "hunter2"\nallowed-calls = ["GET /x"]`,
        "main",
        "main has allowed-calls, which Node-RED does not enforce: remove it",
      ],
      [
        '[authorizations.main]\ninstance = "http://127.0.0.1:1"\ngrant = "bearer"\ntoken = "hunter2"',
        "main",
        "is not https: add allow-http-loopback = true",
      ],
      ["authorizations = 'text'", "main", "has no table [authorizations.NAME]"],
      [start, "main", "has no grant: give client-credentials"],
      ['[authorizations.main]\ninstance = "dev1:80"\ngrant = "bearer"\ntoken = "hunter2"', "main", "dev1:80"],
      [
        '[authorizations.main]\ninstance = "https://a.example/x"\ngrant = "bearer"\ntoken = "hunter2"',
        "main",
        "https://a.example/x is not valid",
      ],
      ...["sso.example.com/oauth", 5, "http://sso.example.com/oauth"].map((url) => [
        `${start}grant = "client-credentials"\nclient-id = "c"\nclient-secret = "hunter2"\ntoken-url = ${JSON.stringify(url)}`,
        "main",
        `the token-url ${url} is not`,
      ]),
      [`${start}grant = "constructor"`, "main", "the grant constructor is not known"],
      [`${start}grant = "password"\npassword = "hunter2"`, "main", "the grant password is not known"],
      [`${start}grant = "basic"\npassword = hunter2`, "main", "is not TOML: look at line 4"],
      [
        `${start}grant = "bearer"\ntoken = { env = "SERVICENOW_TEST_NONE" }`,
        "main",
        "SERVICENOW_TEST_NONE, which is not set",
      ],
      [`${start}grant = "bearer"\ntoken = { file = "none" }`, "main", "none cannot be read (ENOENT)"],
    ]) {
      await assert.rejects(load(toml, entry), (error) => {
        assert.ok(error.message.includes(says), error.message);
        assert.ok(!error.message.includes("hunter2"), error.message);
        return true;
      });
    }
  });
});

it("the live columns are read with a deployed authorization", async () => {
  await helper.load(servicenow, flowOf("get", {}), credentials);
  const read = async (id) => (await helper.request().get(`/servicenow/columns/${id}`).expect(200)).body;
  const urgency = (await read("main")).columns.find(({ name }) => name === "urgency");
  assert.deepEqual(
    urgency.choices.map(({ value }) => value),
    ["1", "2", "3"],
  );
  assert.match((await read("other")).message, /^the authorization is not deployed yet/);
  await simulator.fault({ path: "/api/now/", times: 9, effect: { status: { status: 403 } } });
  assert.match((await read("main")).message, /^the columns cannot be read, columns-failure: /);
});
