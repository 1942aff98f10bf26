// What the component imports, answered in the main thread: credentials that it never sees, the way out, and the ledger.

import type { Granted } from "../generated/node/interfaces/servicenow-plugin-credentials.js";
import type * as transport from "../generated/node/interfaces/servicenow-plugin-transport.js";
import {
  FIXED,
  isAuthorization,
  isHeader,
  isTokenRequest,
  type Authorization,
  type Authorizations,
  type Header,
} from "./authorizations.js";
import type { Call } from "./calls.js";
import { Broken, type Request, type Response, type Transport } from "./http.js";
import { ledgerImports } from "./ledger-imports.js";
import { isAllowed, REQUEST_HEADERS, RESPONSE_HEADERS, type AllowedCall } from "./policy.js";
import { before } from "./threads.js";
import { Tokens, type Answer } from "./tokens.js";

/** The largest request, in bytes: ServiceNow's own limit. */
const MAX_REQUEST = 10 * 1024 * 1024;

/** How much later than asked a transport may tell that the time is over: what it says of it is better than nothing. */
const OVERRUN_MS = 20;

/** The largest headers of a request, in characters. */
const MAX_HEADERS = 64 * 1024;

/** A result's error, which the component is told. */
export class Refusal extends Error {
  constructor(readonly payload: unknown) {
    super("refused");
  }
}

const refuse = (tag: string, val?: unknown): never => {
  throw new Refusal(val === undefined ? { tag } : { tag, val });
};

export interface Outside {
  authorizations: Authorizations;
  transport: Transport;
  allowed: AllowedCall[];
  log: (message: string) => void;
}

export class Imports {
  readonly #outside: Outside;
  readonly #tokens: Tokens;

  constructor(outside: Outside) {
    this.#outside = outside;
    this.#tokens = new Tokens(outside.transport);
  }

