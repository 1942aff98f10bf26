"use strict";

// What a create costs in a flow: `node measure.cjs`. Prints one line of JSON.
const helper = require("node-red-node-test-helper");
const { version } = require("node-red/package.json");
const servicenow = require("./nodes/servicenow.js");
const { startSimulator } = require("./test/simulator.cjs");

const CALLS = 100;
const AT_ONCE = 64;

helper.init(require.resolve("node-red"));

async function main() {
  const simulator = await startSimulator();
  const { base_url: instance, client_id: user, client_secret: secret } = simulator.access;
  const fields = { request_body: { type: "json", value: '{"urgency": "2"}' } };
  const flow = [
    { id: "f", type: "tab" },
    { id: "main", type: "servicenow-authorization", grant: "client-credentials", instance },
    {
      ...{ id: "n", z: "f", type: "servicenow", authorization: "main", method: "create", fields },
      ...{ edges: ["incident-created"], wires: [["made"]] },
    },
    { id: "made", z: "f", type: "helper", wires: [] },
  ];
  await new Promise((resolve) => helper.startServer(resolve));
  const began = performance.now();
  await helper.load(servicenow, flow, { main: { user, secret } });
  const waiting = new Map();
  helper.getNode("made").on("input", ({ _msgid: id }) => waiting.get(id)());
  let sent = 0;
  const create = async () => {
    const began = performance.now();
    const id = String(sent++);
    const made = new Promise((resolve) => waiting.set(id, resolve));
    helper.getNode("n").receive({ _msgid: id });
    await made;
    return performance.now() - began;
  };
  await create();
  const first_ms = performance.now() - began;
  const times = [];
  for (let call = 0; call < CALLS; call++) times.push(await create());
  const p50_us = times.sort((one, other) => one - other)[CALLS / 2] * 1000;
  await Promise.all(Array.from({ length: AT_ONCE }, create));
  const together = performance.now();
  await Promise.all(Array.from({ length: 4 * AT_ONCE }, create));
  const per_second = (4 * AT_ONCE * 1000) / (performance.now() - together);
  console.log(JSON.stringify({ version, first_ms, p50_us, per_second }));
  await helper.unload();
  await new Promise((resolve) => helper.stopServer(resolve));
  simulator.stop();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
