// Each member that the simulator's stand-ins offer to scripts is one that ServiceNow declares.

import { readFileSync } from "node:fs";
import ts from "typescript";

const PRELUDE = new URL("../../simulator/src/script/prelude.js", import.meta.url);

/** Conversions of the language, which every object has. */
const OF_THE_LANGUAGE = ["valueOf", "toString", "toJSON"];

/** What the API reference documents of these classes, and the declarations lack. */
const UNDECLARED = ["GlideElement.getRefRecord", "GlideElement.setValue", "GlideRecord.setDisplayValue", "gs.urlEncode"];

const program = ts.createProgram(["globals.d.ts"], { module: ts.ModuleKind.NodeNext, skipLibCheck: true, types: [] });
const checker = program.getTypeChecker();
const file = program.getSourceFiles().find((source) => source.fileName.endsWith("globals.d.ts"));

/** The members of a declared class, those of its instances and its own. */
function members(module, name) {
  const declared = file.statements.find(
    (statement) => ts.isImportDeclaration(statement) && statement.moduleSpecifier.text === module,
  );
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(declared.moduleSpecifier));
  const symbol = exported.find((candidate) => candidate.name === name);
  if (symbol === undefined) return null;
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  const types = [checker.getDeclaredTypeOfSymbol(target), checker.getTypeOfSymbol(target)];
  return new Set(types.flatMap((type) => checker.getPropertiesOfType(type).map((property) => property.name)));
}

const prelude = readFileSync(PRELUDE, "utf8");
const offered = [...prelude.matchAll(/^ {4}(?:methods\((\w+), |var (gs) = )\{\n([\s\S]*?)\n {4}\}/gm)];
const wrong = [];
let checked = 0;
for (const [, type, gs, body] of offered) {
  const name = type ?? gs;
  const declared = members("@servicenow/glide", name) ?? members("@servicenow/glide/sn_ws", name);
  for (const [, member] of body.matchAll(/^ {8}([a-z]\w*): function/gm)) {
    checked += 1;
    const known = declared?.has(member) ?? name === "Condition";
    if (!known && !OF_THE_LANGUAGE.includes(member) && !UNDECLARED.includes(`${name}.${member}`)) {
      wrong.push(`${name}.${member}`);
    }
  }
}
if (checked < 50 || wrong.length > 0) {
  console.error(`${checked} members, of which ServiceNow does not declare: ${wrong.join(", ") || "none"}`);
  process.exit(1);
}
console.log(`${checked} members of the simulator's stand-ins are declared`);
