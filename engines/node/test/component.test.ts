// Files that are not the component: each is told apart before anything runs.

import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { COMPONENTS, transpiled as transpiledAs } from "../component.js";

const dist = process.env["SERVICENOW_DIST"] ?? "../../dist";
const path = join(dist, COMPONENTS.node.file);
const transpiled = (file: string) => transpiledAs(file, COMPONENTS.node);
let folder: string;
let wasm: Buffer;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "servicenow-"));
  wasm = await readFile(path);
});

after(() => rm(folder, { recursive: true }));

test("the component itself is taken", async () => {
  assert.ok(Object.keys(await transpiled(path)).some((name) => name.endsWith("servicenow.js")));
});

for (const [what, bytes, says] of [
  [
    "a truncated file",
    () => wasm.subarray(0, wasm.length / 2),
    /not a whole one.*expected is one of the world/,
  ],
  [
    "a core module",
    () => Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]),
    /is a core module; expected is a component/,
  ],
  ["text", () => Buffer.from("hello"), /no component/],
  [
    "an older version of the interface",
    () => older(wasm, "incidents"),
    /exports servicenow:plugin\/incidents@0.0.9; expected/,
  ],
  [
    "an older version of the credentials",
    () => older(wasm, "credentials"),
    /imports servicenow:plugin\/credentials@0.0.9; this host has servicenow:plugin\/credentials@0.2.0/,
  ],
  ["a component of another world", () => renamed(wasm), /expected is servicenow:plugin\/incidents@0.2.0/],
] as [string, () => Buffer, RegExp][]) {
  test(`${what} is refused with what was expected`, async () => {
    const file = join(folder, "other.wasm");
    await writeFile(file, bytes());
    await assert.rejects(transpiled(file), says);
  });
}

test("the flavour that this host does not run is refused with the file to take", async () => {
  const other = transpiled(join(dist, "servicenow.wasm"));
  await assert.rejects(other, /imports wasi:.*: take servicenow-over-transport.wasm/);
});

test("a missing file is named", async () => {
  await assert.rejects(transpiled(join(folder, "none.wasm")), /none.wasm: give the path of a readable file/);
});

/** The same component with other names of the same length. */
function replaced(bytes: Buffer, from: string, to: string): Buffer {
  return Buffer.from(bytes.toString("latin1").replaceAll(from, to), "latin1");
}

const older = (bytes: Buffer, name: string) =>
  replaced(bytes, `servicenow:plugin/${name}@0.2.0`, `servicenow:plugin/${name}@0.0.9`);
const renamed = (bytes: Buffer) => replaced(bytes, "servicenow:plugin/", "servicenew:plugin/");