  /** Answers what a call's component asks. */
  async answer(call: Call, name: string, parameters: unknown[]): Promise<unknown> {
    switch (name) {
      case "get":
        return this.#get(call, parameters[0] as string);
      case "refused":
        return this.#refused(call, parameters[0] as string);
      case "send":
        return this.#send(call, parameters[0] as transport.Request);
      default:
        return ledgerImports(call, name, parameters, this.#outside.log);
    }
  }

  /** An authorization by its name. Where it cannot be had, the reason is in the log, without what was thrown. */
  async authorization(name: string): Promise<Authorization | "denied-by-host" | undefined> {
    const { authorizations, log } = this.#outside;
    let given: unknown;
    try {
      given =
        typeof authorizations === "function"
          ? await authorizations(name)
          : Object.hasOwn(authorizations, name)
            ? authorizations[name]
            : undefined;
    } catch {
      log(`the function that gives the authorization "${name}" threw`);
      return "denied-by-host";
    }
    if (given === undefined || isAuthorization(given)) return given;
    log(`the authorization "${name}" is none: make it with basic, clientCredentials or their like`);
    return "denied-by-host";
  }

  async #get(call: Call, name: string): Promise<Granted> {
    if (name !== call.plan.authorization) refuse("unknown-authorization");
    const found = await before(call.deadline, this.authorization(name));
    if (found === undefined) return refuse("timeout");
    const authorization = found.value;
    if (authorization === undefined) return refuse("unknown-authorization");
    if (authorization === "denied-by-host") return refuse("unreachable", authorization);
    call.authorization = authorization;
    call.knows(...(authorization.callbackSecrets ?? []));
    const { credential } = authorization;
    if (isTokenRequest(credential)) {
      call.knows(...this.#tokens.secrets(credential));
      return this.#granted(call, authorization, await this.#tokens.get(credential, call.deadline));
    }
    if (typeof credential !== "function") return this.#granted(call, authorization, credential);
    return this.#granted(call, authorization, await this.#asked(call, credential, false));
  }

  async #refused(call: Call, name: string): Promise<Granted> {
    const { authorization } = call;
    if (name !== call.plan.authorization || authorization === undefined)
      return refuse("unknown-authorization");
    const { credential, grantType } = authorization;
    if (isTokenRequest(credential)) {
      return this.#granted(
        call,
        authorization,
        await this.#tokens.renewed(credential, call.header, call.deadline),
      );
    }
    if (typeof credential === "function" && !FIXED.includes(grantType)) {
      return this.#granted(call, authorization, await this.#asked(call, credential, true));
    }
    const description = "the stored credential is no longer accepted; store a new one";
    return refuse("refused", { grantType, status: 401, error: "", description });
  }

  async #asked(
    call: Call,
    credential: (refused: boolean) => unknown,
    refused: boolean,
  ): Promise<Header | Answer> {
    try {
      const given = await before(call.deadline, (async () => credential(refused))());
      return given === undefined ? { timeout: true } : (given.value as Header);
    } catch {
      this.#outside.log(`the header function of "${call.plan.authorization}" threw`);
      return { unreachable: "denied-by-host" };
    }
  }

  /** What the component is told of a credential, which the host keeps for the requests of this call. */
  #granted(call: Call, authorization: Authorization, answer: Header | Answer): Granted {
    const { origin, grantType } = authorization;
    if (typeof answer === "object" && answer !== null) {
      if ("timeout" in answer) refuse("timeout");
      if ("unreachable" in answer) refuse("unreachable", answer.unreachable);
      if ("refused" in answer) {
        const { status, error, description } = answer.refused;
        const struck = { error: call.struck(error), description: call.struck(description) };
        refuse("refused", { grantType, status, ...struck });
      }
    }
    const token =
      typeof answer === "object" && answer !== null && "token" in answer ? answer.token : undefined;
    const header = token?.header ?? (answer as Header);
    if (!isHeader(header)) {
      this.#outside.log(`the header of "${call.plan.authorization}" cannot be sent as it is`);
      return refuse("unreachable", "denied-by-host");
    }
    call.header = header;
    call.knows(...partsOf(header.value));
    const granted: Granted = { origin, tokenUrl: "", grantType, credential: { tag: "added-by-host" } };
    if (token === undefined) return granted;
    const expiresIn = Math.max(Math.trunc((token.expires - performance.now()) / 1000), 0);
    return { ...granted, token: { ...(token.scope === undefined ? {} : { scope: token.scope }), expiresIn } };
  }

  async #send(call: Call, asked: transport.Request): Promise<transport.Response> {
    try {
      const request = this.#request(call, asked);
      const deadline = Math.min(call.deadline, performance.now() + Number(asked.withinMs));
      return answered(call, await this.#exchange(call, request, deadline));
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      const { reason, notSent, status } = error;
      throw new Refusal({ reason, notSent, ...(status === undefined ? {} : { status }) });
    }
  }

  /** A request as it will leave. Throws `Broken` where it may not. */
  #request(call: Call, asked: transport.Request): Request {
    const headers = asked.headers.map(({ name, value }): [string, string] => [name.toLowerCase(), value]);
    const maySet = [...REQUEST_HEADERS, ...call.plan.headers];
    const areAllowed = headers.every(([name, value]) => maySet.includes(name) && isHeader({ name, value }));
    const size = headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
    const method = asked.method.toUpperCase() as Request["method"];
    const request: Request = {
      method,
      url: asked.url,
      headers,
      ...(asked.body ? { body: asked.body.val } : {}),
    };
    const { authorization, header } = call;
    const isSmall = size <= MAX_HEADERS && Buffer.byteLength(asked.body?.val ?? "") <= MAX_REQUEST;
    if (authorization === undefined || header === undefined || !areAllowed || !isSmall) {
      throw new Broken("denied-by-host", true);
    }
    if (!isAllowed(request, authorization.origin, this.#outside.allowed, call.plan.writes)) {
      this.#outside.log(`a request was refused: ${method} ${asked.url.split("?")[0]}`);
      throw new Broken("denied-by-host", true);
    }
    return { ...request, headers: [...headers, [header.name, header.value]] };
  }

  async #exchange(call: Call, request: Request, deadline: number): Promise<Response> {
    if (call.over || performance.now() >= call.deadline) throw new Broken("deadline", true);
    const hadWritten = call.wrote;
    call.wrote ||= request.method !== "GET";
    try {
      const sent = this.#outside.transport.send(request, deadline);
      const answered = await before(deadline + OVERRUN_MS, sent);
      // An embedder's client that goes on: what it sent is not known.
      if (answered === undefined) throw new Broken("deadline", false);
      return answered.value;
    } catch (error) {
      if (!(error instanceof Broken)) {
        // Whatever an embedder's client throws: it proves nothing.
        this.#outside.log("the transport threw");
        throw new Broken("lost", false);
      }
      if (error.notSent) call.wrote = hadWritten;
      throw error;
    }
  }
}

/** A header's value, what follows its scheme, and the password within. */
function partsOf(value: string): string[] {
  const at = value.indexOf(" ");
  const rest = at < 0 ? "" : value.slice(at + 1);
  const isBasic = value.startsWith("Basic ");
  const pair = isBasic ? Buffer.from(rest, "base64").toString() : "";
  return [value, rest, pair.slice(pair.indexOf(":") + 1)];
}

/** An answer as the component is shown it: without credentials, and as text where it is text. */
function answered(call: Call, { status, headers, body }: Response): transport.Response {
  const seen = headers
    .map(([name, value]) => ({ name: name.toLowerCase(), value: call.struck(value) }))
    .filter(({ name }) => RESPONSE_HEADERS.includes(name));
  let told: transport.Body;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(body);
    told = { tag: "text", val: call.struck(text) };
  } catch {
    told = { tag: "bytes", val: body };
  }
  return { status, headers: seen, body: told };
}
