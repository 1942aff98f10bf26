// Deliveries and readings: judged one after the other for each record, handed on, and remembered.

import { randomUUID, timingSafeEqual } from "node:crypto";
import type { Authorization } from "./authorizations.js";
import { STRUCK, type Call } from "./calls.js";
import type { Ledger } from "./ledger.js";
import { MAX_TEXT } from "./ledger-imports.js";
import type { Accepted, Change, ChangesOutcome, Verdict } from "./outcomes.js";
import * as plans from "./plans.js";
import { Remembered } from "./remembered.js";
import { ComponentFailed, type Runner } from "./runner.js";

/** How often a delivery is judged, and a page read, where others see more of its records meanwhile. */
const MAX_READINGS = 8;

const SECRET_HEADER = "x-callback-secret";

const NEVER_ENDS = "the component goes on for ever: it does not judge by what the ledger has";

/** Takes a change. It is remembered where this returns, or its promise is fulfilled. */
export type Handler = (change: Change) => unknown;

/** An HTTP request that arrived at the callback address. */
export interface Delivery {
  /** The authorization whose callback secret must have come with it. */
  authorization: string;
  headers: Iterable<[name: string, value: string]>;
  body: Uint8Array;
  rules?: plans.Document;
}

/** Judges a delivery; what is new is handed on, and remembered once it was taken. */
export async function deliver(
  runner: Runner,
  ledger: Ledger,
  delivery: Delivery,
  handle: Handler,
): Promise<Verdict> {
  const { authorization, headers, body, rules } = delivery;
  const known = await runner.imports.authorization(authorization);
  if (typeof known !== "object" || !isAuthentic(headers, known)) return { tag: "unauthenticated" };
  // A one-time value stands for the secret: the component never sees it.
  const oneTime = randomUUID();
  const plan = plans.receive(authorization, oneTime, without(known.callbackSecrets ?? [], body), rules);
  const remembered = new Remembered(ledger, authorization);
  const judged = async () => {
    const { call, outcome } = await runner.run(plan, remembered, oneTime);
    return { call, verdict: outcome as Verdict };
  };
  await remembered.written();
  let { call, verdict } = await judged();
  if (!isNew(verdict)) return verdict;
  check(verdict.val);
  return remembered.turn(verdict.val.change.sysId, async () => {
    let told: Verdict | undefined;
    for (let reading = 0; reading < MAX_READINGS; reading++) {
      if (!isNew(verdict)) return told ?? verdict;
      if (await isNews(remembered, call, verdict.val)) {
        if (told === undefined) await handle(verdict.val.change);
        told ??= verdict;
        if (await remember(remembered, verdict.val)) return told;
      }
      // Somebody else saw more of the record meanwhile: it is judged by that.
      ({ call, verdict } = await judged());
    }
    if (told === undefined) throw new ComponentFailed(NEVER_ENDS);
    return told;
  });
}

/** Reads the changes since the ledger's cursor, hands on what is new, and moves the cursor with each page. */
export async function readChanges(
  runner: Runner,
  ledger: Ledger,
  inputs: plans.Changes,
  handle: Handler,
): Promise<ChangesOutcome> {
  const remembered = new Remembered(ledger, inputs?.authorization ?? "");
  const tables = inputs?.tables ?? [];
  let [readings, handed] = [0, new Set<string>()];
  for (;;) {
    const cursor = await remembered.cursor(tables);
    const { call, outcome } = await runner.run(plans.since(inputs, cursor), remembered);
    const read = outcome as ChangesOutcome;
    if (read.tag !== "changes-page") return read;
    // What was read may be the write of a push that was under way.
    await remembered.written();
    let isWhole = true;
    for (const accepted of read.val.changes) {
      check(accepted);
      const { sysId, cloudEvent } = accepted.change;
      await remembered.turn(sysId, async () => {
        if (!(await isNews(remembered, call, accepted))) {
          isWhole = false;
          return;
        }
        // Each change is handed on once, though it may be judged again.
        if (!handed.has(sysId + cloudEvent)) await handle(accepted.change);
        handed.add(sysId + cloudEvent);
        isWhole = (await remember(remembered, accepted)) && isWhole;
      });
    }
    readings += 1;
    if (!isWhole && readings < MAX_READINGS) continue;
    // Otherwise the cursor stays: the next reading brings the rest.
    if (!isWhole) return read;
    if ((read.val.more && cursor === read.val.cursor) || read.val.cursor.length > MAX_TEXT) {
      throw new ComponentFailed(NEVER_ENDS);
    }
    [readings, handed] = [0, new Set()];
    await remembered.moveCursor(tables, read.val.cursor);
    if (!read.val.more) return read;
  }
}

function isNew(verdict: Verdict): verdict is Extract<Verdict, { val: Accepted }> {
  return verdict.tag === "accepted" || verdict.tag === "late";
}

/** Whether the secret is there, once, and one of the authorization's. Compared in constant time. */
function isAuthentic(headers: Delivery["headers"], { callbackSecrets = [] }: Authorization): boolean {
  const presented = [...headers].filter(([name]) => name.toLowerCase() === SECRET_HEADER);
  if (presented.length !== 1) return false;
  const given = Buffer.from(presented[0]![1]);
  const found = callbackSecrets.map((secret) => {
    const known = Buffer.from(secret);
    return known.length === given.length && timingSafeEqual(known, given);
  });
  return found.includes(true);
}

/** A body without secrets. */
function without(secrets: string[], body: Uint8Array): Uint8Array {
  let text = Buffer.from(body).toString("latin1");
  for (const secret of secrets) text = text.replaceAll(Buffer.from(secret).toString("latin1"), STRUCK);
  return Uint8Array.from(Buffer.from(text, "latin1"));
}

/** Whether nobody else saw or settled more of a record since a change of it was judged. */
async function isNews(remembered: Remembered, call: Call, { change, before }: Accepted): Promise<boolean> {
  const now = await remembered.known(change.sysId);
  const upTo = change.modCount ?? Infinity;
  const settled = (all: number[]) => all.filter((count) => count <= upTo).join();
  return now.seen === before && settled(now.settled) === settled(call.told.get(change.sysId)?.settled ?? []);
}

/** Remembers a change that was handed on, unless somebody else remembered something of its record meanwhile. */
function remember(remembered: Remembered, { change, before, after }: Accepted): Promise<boolean> {
  return remembered.seen(change.sysId, before, after);
}

function check({ change, after }: Accepted): void {
  if (!/^[0-9a-f]{32}$/.test(change.sysId) || after.length > MAX_TEXT) {
    throw new ComponentFailed("the component returned a change that cannot be remembered");
  }
}
