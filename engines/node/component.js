// A component's file, told apart from what only looks like it, and turned into JavaScript.

import { componentWit, transpile } from "@bytecodealliance/jco";
import { readFile } from "node:fs/promises";

const PACKAGE = "servicenow:plugin";
const VERSION = "0.2.0";
const whole = (name) => `${PACKAGE}/${name}@${VERSION}`;

/** What a component begins with, in a core module: a component has another version there. */
const CORE_MODULE = Buffer.from([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);

/** The most memory that a component may declare, in pages of 64 KiB: 128 MiB. Node.js has no limit of its own for one thread. */
const MAX_PAGES = 2048;

/** The components: their files, what they export for this host, and what they may import. */
export const COMPONENTS = {
  node: {
    file: "servicenow-over-transport.wasm",
    world: "plugin-over-transport",
    exports: ["incidents", "manifest", "authorization"],
    imports: ["credentials", "transport"],
  },
  sync: {
    file: "servicenow-sync-over-transport.wasm",
    world: "sync-over-transport",
    exports: ["push", "mapping", "callbacks", "changes"],
    imports: ["credentials", "transport", "ledger"],
  },
};

/** The imports that the main thread answers: a thread that can be suspended is, while it does. */
const ASKS = {
  credentials: ["get", "refused"],
  transport: ["send", "wait-ms"],
  ledger: ["known", "seen", "settle", "last-event", "remember", "claim-note", "end-claim"],
};

/** What is called in a thread that can be suspended. */
const CALLS = {
  incidents: ["create", "get", "update", "find", "columns"],
  manifest: ["describe"],
  authorization: ["authenticate"],
  push: ["push"],
  mapping: ["preview", "paths"],
  callbacks: ["receive"],
  changes: ["since"],
};

/** Reads a component, checks its world and returns the files of its JavaScript by name. */
export async function transpiled(path, { file, world, exports, imports }, suspends = false) {
  const expected = whole(world);
  const wasm = await readFile(path).catch((error) => {
    throw new Error(`${path}: give the path of a readable file (${error.code})`);
  });
  if (wasm.subarray(0, 8).equals(CORE_MODULE)) {
    throw new Error(`${path} is a core module; expected is a component of the world ${expected}`);
  }
  const wit = await componentWit(wasm).catch((error) => {
    const reason = String(error.message ?? error).split("\n")[0];
    throw new Error(
      `${path} is no component, or not a whole one (${reason}); expected is one of the world ${expected}`,
    );
  });
  const [exported, imported] = ["export", "import"].map((kind) => named(wit, kind));
  for (const name of exports) {
    if (exported.includes(whole(name))) continue;
    const other = exported.find((one) => one.startsWith(`${PACKAGE}/${name}@`));
    const found = other ?? (exported.join(", ") || "nothing");
    throw new Error(`${path} exports ${found}; expected is ${whole(name)}, of the world ${expected}`);
  }
  const unknown = imported.filter((name) => !imports.map(whole).includes(name));
  if (unknown.length > 0) {
    const isOtherFlavour = unknown.some((name) => name.startsWith("wasi:"));
    const told = `${path} imports ${unknown.join(", ")}; this host has ${imports.map(whole).join(", ")}`;
    throw new Error(isOtherFlavour ? `${told}: take ${file}` : told);
  }
  const functions = (of, names) => names.flatMap((name) => of[name].map((one) => `${whole(name)}#${one}`));
  const { files } = await transpile(wasm, {
    name: "servicenow",
    outDir: ".",
    instantiation: suspends ? "async" : "sync",
    ...(suspends
      ? { asyncMode: "jspi", asyncImports: functions(ASKS, imports), asyncExports: functions(CALLS, exports) }
      : {}),
  });
  const pages = Object.entries(files)
    .filter(([name]) => name.endsWith(".wasm"))
    .reduce((sum, [, code]) => sum + mostPages(code), 0);
  if (pages > MAX_PAGES) {
    const declared = pages === Infinity ? "no limit of its memory" : `${pages} pages of memory`;
    throw new Error(`${path} declares ${declared}; expected are at most ${MAX_PAGES} pages of 64 KiB`);
  }
  return files;
}

/** What a component's world imports or exports, with the versions. */
function named(wit, kind) {
  // The world is the first thing in the text, and has no braces of its own where it names interfaces.
  const world = wit.slice(0, wit.indexOf("\n}"));
  return [...world.matchAll(new RegExp(`^  ${kind} ([^;{]+)`, "gm"))].map(([, name]) => name.trim());
}

/** The section of a core module that declares memories, and what the flags of one say. */
const MEMORIES = 5;
const HAS_MOST = 1;
const IS_64_BIT = 4;

/** How many pages the memories of a core module may have together. */
export function mostPages(code) {
  let at = CORE_MODULE.length;
  /** A number in LEB128. */
  const number = () => {
    let [value, scale, byte] = [0, 1, 0];
    do {
      byte = code[at++];
      value += (byte & 0x7f) * scale;
      scale *= 128;
    } while (byte >= 0x80);
    return value;
  };
  while (at < code.length) {
    const id = code[at++];
    const end = number() + at;
    if (id === MEMORIES) {
      let pages = 0;
      for (let left = number(); left > 0; left--) {
        const flags = number();
        const least = number();
        const most = flags & HAS_MOST ? number() : Infinity;
        pages += flags & IS_64_BIT ? Infinity : Math.max(least, most);
      }
      return pages;
    }
    at = end;
  }
  return 0;
}
