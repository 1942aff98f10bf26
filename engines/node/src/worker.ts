// A thread in which the component runs, so that it can be ended. What it imports is answered by the main thread.

import { timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";

/** What a thread is started with. */
export interface Setting {
  /** The folder with the component as JavaScript. */
  component: string;
  /** Whether a call that waits leaves the thread to others: WebAssembly.Suspending is there. */
  suspends: boolean;
  /** Where the main thread answers. */
  answers: MessagePort;
  /** Set where an answer is there, for a thread that is blocked until then. */
  answered: Int32Array;
}

/** One call: its number, the exported function, its parameters, and when it ends by `Date.now()`. */
export interface Order {
  call: number;
  exported: [interfaceName: string, name: string];
  parameters: unknown[];
  authorization: string;
  ends: number;
  /** What a delivery presents in place of its secret. */
  oneTime: string | undefined;
  /** What the first question for the credential is answered: nearly every call asks. */
  credential: Answered | undefined;
}

/** What the component asks of the main thread. */
export interface Ask {
  call: number;
  name: string;
  parameters: unknown[];
}

/** What it is answered: a value, a result's error, or why the call ends. */
export type Answered = { value: unknown } | { payload: unknown } | { trap: string };

export type Reply = { call: number } & Answered;

/** How a call ended: with what the function returned, or with a trap. */
export type Ended = { call: number } & ({ returned: unknown } | { trap: string });

const { component, suspends, answers, answered } = workerData as Setting;

// Transpiled code asks for this function of newer engines, catches the TypeError where it is missing and goes on without. The
// message of that error takes 6 ms to make in a function of its size, seven times for each instance. Nothing asynchronous is called.
const engine = WebAssembly as unknown as { promising?: (exported: unknown) => unknown };
engine.promising ??= (exported) => exported;

type Interfaces = Record<string, Record<string, (...parameters: unknown[]) => unknown>>;

const { instantiate } = (await import(`${component}/servicenow.js`)) as {
  instantiate: (
    module: (path: string) => WebAssembly.Module,
    imports: object,
  ) => Interfaces | Promise<Interfaces>;
};

const modules = new Map<string, WebAssembly.Module>();

/** The component's core modules, compiled once for all calls of this thread. */
function module(path: string): WebAssembly.Module {
  const known = modules.get(path) ?? new WebAssembly.Module(readFileSync(new URL(`${component}/${path}`)));
  modules.set(path, known);
  return known;
}

/** Those that wait for an answer, by their calls: a component asks one thing after the other. */
const waiting = new Map<number, (reply: Reply) => void>();
if (suspends) answers.on("message", (reply: Reply) => waiting.get(reply.call)?.(reply));

/** Asks the main thread. Blocks this one, or is a promise where calls are suspended. */
function ask(call: number, name: string, parameters: unknown[]): unknown {
  if (suspends) {
    const reply = new Promise<Reply>((resolve) => waiting.set(call, resolve));
    answers.postMessage({ call, name, parameters } satisfies Ask);
    return reply.then(taken);
  }
  answers.postMessage({ call, name, parameters } satisfies Ask);
  // What wakes this thread may be the end of the last answer.
  while (Atomics.exchange(answered, 0, 0) === 0) Atomics.wait(answered, 0, 0);
  return taken(receiveMessageOnPort(answers)!.message as Reply);
}

function taken(reply: Answered): unknown {
  if ("value" in reply) return reply.value;
  // A result's error, as transpiled components expect it.
  if ("payload" in reply) throw { payload: reply.payload };
  throw new Error(reply.trap);
}

function pause(ms: number): unknown {
  if (suspends) return new Promise((resolve) => setTimeout(resolve, ms));
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  return undefined;
}

/** An instance for one call, made before there is one: that takes a fifth of a call's time. */
interface Prepared {
  place: { order?: Order };
  instance: Promise<Interfaces>;
}

let prepared: Prepared | undefined;

function prepare(): Prepared {
  const place: Prepared["place"] = {};
  const instance = (async () => instantiate(module, imports(place)))();
  // Who uses it is told.
  instance.catch(() => {});
  return { place, instance };
}

/** The imports of the call that takes this place. */
function imports(place: Prepared["place"]): object {
  const order = (): Order => {
    if (place.order === undefined) throw new Error("the component asked for something before it was called");
    return place.order;
  };
  const asks =
    (name: string) =>
    (...parameters: unknown[]) =>
      ask(order().call, name, parameters);
  const isPresented = (presented: string, { oneTime }: Order) =>
    oneTime !== undefined &&
    presented.length === oneTime.length &&
    timingSafeEqual(Buffer.from(presented), Buffer.from(oneTime));
  const words = () => crypto.getRandomValues(new BigUint64Array(2));
  // Transpiled code looks imports up without their versions, whatever its types say.
  return {
    "servicenow:plugin/credentials": {
      get: (name: string) => {
        const { authorization, credential } = order();
        return name === authorization && credential !== undefined ? taken(credential) : asks("get")(name);
      },
      refused: asks("refused"),
      verifyCallback: (name: string, presented: string) =>
        name === order().authorization && isPresented(presented, order()),
    },
    "servicenow:plugin/transport": {
      send: asks("send"),
      nowMs: () => BigInt(Math.trunc(performance.now())),
      unixSeconds: () => BigInt(Math.trunc(Date.now() / 1000)),
      waitMs: (ms: bigint) => pause(Math.max(Math.min(Number(ms), order().ends - Date.now()), 0)),
      random: () => [...words()],
    },
    "servicenow:plugin/ledger": Object.fromEntries(
      ["known", "seen", "settle", "lastEvent", "remember", "claimNote", "endClaim"].map((name) => [
        name,
        asks(name),
      ]),
    ),
  };
}

async function run(order: Order): Promise<Ended> {
  const { call, exported, parameters } = order;
  // An instance of its own for each call: nothing of one reaches the next.
  const { place, instance } = prepared ?? prepare();
  prepared = undefined;
  place.order = order;
  try {
    const [interfaceName, name] = exported;
    return { call, returned: await (await instance)[interfaceName]![name]!(...parameters) };
  } catch (error) {
    return { call, trap: error instanceof Error ? error.message : String(error) };
  } finally {
    waiting.delete(call);
  }
}

parentPort?.on("message", async (order: Order) => {
  parentPort?.postMessage(await run(order));
  prepared ??= prepare();
});
