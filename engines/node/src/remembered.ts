// What event sync remembers, as texts in a ledger: `record/KEY`, `event/CORRELATION-ID`, `cursor/TABLES`, and claims.

import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Ledger } from "./ledger.js";
import { before } from "./threads.js";

/** How many counts of a record are kept that need no attention. */
export const MAX_SETTLED = 64;

/** How long a record's turn may take, the handling of a change included. One that was killed loses it then. */
const MAX_TURN_MS = 90_000;

/** ServiceNow cancels a transaction after a minute: until then a write whose answer is lost may be committed. */
export const MAX_TRANSACTION_MS = 60_000;

/** How soon it is looked whether another is done, and how seldom after a while. */
const PAUSE_MS = 10;
const MAX_PAUSE_MS = 250;

/** A clock that is set is set by more than this; one that is only corrected makes no claim one of the future. */
const SET_BACK_MS = 10 * 60 * 1000;

/** How long it is waited until a claim is given up. */
const MAX_LETTING_GO_MS = 250;

const DONE = "done";

/** What a claim came to: nobody had it; whoever had it let its time pass; it was claimed before, and done. */
export type Claimed = "granted" | "orphaned" | "done";

/** What is known of a record. */
export interface Known {
  seen: string | undefined;
  settled: number[];
}

/** A claim as the ledger has it. */
interface Held {
  owner: string;
  begins: number;
  ends: number;
  inDoubt: boolean;
}

/** What is remembered of one authorization. */
export class Remembered {
  constructor(
    readonly ledger: Ledger,
    readonly authorization: string,
  ) {}

  /** What is known of a record. */
  async known(sysId: string): Promise<Known> {
    return read(await this.#get(`record/${sysId}`));
  }

  /** Remembers what was seen of a record, unless somebody else saw more meanwhile. Whether it was. */
  seen(sysId: string, before: string | undefined, after: string): Promise<boolean> {
    return this.#change(sysId, (known) =>
      known.seen === before ? [{ ...known, seen: after }, true] : [known, false],
    );
  }

