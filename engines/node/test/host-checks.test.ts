// The component that checks its host: every duty of docs/hosts.md is kept, with the limit of memory that is checked at build.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { COMPONENTS, mostPages, transpiled } from "../component.js";
import { basic, clientCredentials, httpTransport, INCIDENT_CALLS, type Transport } from "../src/index.js";
import type { Failure } from "../src/outcomes.js";
import * as plans from "../src/plans.js";
import { allowedCalls } from "../src/policy.js";
import { Runner } from "../src/runner.js";
import { SUSPENDS } from "../src/threads.js";
import { startSimulator, type Simulator } from "./simulator.js";

/** A check of `engines/host-checks.json`. */
interface HostCheck {
  check: string;
  duty: string;
  story: string;
  authorization?: string;
  fault?: object;
  timeout_ms?: number;
  cases: string[];
  write_happened?: string;
}

/** How much later than its deadline a call may end. */
const TOLERANCE_MS = 500;

/** An origin where nothing listens. */
const NOWHERE = "http://127.0.0.1:1";

const checks = JSON.parse(await readFile("../host-checks.json", "utf8")) as HostCheck[];

let folder: string;
let simulator: Simulator;
let transport: Transport;
let runner: Runner;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "servicenow-"));
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
  const file = join(
    process.env["SERVICENOW_DIST"] ?? "../../dist",
    "servicenow-host-check-over-transport.wasm",
  );
  for (const [name, text] of Object.entries(await transpiled(file, COMPONENTS.node, SUSPENDS))) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
  simulator = await startSimulator();
  const { base_url, client_id, client_secret } = simulator.access;
  const authorizations = {
    main: clientCredentials(base_url, client_id, client_secret),
    second: basic(base_url, "user", "password"),
    nowhere: basic(NOWHERE, "user", "password"),
  };
  transport = httpTransport();
  const outside = { authorizations, transport, allowed: allowedCalls(INCIDENT_CALLS), log: () => {} };
  runner = new Runner(pathToFileURL(folder), outside);
});

after(async () => {
  await runner.close();
  await transport.close();
  simulator.stop();
  await rm(folder, { recursive: true });
});

for (const { check, duty, story, authorization = "main", fault, timeout_ms, ...right } of checks) {
  test(`${duty} ${check}: ${story}`, async () => {
    if (fault !== undefined) await simulator.faults(fault);
    const timeoutMs = timeout_ms ?? 10_000;
    const create = plans.create({
      authorization,
      instance: authorization === "nowhere" ? NOWHERE : simulator.access.base_url,
      requestBody: { short_description: check },
      timeoutMs,
    });
    const began = performance.now();
    const { outcome } = await runner.run(create).finally(() => simulator.faults());
    const took = performance.now() - began;
    const { tag, val } = outcome as { tag: string; val: Failure };
    assert.ok(right.cases.includes(tag), JSON.stringify(outcome));
    if (tag !== "incident-created") assert.equal(val.writeHappened, right.write_happened);
    assert.ok(took <= timeoutMs + TOLERANCE_MS, `${took} ms`);
  });
}

test("a component that declares more memory than a call may have is refused", async () => {
  const file = join(folder, "large.wasm");
  const wasm = await readFile(join(process.env["SERVICENOW_DIST"] ?? "../../dist", COMPONENTS.node.file));
  // The section of a core module that declares one memory of 8 to 2048 pages.
  const declared = wasm.indexOf(Buffer.from([5, 5, 1, 1, 8, 0x80, 0x10]));
  assert.ok(declared > 0);
  wasm[declared + 5] = 0x81;
  await writeFile(file, wasm);
  await assert.rejects(
    transpiled(file, COMPONENTS.node),
    /declares 2049 pages of memory; expected are at most 2048/,
  );
});

for (const [sections, pages] of [
  [[], 0],
  // Another section before it, of 200 bytes.
  [[0, 0xc8, 1, ...Array<number>(200).fill(5), 5, 4, 1, 1, 1, 16], 16],
  [[5, 7, 2, 1, 1, 16, 1, 1, 4], 20],
  [[5, 3, 1, 0, 1], Infinity],
  // Of 64 bits, and one that threads share.
  [[5, 4, 1, 5, 1, 16], Infinity],
  [[5, 4, 1, 3, 1, 16], 16],
] as [number[], number][]) {
  test(`the memories of a module with the bytes ${sections.slice(-8)} have ${pages} pages at most`, () => {
    assert.equal(mostPages(Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, ...sections])), pages);
  });
}
