// Turns the components into JavaScript and TypeScript types: `node transpile.js [FOLDER]`.

import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { COMPONENTS, transpiled } from "./component.js";

const folder = process.argv[2] ?? process.env.SERVICENOW_DIST ?? "../../dist";
// The compiler looks for types beside the sources, and whoever uses what it compiled beside that.
const [types, code] = ["generated", "dist/generated"];
try {
  for (const place of [types, "dist"]) await rm(place, { recursive: true, force: true });
  for (const [name, component] of Object.entries(COMPONENTS)) {
    for (const suspends of [false, true]) {
      const files = await transpiled(join(folder, component.file), component, suspends);
      for (const [file, text] of Object.entries(files)) {
        const isType = file.endsWith(".d.ts");
        if (isType && suspends) continue;
        for (const place of isType ? [types, code] : [code]) {
          const path = join(place, suspends ? `${name}-suspending` : name, file);
          await mkdir(dirname(path), { recursive: true });
          await writeFile(path, text);
        }
      }
    }
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
