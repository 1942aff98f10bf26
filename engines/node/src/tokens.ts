// Access tokens: fetched outside of the component, one fetch at a time for each client, and shared by all calls.

import type { UnreachableReason } from "../generated/node/interfaces/servicenow-plugin-credentials.js";
import type { Header, TokenRequest } from "./authorizations.js";
import { Broken, type Response, type Transport } from "./http.js";
import { before } from "./threads.js";

/** A fetch is given up after this: a token comes within a second, and while a fetch hangs nobody starts another. */
const FETCH_TIMEOUT_MS = 10_000;

/** The life of a token whose answer names none. ServiceNow's default is 1800 s; a shorter guess costs a fetch more. */
const ASSUMED_LIFE_MS = 300_000;

/** A token is used for this long whatever life its answer names. */
const MIN_LIFE_MS = 10_000;

/** A token is renewed when a tenth of its life is left, and at most this long before its end. */
const RENEWAL_MARGIN_MS = 60_000;

/** A token answer is below 1 KB, or a few KB with a JWT. */
const MAX_ANSWER = 64 * 1024;

/** How much of a token service's words is told. */
const MAX_SAID = 1_000;

/** How many clients are remembered. */
const MAX_KNOWN = 1_000;

/** A token, ready to be sent. */
export interface Token {
  header: Header;
  scope: string | undefined;
  obtained: number;
  expires: number;
  refreshToken: string | undefined;
}

/** A token, or why there is none. */
export type Answer =
  | { token: Token }
  | { refused: { status: number; error: string; description: string } }
  | { unreachable: UnreachableReason }
  | { timeout: true };

interface Slot {
  current?: Token;
  fetching?: Promise<Answer>;
  refreshToken?: string;
}

export class Tokens {
  readonly #transport: Transport;
  readonly #slots = new Map<string, Slot>();

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The current token, fetched where there is none. A fetch goes on where the call that began it ran out of time. */
  async get(request: TokenRequest, deadline: number): Promise<Answer> {
    const slot = this.#slot(request);
    if (slot.current !== undefined && isFresh(slot.current)) return { token: slot.current };
    slot.fetching ??= this.#fetch(request, slot);
    return (await before(deadline, slot.fetching))?.value ?? { timeout: true };
  }

  /** A token after ServiceNow refused this one. Where another call renewed it meanwhile, that one. */
  renewed(request: TokenRequest, refused: Header | undefined, deadline: number): Promise<Answer> {
    const slot = this.#slot(request);
    if (slot.current?.header.value === refused?.value) delete slot.current;
    return this.get(request, deadline);
  }

  /** What nobody may be shown of a client. */
  secrets(request: TokenRequest): string[] {
    const isSecret = ([name]: [string, string]) => name === "client_secret" || name === "refresh_token";
    const rotated = this.#slot(request).refreshToken;
    return [...request.form.filter(isSecret).map(([, value]) => value), ...(rotated ? [rotated] : [])];
  }

  #slot(request: TokenRequest): Slot {
    const key = JSON.stringify(request);
    const slot = this.#slots.get(key) ?? {};
    // The one that was used last stands last.
    this.#slots.delete(key);
    this.#slots.set(key, slot);
    for (const oldest of this.#slots.keys()) {
      if (this.#slots.size <= MAX_KNOWN) break;
      this.#slots.delete(oldest);
    }
    return slot;
  }

  async #fetch(request: TokenRequest, slot: Slot): Promise<Answer> {
    const answer = await this.#ask(request, slot.refreshToken);
    delete slot.fetching;
    if ("token" in answer) {
      slot.current = answer.token;
      if (answer.token.refreshToken !== undefined) slot.refreshToken = answer.token.refreshToken;
      return answer;
    }
    // An early renewal that failed: the token at hand is still good.
    const isGood = slot.current !== undefined && slot.current.expires > performance.now();
    return isGood ? { token: slot.current! } : answer;
  }

  async #ask(request: TokenRequest, rotated: string | undefined): Promise<Answer> {
    const form = request.form.map(([name, value]): [string, string] => [
      name,
      name === "refresh_token" ? (rotated ?? value) : value,
    ]);
    try {
      const response = await this.#transport.send(
        {
          method: "POST",
          url: request.url,
          headers: [
            ["accept", "application/json"],
            ["content-type", "application/x-www-form-urlencoded"],
          ],
          body: new URLSearchParams(form).toString(),
        },
        performance.now() + FETCH_TIMEOUT_MS,
      );
      return read(response);
    } catch (error) {
      const reason = error instanceof Broken ? error.reason : "lost";
      if (reason === "deadline") return { timeout: true };
      return { unreachable: reason === "too-large" || reason === "limit" ? "lost" : reason };
    }
  }
}

/** Reads a token service's answer. The status decides: `error` is `server_error` for nearly every mistake. */
export function read({ status, headers, body }: Response): Answer {
  const [, type = ""] = headers.find(([name]) => name.toLowerCase() === "content-type") ?? [];
  const isJson = type.split(";")[0]!.trim().toLowerCase() === "application/json";
  const text = Buffer.from(body).toString("utf8", 0, MAX_ANSWER + 1);
  if (!isJson && /instance-hibernating-page|Your instance is hibernating/.test(text)) {
    return { unreachable: "hibernating" };
  }
  const answer = isJson && text.length <= MAX_ANSWER ? parsed(text) : undefined;
  if (status === 429) return { unreachable: "rate-limited" };
  if (status >= 500) return { unreachable: "server-error" };
  const token = answer?.["access_token"];
  if (status === 200 && typeof token === "string" && /^[!-~]+$/.test(token))
    return { token: made(token, answer!) };
  const isRefusal = status >= 400 && (answer !== undefined || [400, 401, 403].includes(status));
  if (!isRefusal) return { unreachable: "not-json" };
  return {
    refused: { status, error: said(answer?.["error"]), description: said(answer?.["error_description"]) },
  };
}

function isFresh({ obtained, expires }: Token): boolean {
  return performance.now() + Math.min((expires - obtained) / 10, RENEWAL_MARGIN_MS) < expires;
}

function made(token: string, answer: Record<string, unknown>): Token {
  const seconds = Number.parseInt(String(answer["expires_in"]), 10);
  const life = Number.isNaN(seconds) ? ASSUMED_LIFE_MS : Math.max(seconds * 1000, MIN_LIFE_MS);
  const { scope, refresh_token: refreshToken } = answer;
  const obtained = performance.now();
  return {
    header: { name: "authorization", value: `Bearer ${token}` },
    scope: typeof scope === "string" ? said(scope) : undefined,
    obtained,
    expires: obtained + life,
    refreshToken: typeof refreshToken === "string" && refreshToken !== "" ? refreshToken : undefined,
  };
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function said(value: unknown): string {
  return typeof value === "string" ? value.slice(0, MAX_SAID) : "";
}
