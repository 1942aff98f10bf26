// A thread in which the component runs: its imports are synchronous, and a thread can be ended.

import { http } from "@bytecodealliance/preview2-shim";
import { WASIShim } from "@bytecodealliance/preview2-shim/instantiation";
import { readFileSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import type { Granted } from "../generated/interfaces/servicenow-plugin-credentials.js";
import type {
  OutgoingRequest,
  RequestOptions,
} from "@bytecodealliance/preview2-shim/interfaces/wasi-http-types";
import { instantiate, type ImportObject } from "../generated/servicenow.js";
import { isAllowed, partsOf } from "./allowed.js";
import type { Outcomes } from "./outcomes.js";

/** One call: the method, its parameters, and the credential of its authorization. */
export interface Order {
  method: keyof Outcomes;
  parameters: unknown[];
  authorization: string;
  granted: Granted | undefined;
}

/** How it ended: with an outcome, or with a trap. */
export type Answer = { outcome: Outcomes[keyof Outcomes] } | { trap: string };

// Transpiled code asks for this function of newer engines, catches the TypeError where it is missing and goes on without. The
// message of that error takes 6 ms to make in a function of its size, seven times for each instance. Nothing asynchronous is called.
const engine = WebAssembly as unknown as { promising?: (exported: unknown) => unknown };
engine.promising ??= (exported) => exported;

const generated = new URL("../generated/", import.meta.url);
const modules = new Map<string, WebAssembly.Module>();

/** The component's core modules, compiled once for all calls of this thread. */
function module(path: string): WebAssembly.Module {
  const known = modules.get(path) ?? new WebAssembly.Module(readFileSync(new URL(path, generated)));
  modules.set(path, known);
  return known;
}

/** A result's error, as transpiled components expect it. */
function refuse(payload: unknown): never {
  throw { payload };
}

type Methods = Record<keyof Outcomes, (...parameters: unknown[]) => Outcomes[keyof Outcomes]>;

/** The imports of one call: it sees the credential of its own authorization and reaches what that is valid for. */
function imports({ authorization, granted }: Order): ImportObject {
  const get = (name: string): Granted =>
    name === authorization && granted !== undefined ? granted : refuse({ tag: "unknown-authorization" });
  const handle = (request: OutgoingRequest, options: RequestOptions | undefined) =>
    isAllowed(partsOf(request), granted)
      ? http.outgoingHandler.handle(request, options)
      : refuse({ tag: "HTTP-request-denied" });
  const shim = new WASIShim({ sandbox: { preopens: {}, env: {}, args: [] } });
  // Transpiled code looks imports up without their versions, whatever its types say.
  return {
    ...shim.getImportObject(),
    "wasi:http/outgoing-handler": { handle },
    "servicenow:plugin/credentials": { get, refused: get },
  } as unknown as ImportObject;
}

function answer(order: Order): Answer {
  try {
    // An instance of its own for each call: nothing of one reaches the next.
    const methods = instantiate(module, imports(order)).incidents as unknown as Methods;
    return { outcome: methods[order.method](...order.parameters) };
  } catch (error) {
    return { trap: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.on("message", (order: Order) => {
  parentPort?.postMessage("begun");
  parentPort?.postMessage(answer(order));
});
