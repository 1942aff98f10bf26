// A simulator in a process of its own.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const hostTest = process.env["HOST_TEST"] ?? "../../target/debug/host-test";

export interface Simulator {
  access: { base_url: string; client_id: string; client_secret: string; username: string; password: string };
  /** Adds a fault, or takes all away. */
  faults(fault?: object): Promise<void>;
  /** What it was asked so far, such as `POST /api/now/table/incident`. */
  requests(): Promise<string[]>;
  stop(): void;
}

export async function startSimulator(...options: string[]): Promise<Simulator> {
  const process = spawn(hostTest, ["simulator", ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: process.stdout });
  const access = JSON.parse(((await once(lines, "line")) as [string])[0]) as Simulator["access"];
  return {
    access,
    async faults(fault) {
      const body = fault === undefined ? null : JSON.stringify(fault);
      const method = body === null ? "DELETE" : "POST";
      const answer = await fetch(`${access.base_url}/simulator/faults`, { method, body });
      assert.equal(answer.status, 200, await answer.text());
    },
    async requests() {
      const answer = await fetch(`${access.base_url}/simulator/requests`);
      const text = await answer.text();
      return text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => JSON.parse(line) as string);
    },
    stop: () => process.kill(),
  };
}