  /** Remembers a count that needs no attention. */
  async settle(sysId: string, count: number): Promise<void> {
    await this.#change(sysId, ({ seen, settled }) => {
      const all = [...new Set([...settled, count])].sort((a, b) => a - b);
      return [{ seen, settled: all.slice(-MAX_SETTLED) }, true];
    });
  }

  /** What the last event with a correlation id said. */
  async lastEvent(correlationId: string): Promise<string | undefined> {
    return this.#get(`event/${correlationId}`);
  }

  /** Remembers what an event said. */
  remember(correlationId: string, event: string): Promise<void> {
    return this.#put(`event/${correlationId}`, event);
  }

  /** How far the changes of these tables were read. */
  async cursor(tables: readonly string[]): Promise<string | undefined> {
    return this.#get(cursorName(tables));
  }

  /** Remembers how far they were read. */
  moveCursor(tables: readonly string[], to: string): Promise<void> {
    return this.#put(cursorName(tables), to);
  }

  /** Claims something for a while. `undefined` where somebody else has it now. */
  async claim(name: string, owner: string, ms: number): Promise<Claimed | undefined> {
    for (;;) {
      const text = await this.#get(name);
      if (text === DONE) return "done";
      const held = text === undefined ? undefined : heldOf(text);
      if (held !== undefined && held.owner !== owner && !isOver(held)) return undefined;
      const isOwn = held?.owner === owner && !held.inDoubt;
      const claimed = text === undefined || isOwn ? "granted" : "orphaned";
      const begins = Date.now();
      const made = { owner, begins, ends: begins + Math.trunc(ms), inDoubt: claimed === "orphaned" };
      if (await this.#replace(name, text, textOf(made))) return claimed;
    }
  }

  /** The same, once nobody else has it; `undefined` where that is not before a time of `performance.now()`. */
  async wait(name: string, owner: string, ms: number, until = Infinity): Promise<Claimed | undefined> {
    for (let pause = PAUSE_MS; ; pause = Math.min(pause * 2, MAX_PAUSE_MS)) {
      const claimed = await this.claim(name, owner, ms);
      if (claimed !== undefined || performance.now() + pause > until) return claimed;
      await sleep(pause);
    }
  }

  /** Gives a claim up. What is in doubt stays so. */
  release(name: string, owner: string): Promise<void> {
    return this.#end(name, owner, (held) =>
      held.inDoubt ? textOf({ ...held, begins: 0, ends: 0 }) : undefined,
    );
  }

  /** Ends a claim for ever. */
  done(name: string, owner: string): Promise<void> {
    return this.#end(name, owner, () => DONE);
  }

  /** Runs a write, of which others know for so long at most that it is under way. */
  async writing<T>(ms: number, write: () => Promise<T>): Promise<T> {
    const [name, owner] = [`write/${randomUUID()}`, randomUUID()];
    await this.claim(name, owner, ms);
    try {
      return await write();
    } finally {
      await this.#letGo(name, owner);
    }
  }

  /** Waits for the writes that are under way now, and for none that begins meanwhile: a delivery may be the echo of one. */
  async written(): Promise<void> {
    for (const name of await this.ledger.names(this.authorization, "write/")) {
      for (let pause = PAUSE_MS; ; pause = Math.min(pause * 2, MAX_PAUSE_MS)) {
        const text = await this.#get(name);
        if (text === undefined) break;
        const held = heldOf(text);
        if (held === undefined || isOver(held)) {
          await this.#replace(name, text, undefined);
          break;
        }
        await sleep(pause);
      }
    }
  }

  /** A record's turn: it is judged and remembered by one at a time. */
  async turn<T>(sysId: string, judge: () => Promise<T>): Promise<T> {
    const [name, owner] = [`turn/${sysId}`, randomUUID()];
    await this.wait(name, owner, MAX_TURN_MS);
    try {
      return await judge();
    } finally {
      await this.#letGo(name, owner);
    }
  }

  /** A claim that is not given up ends by its time, so that neither an error nor a long wait is anybody's. */
  async #letGo(name: string, owner: string): Promise<void> {
    await before(
      performance.now() + MAX_LETTING_GO_MS,
      this.release(name, owner).catch(() => {}),
    );
  }

  async #end(name: string, owner: string, end: (held: Held) => string | undefined): Promise<void> {
    for (;;) {
      const text = await this.#get(name);
      const held = text === undefined ? undefined : heldOf(text);
      if (held?.owner !== owner || (await this.#replace(name, text, end(held)))) return;
    }
  }

  /** Changes a record, whoever else changes it at the same time. */
  async #change<T>(sysId: string, change: (known: Known) => [Known, T]): Promise<T> {
    const name = `record/${sysId}`;
    for (;;) {
      const text = await this.#get(name);
      const [after, said] = change(read(text));
      const written = JSON.stringify({ seen: after.seen ?? null, settled: after.settled });
      if (written === text || (await this.#replace(name, text, written))) return said;
    }
  }

  async #put(name: string, text: string): Promise<void> {
    while (!(await this.#replace(name, await this.#get(name), text)));
  }

  async #get(name: string): Promise<string | undefined> {
    return this.ledger.get(this.authorization, name);
  }

  async #replace(name: string, before: string | undefined, after: string | undefined): Promise<boolean> {
    return this.ledger.replace(this.authorization, name, before, after);
  }
}

/** A record of a text. What nobody can read is nothing. */
function read(text: string | undefined): Known {
  try {
    const { seen, settled } = JSON.parse(text ?? "{}") as { seen?: string | null; settled?: number[] };
    return { seen: seen ?? undefined, settled: settled ?? [] };
  } catch {
    return { seen: undefined, settled: [] };
  }
}

function heldOf(text: string): Held | undefined {
  const [owner = "", begins, ends, inDoubt] = text.split(" ");
  const held = { owner, begins: Number(begins), ends: Number(ends), inDoubt: inDoubt !== undefined };
  return Number.isNaN(held.begins + held.ends) ? undefined : held;
}

function textOf({ owner, begins, ends, inDoubt }: Held): string {
  return `${owner} ${begins} ${ends}${inDoubt ? " in-doubt" : ""}`;
}

/** Whether its time passed. One of the future was made before a clock was set back. */
function isOver({ begins, ends }: Held): boolean {
  return ends < Date.now() || begins > Date.now() + SET_BACK_MS;
}

/** The name of a cursor's text. Whoever reads other tables reads on from another place. */
function cursorName(tables: readonly string[]): string {
  return `cursor/${[...new Set(tables)].sort().join(",")}`;
}
