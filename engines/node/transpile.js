// Turns servicenow.wasm into JavaScript and TypeScript types: `node transpile.js [FILE]`.

import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { transpiled } from "./component.js";

const path = process.argv[2] ?? process.env.SERVICENOW_WASM ?? "../../dist/servicenow.wasm";
try {
  const files = await transpiled(path);
  // The compiler looks for types beside the sources, and whoever uses what it compiled beside that.
  const [types, code] = ["generated", "dist/generated"];
  for (const folder of [types, code]) await rm(folder, { recursive: true, force: true });
  for (const [name, text] of Object.entries(files)) {
    for (const folder of name.endsWith(".d.ts") ? [types, code] : [code]) {
      const file = join(folder, name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
