"use strict";

// A simulator in a process of its own.
const { spawn } = require("node:child_process");
const { once } = require("node:events");
const { createInterface } = require("node:readline");

const HOST_TEST = process.env.HOST_TEST ?? `${__dirname}/../../../target/debug/host-test`;

exports.startSimulator = async function (...options) {
  const child = spawn(HOST_TEST, ["simulator", ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(createInterface({ input: child.stdout }), "line");
  const access = JSON.parse(line);
  const ask = async (path, method = "GET", body = undefined) => {
    const answer = await fetch(`${access.base_url}/simulator/${path}`, { method, body });
    if (!answer.ok) throw new Error(await answer.text());
    return answer.text();
  };
  return {
    access,
    fault: (fault) => ask("faults", "POST", JSON.stringify(fault)),
    heal: () => ask("faults", "DELETE"),
    tables: async () => JSON.parse(await ask("snapshot")),
    stop: () => child.kill(),
  };
};
