// Where a host keeps what event sync remembers: texts by name, for each authorization.

import { closeSync, openSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** Says in the file whose it is: the Rust and Python hosts write the same form, and use one file at the same time. */
const APPLICATION_ID = 0x534e_4c47;
const FORM = 2;

/** How long a text is kept that nobody replaces; cursors and events that wait stay. What is forgotten is told again. */
const KEPT_MS = 365 * 24 * 60 * 60 * 1000;

/** How long a statement may block this thread while another process writes, which takes less than a millisecond. */
const BLOCKED_MS = 10;

/** How long it is tried again after that, and how soon. */
const BUSY_MS = 5_000;
const PAUSE_MS = 10;

/** How long opening a file may block this thread: several processes may make it at once. */
const OPENING_MS = 1_000;

const TABLES = `
  CREATE TABLE texts (
    authorization TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, at_ms INTEGER NOT NULL,
    PRIMARY KEY (authorization, name)
  ) WITHOUT ROWID;
  CREATE INDEX by_age ON texts (at_ms);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORM};`;

type MaybePromise<T> = T | Promise<T>;

/** Texts by name. An embedder with a database of its own implements it; what is lost is told or written once more. */
export interface Ledger {
  /** Whether texts outlive the process. */
  readonly isDurable: boolean;
  /** The text under a name. */
  get(authorization: string, name: string): MaybePromise<string | undefined>;
  /**
   * Replaces a text where it is still what it was before, at once for all who share the ledger; `undefined` is no text.
   * Whether it was.
   */
  replace(
    authorization: string,
    name: string,
    before: string | undefined,
    after: string | undefined,
  ): MaybePromise<boolean>;
  /** The names that begin so, in order. */
  names(authorization: string, start: string): MaybePromise<string[]>;
}

/** A ledger that ends with the process. */
export function memoryLedger(): Ledger {
  const texts = new Map<string, Map<string, string>>();
  const of = (authorization: string) => {
    const known = texts.get(authorization) ?? new Map<string, string>();
    texts.set(authorization, known);
    return known;
  };
  return {
    isDurable: false,
    get: (authorization, name) => of(authorization).get(name),
    replace(authorization, name, before, after) {
      const known = of(authorization);
      if (known.get(name) !== before) return false;
      if (after === undefined) known.delete(name);
      else known.set(name, after);
      return true;
    },
    names: (authorization, start) =>
      [...of(authorization).keys()].filter((name) => name.startsWith(start)).sort(),
  };
}

/** What `node:sqlite` and better-sqlite3 have in common. */
export interface Database {
  exec(sql: string): unknown;
  prepare(sql: string): {
    get(...values: (string | number)[]): unknown;
    all(...values: (string | number)[]): unknown[];
    run(...values: (string | number)[]): { changes: number | bigint };
  };
}

/**
 * A ledger in a file, which any number of processes of one machine share: a path where Node.js has `node:sqlite`, as
 * since version 22.13, or an open database of better-sqlite3.
 */
export function sqliteLedger(file: string | Database): Ledger {
  const database = typeof file === "string" ? opened(file) : file;
  const named = typeof file === "string" ? file : "the database";
  const row = (sql: string, ...values: (string | number)[]) =>
    database.prepare(sql).get(...values) as Record<string, unknown> | undefined;
  const number = (sql: string) => Number(Object.values(row(sql) ?? {})[0]);
  const form = () => [
    number("PRAGMA application_id"),
    number("PRAGMA user_version"),
    number("SELECT count(*) AS count FROM sqlite_schema"),
  ];
  database.exec(`PRAGMA busy_timeout = ${OPENING_MS}`);
  if (form().every((one) => one === 0)) {
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("BEGIN IMMEDIATE");
    // Another process may have been first.
    if (form()[0] === 0) database.exec(TABLES);
    database.exec("COMMIT");
  }
  const [application, version] = form();
  if (application !== APPLICATION_ID) {
    throw new Error(`${named} is another program's database, and is left alone; give another path`);
  }
  if (version !== FORM) {
    throw new Error(`${named} has form ${version}, and this version reads form ${FORM}; give another path`);
  }
  database.exec("PRAGMA synchronous = NORMAL");
  database
    .prepare("DELETE FROM texts WHERE at_ms < ? AND name NOT GLOB 'cursor/*' AND name NOT GLOB 'outbox/*'")
    .run(Date.now() - KEPT_MS);
  database.exec(`PRAGMA busy_timeout = ${BLOCKED_MS}`);
  const changed = (sql: string, ...values: (string | number)[]) =>
    Number(database.prepare(sql).run(...values).changes) === 1;
  const get = (authorization: string, name: string) => {
    const found = row("SELECT value FROM texts WHERE authorization = ? AND name = ?", authorization, name);
    return found?.["value"] as string | undefined;
  };
  const replace = (
    authorization: string,
    name: string,
    before: string | undefined,
    after: string | undefined,
  ) => {
    if (before === undefined && after === undefined) return get(authorization, name) === undefined;
    if (before === undefined) {
      return changed(
        "INSERT OR IGNORE INTO texts VALUES (?, ?, ?, ?)",
        authorization,
        name,
        after!,
        Date.now(),
      );
    }
    const where = "WHERE authorization = ? AND name = ? AND value = ?";
    return after === undefined
      ? changed(`DELETE FROM texts ${where}`, authorization, name, before)
      : changed(
          `UPDATE texts SET value = ?, at_ms = ? ${where}`,
          after,
          Date.now(),
          authorization,
          name,
          before,
        );
  };
  const names = (authorization: string, start: string) =>
    database
      .prepare("SELECT name FROM texts WHERE authorization = ? AND substr(name, 1, ?) = ? ORDER BY name")
      .all(authorization, [...start].length, start)
      .map((found) => String((found as { name: unknown }).name));
  return {
    isDurable: true,
    get: (authorization, name) => unblocked(() => get(authorization, name)),
    replace: (authorization, name, before, after) =>
      unblocked(() => replace(authorization, name, before, after)),
    names: (authorization, start) => unblocked(() => names(authorization, start)),
  };
}

/** Tries a statement again while another process writes, without keeping this one from anything else. */
async function unblocked<T>(statement: () => T): Promise<T> {
  const until = performance.now() + BUSY_MS;
  for (;;) {
    try {
      return statement();
    } catch (error) {
      const isBusy = /database is locked|SQLITE_BUSY/.test(
        `${(error as Error).message} ${(error as { code?: string }).code}`,
      );
      if (!isBusy || performance.now() >= until) throw error;
      await sleep(PAUSE_MS);
    }
  }
}

function opened(path: string): Database {
  const sqlite = process.getBuiltinModule("node:sqlite") as
    { DatabaseSync: new (path: string) => Database } | undefined;
  if (sqlite === undefined) {
    throw new Error(
      "this Node.js has no node:sqlite: take version 22.13 or later, or give a database of better-sqlite3",
    );
  }
  // For its owner alone: it holds what records and events said.
  closeSync(openSync(path, "a+", 0o600));
  try {
    const database = new sqlite.DatabaseSync(path);
    database.exec(`PRAGMA busy_timeout = ${OPENING_MS}`);
    database.prepare("SELECT count(*) AS count FROM sqlite_schema").get();
    return database;
  } catch (error) {
    throw new Error(`${path} is no ledger, or damaged (${(error as Error).message}); give another path`);
  }
}
