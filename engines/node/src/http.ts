// The way out: one exchange at a time, by undici or by a client of the embedder's.

import { rootCertificates } from "node:tls";
import { EnvHttpProxyAgent, Pool, ProxyAgent, type Dispatcher } from "undici";
import type { BrokenReason } from "../generated/node/interfaces/servicenow-plugin-transport.js";

/** The largest answer that is taken in, in bytes: ServiceNow's own limit of requests. */
export const MAX_ANSWER = 10 * 1024 * 1024;

/** How many connections to one host are made. */
const MAX_CONNECTIONS = 256;

/** A request, with the credential among its headers. */
export interface Request {
  method: "GET" | "POST" | "PATCH" | "DELETE";
  url: string;
  headers: [name: string, value: string][];
  body?: string | Uint8Array;
}

/** A whole answer. A redirect is one: none is followed. */
export interface Response {
  status: number;
  headers: [name: string, value: string][];
  body: Uint8Array;
}

/** There is no whole answer. `notSent` is true only where nothing of the request can have left. */
export class Broken extends Error {
  constructor(
    readonly reason: BrokenReason,
    readonly notSent: boolean,
    readonly status?: number,
  ) {
    super(reason);
  }
}

/** An HTTP client. It repeats nothing by itself and follows no redirect. */
export interface Transport {
  /** Sends a request and takes in the whole answer until a time of `performance.now()`; rejects with `Broken`. */
  send(request: Request, deadline: number): Promise<Response>;
  close(): Promise<void>;
}

export interface HttpOptions {
  /** Certificates of a private CA, in PEM, that are trusted beside the well-known ones. */
  ca?: string | Buffer | (string | Buffer)[];
  /** The proxy, in place of the one that `HTTPS_PROXY` and `NO_PROXY` name. */
  proxy?: string;
}

/** undici, with connections that are kept. */
export function httpTransport({ ca, proxy }: HttpOptions = {}): Transport {
  const tls = ca === undefined ? {} : { ca: [...rootCertificates, ...[ca].flat()] };
  const options = {
    connections: MAX_CONNECTIONS,
    connect: tls,
    requestTls: tls,
    headersTimeout: 0,
    bodyTimeout: 0,
    factory: (origin: string | URL, given: object) => new Pool(origin, endingOnce(given)),
  };
  const dispatcher =
    proxy === undefined ? new EnvHttpProxyAgent(options) : new ProxyAgent({ ...options, uri: proxy });
  return {
    send: (request, deadline) => new Exchange(deadline).run(dispatcher, request),
    close: () => dispatcher.destroy(),
  };
}

/**
 * The options of a pool, with connections that fail once: undici would make one that breaks while it is made again and
 * again, for as long as somebody waits, and a proxy that closes is one that breaks.
 */
function endingOnce(given: Pool.Options): Pool.Options {
  const { connect } = given;
  if (typeof connect !== "function") return given;
  return {
    ...given,
    connect: (options, callback) =>
      connect(options, (...[error, socket]) => {
        if (error === null) callback(null, socket);
        else callback(Object.assign(new Error(error.message), { code: NO_CONNECTION, cause: error }), null);
      }),
  };
}

/** The code of a connection that was not made. */
const NO_CONNECTION = "ECONNECTION";

/** One exchange. undici starts a request once there is a connection for it: until then nothing has left. */
class Exchange implements Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | undefined;
  #status: number | undefined;
  #headers: [string, string][] = [];
  #parts: Buffer[] = [];
  #size = 0;
  #ended = false;
  #resolve: (response: Response) => void = () => {};
  #reject: (broken: Broken) => void = () => {};
  #timer: NodeJS.Timeout | undefined;

  constructor(readonly deadline: number) {}

  run(dispatcher: Dispatcher, request: Request): Promise<Response> {
    const answered = new Promise<Response>(
      (resolve, reject) => ([this.#resolve, this.#reject] = [resolve, reject]),
    );
    const left = this.deadline - performance.now();
    if (left <= 0 || !URL.canParse(request.url)) {
      this.#break(left <= 0 ? "deadline" : "connect");
      return answered;
    }
    const { origin } = new URL(request.url);
    this.#timer = setTimeout(() => this.#break("deadline"), left);
    const options: Dispatcher.DispatchOptions = {
      origin,
      path: request.url.slice(origin.length) || "/",
      method: request.method,
      headers: request.headers.flat(),
      body: request.body ?? null,
    };
    try {
      dispatcher.dispatch(options, this);
    } catch (error) {
      this.onResponseError(undefined, error);
    }
    return answered;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#ended) controller.abort(new Error("the time was over before it was sent"));
    else this.#controller = controller;
  }

  onResponseStart(_: unknown, status: number, headers: Record<string, string | string[] | undefined>): void {
    if (status < 200) return;
    this.#status = status;
    for (const [name, value] of Object.entries(headers)) {
      for (const one of [value ?? []].flat()) this.#headers.push([name, one]);
    }
    if (Number(headers["content-length"]) > MAX_ANSWER) this.#break("too-large");
  }

  onResponseData(_: unknown, part: Buffer): void {
    this.#size += part.length;
    if (this.#size > MAX_ANSWER) this.#break("too-large");
    else this.#parts.push(part);
  }

  onResponseEnd(): void {
    if (this.#status === undefined) return this.#break("lost");
    this.#end();
    this.#resolve({ status: this.#status, headers: this.#headers, body: Buffer.concat(this.#parts) });
  }

  onResponseError(_: unknown, error: unknown): void {
    this.#break(this.#controller === undefined ? whyNotConnected(error) : "lost");
  }

  #break(reason: BrokenReason): void {
    if (this.#ended) return;
    this.#end();
    this.#reject(new Broken(reason, this.#controller === undefined, this.#status));
    // What is left of the answer belongs to nobody: the connection is not used again.
    this.#controller?.abort(new Error(reason));
  }

  #end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }
}

/** Why there is no connection, by the code that Node.js and OpenSSL give. */
function whyNotConnected(error: unknown): BrokenReason {
  const { code = "", cause } = error as { code?: string; cause?: { code?: string } };
  const codes = [String(code), String(cause?.code ?? "")];
  const is = (pattern: RegExp) => codes.some((one) => pattern.test(one));
  if (is(/^(ENOTFOUND|EAI_)/)) return "dns";
  if (is(/^UND_ERR_CONNECT_TIMEOUT$/)) return "deadline";
  if (is(/^(ERR_TLS|ERR_SSL|EPROTO|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_)/)) return "tls";
  return "connect";
}
