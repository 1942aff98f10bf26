// The import `ledger`: what is remembered of a call's authorization, and of no other.

import type { Call } from "./calls.js";
import { MAX_TRANSACTION_MS, type Remembered } from "./remembered.js";

/** The longest text: what an event said of 500 columns takes 50 KB. */
export const MAX_TEXT = 64 * 1024;

/** The longest name: a correlation id of 100 characters takes 400 bytes. */
const MAX_NAME = 512;

/** What a call needs for its own write, once it no longer waits for another's. */
const OWN_WRITE_MS = 1_000;

/** Answers what a call's component asks of the ledger. What throws ends the call. */
export async function ledgerImports(
  call: Call,
  name: string,
  [authorization, ...rest]: unknown[],
  log: (message: string) => void,
): Promise<unknown> {
  const texts = rest.map((one) => (typeof one === "string" ? one : ""));
  const [first = "", second = "", third = ""] = texts;
  const { remembered } = call;
  if (remembered === undefined || authorization !== call.plan.authorization) {
    throw new Error("the component asked the ledger for another authorization");
  }
  if (first.length > MAX_NAME) throw new Error("the component gave the ledger a name that is too long");
  const read = <T>(value: Promise<T>) => value.catch((error: unknown) => unusable(call, error, log));
  switch (name) {
    case "known": {
      const known = await read(remembered.known(first));
      call.told.set(first, known);
      return { ...known, settled: Uint32Array.from(known.settled) };
    }
    case "lastEvent":
      return read(remembered.lastEvent(first));
  }
  call.textsLeft -= 1;
  const isTooMuch = call.textsLeft < 0 || texts.some((text) => text.length > MAX_TEXT);
  if (isTooMuch || texts.some((text) => call.struck(text) !== text)) {
    throw new Error("the component gave the ledger too much, or a secret");
  }
  const noted = <T>(value: Promise<T>, otherwise: T) => value.catch(() => unwritten(otherwise, log));
  const note = `note/${first}/${second}`;
  switch (name) {
    case "seen":
      return noted(remembered.seen(first, rest[1] as string | undefined, third), false);
    case "settle":
      return noted(remembered.settle(first, rest[1] as number), undefined);
    case "remember":
      return noted(remembered.remember(first, second), undefined);
    case "claimNote":
      return read(claimed(call, remembered, note));
    case "endClaim":
      return third === "written"
        ? noted(remembered.done(note, call.owner), undefined)
        : noted(remembered.release(note, call.owner), undefined);
    default:
      throw new Error(`the component asked for ${name}, which this host does not have`);
  }
}

async function claimed(call: Call, remembered: Remembered, note: string): Promise<string> {
  const left = Math.max(call.deadline - performance.now(), 0);
  const until = call.deadline - OWN_WRITE_MS;
  switch (await remembered.wait(note, call.owner, left + MAX_TRANSACTION_MS, until)) {
    case undefined:
      return "busy";
    case "granted":
      return remembered.ledger.isDurable ? "granted" : "not-kept";
    case "orphaned":
      return "orphaned";
    case "done":
      return "written";
  }
}

/** What cannot be read ends the call, so that nothing is guessed. */
function unusable(call: Call, error: unknown, log: (message: string) => void): never {
  call.refused = `the ledger cannot be used: ${error instanceof Error ? error.name : typeof error}`;
  log(call.refused);
  throw new Error(call.refused);
}

/** What was done is done: a ledger that does not take it in leaves something to be told or written once more. */
function unwritten<T>(otherwise: T, log: (message: string) => void): T {
  log("the ledger cannot be written, and what was done is not remembered");
  return otherwise;
}
