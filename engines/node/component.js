// The component's file, told apart from what only looks like it, and turned into JavaScript.

import { componentWit, transpile } from "@bytecodealliance/jco";
import { readFile } from "node:fs/promises";

const PACKAGE = "servicenow:plugin";
const VERSION = "0.2.0";
const INCIDENTS = `${PACKAGE}/incidents@${VERSION}`;
const CREDENTIALS = `${PACKAGE}/credentials@${VERSION}`;
const WORLD = `${PACKAGE}/incident-node@${VERSION}`;

/** What a core module begins with; a component has another version there. */
const CORE_MODULE = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

/** Reads a component, checks its world and returns the files of its JavaScript by name. */
export async function transpiled(path) {
  const wasm = await readFile(path).catch((error) => {
    throw new Error(`${path}: give the path of a readable file (${error.code})`);
  });
  if (wasm.subarray(0, 8).equals(CORE_MODULE)) {
    throw new Error(`${path} is a core module; expected is a component of the world ${WORLD}`);
  }
  const wit = await componentWit(wasm).catch((error) => {
    const reason = String(error.message ?? error).split("\n")[0];
    throw new Error(
      `${path} is no component, or not a whole one (${reason}); expected is one of the world ${WORLD}`,
    );
  });
  const [exports, imports] = ["export", "import"].map((kind) => named(wit, kind));
  if (!exports.includes(INCIDENTS)) {
    const other = exports.find((name) => name.startsWith(`${PACKAGE}/incidents@`));
    const found = other ?? (exports.join(", ") || "nothing");
    throw new Error(`${path} exports ${found}; expected is ${INCIDENTS}, of the world ${WORLD}`);
  }
  if (!imports.includes(CREDENTIALS)) {
    const other = imports.find((name) => name.startsWith(`${PACKAGE}/credentials@`)) ?? "no credentials";
    throw new Error(`${path} imports ${other}; expected is ${CREDENTIALS}, of the world ${WORLD}`);
  }
  const unknown = imports.filter((name) => name !== CREDENTIALS && !name.startsWith("wasi:"));
  if (unknown.length > 0) {
    throw new Error(`${path} imports ${unknown.join(", ")}; this host has ${CREDENTIALS} and WASI 0.2`);
  }
  const { files } = await transpile(wasm, { name: "servicenow", instantiation: "sync", outDir: "." });
  return files;
}

/** What a component's world imports or exports, with the versions. */
function named(wit, kind) {
  // The world is the first thing in the text, and has no braces of its own where it names interfaces.
  const world = wit.slice(0, wit.indexOf("\n}"));
  return [...world.matchAll(new RegExp(`^  ${kind} ([^;{]+)`, "gm"))].map(([, name]) => name.trim());
}
