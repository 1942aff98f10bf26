// Which requests of the component may leave, and with which headers. Nothing here does any I/O.

import type { Request } from "./http.js";

/** What the incident node asks for. */
export const INCIDENT_CALLS: readonly string[] = [
  "GET,POST,PATCH /api/now/table/incident",
  "GET /api/now/table/sys_choice",
  "GET /api/now/table/sys_dictionary",
];

/** What event sync asks for. */
export const EVENT_CALLS: readonly string[] = [
  ...INCIDENT_CALLS,
  "GET /api/now/table/sys_journal_field",
  "GET /api/now/table/task",
  "GET /api/now/table/sc_request",
  "GET /api/now/table/sc_req_item",
  "GET /api/now/table/sc_task",
  "GET /api/now/table/change_request",
  "GET /api/now/table/problem",
  "GET /api/now/table/sys_user",
  "GET /api/now/table/sys_user_group",
  "GET /api/now/table/cmdb_ci",
  "GET /api/now/table/cmdb_ci_service",
  "GET /api/now/table/service_offering",
  "GET /api/now/table/core_company",
  "GET /api/now/table/cmn_location",
  "GET /api/now/table/sys_properties?name=glide.sys.default.tz",
];

/** What a component may set: what describes a request and its body. */
export const REQUEST_HEADERS: readonly string[] = ["accept", "accept-language", "content-type", "user-agent"];

/** What a component reads of an answer. It is shown nothing else, and so no credential, such as a session's cookie. */
export const RESPONSE_HEADERS: readonly string[] = [
  "content-encoding",
  "content-type",
  "retry-after",
  "x-ratelimit-reset",
  "x-total-count",
];

/** What rules may not add either: it changes what is called or by whom, or how a body is read. */
const NEVER_SENT: readonly string[] = [
  "accept-encoding",
  "authorization",
  "connection",
  "content-encoding",
  "content-length",
  "cookie",
  "cookie2",
  "expect",
  "forwarded",
  "host",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "range",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "via",
  "x-http-method",
  "x-http-method-override",
  "x-method-override",
  "x-original-url",
  "x-rewrite-url",
  "x-sn-apikey",
];

/** Parameters that say how rows are shown, and not which. */
const SHAPING: readonly string[] = [
  "sysparm_display_value",
  "sysparm_exclude_reference_link",
  "sysparm_fields",
  "sysparm_limit",
];

/** A path that every server reads alike: no dots, no escapes, no parameters. */
const PLAIN = /^(\/[A-Za-z0-9_-]+)+$/;

/** The segment that is never reached: the batch API tunnels any other path. */
const BATCH = /\/batch(\/|$)/i;

/** Methods and a path, with all that is below it; of properties the one that is named. */
export interface AllowedCall {
  methods: string[];
  path: string;
  condition: string;
}

/** Reads allowed calls, such as `GET,POST /api/now/table/incident`. */
export function allowedCalls(texts: readonly string[]): AllowedCall[] {
  return texts.map((text) => {
    const found = /^([A-Z]+(?:,[A-Z]+)*) ([^?]+)(?:\?(.*))?$/.exec(text);
    const [, methods = "", path = "", condition = ""] = found ?? [];
    if (!isPlain(path)) {
      throw new TypeError(
        `"${text}" is no allowed call; give methods and a path, such as "GET,POST /api/now/table/incident"`,
      );
    }
    return { methods: methods.split(","), path, condition };
  });
}

/**
 * Whether a request may leave: to the authorization's own origin, by a call that is allowed, and a write only for a
 * method that writes.
 */
export function isAllowed(
  request: Request,
  origin: string,
  allowed: AllowedCall[],
  writes: boolean,
): boolean {
  const { method, url } = request;
  if (!isOrigin(origin) || !url.startsWith(`${origin}/`) || (method !== "GET" && !writes)) return false;
  const [path = "", query = ""] = split(url.slice(origin.length));
  return (
    isPlain(path) &&
    allowed.some(
      (call) =>
        call.methods.includes(method) &&
        (call.condition === ""
          ? path === call.path || path.startsWith(`${call.path}/`)
          : path === call.path && asksFor(query, call.condition)),
    )
  );
}

/** The headers that a rules document adds to requests, but for those that none may. */
export function headersOfRules(rules: string): string[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(rules);
  } catch {
    return [];
  }
  const named = (parsed as { headers?: unknown } | null)?.headers;
  if (typeof named !== "object" || named === null || Array.isArray(named)) return [];
  const names = Object.keys(named).map((name) => name.toLowerCase());
  return names.filter((name) => !NEVER_SENT.includes(name) && !name.startsWith("x-forwarded-"));
}

function isOrigin(origin: string): boolean {
  return (
    URL.canParse(origin) && /^https?:$/.test(new URL(origin).protocol) && new URL(origin).origin === origin
  );
}

function isPlain(path: string): boolean {
  return PLAIN.test(path) && !BATCH.test(path);
}

function split(target: string): [string, string] {
  const at = target.indexOf("?");
  return at < 0 ? [target, ""] : [target.slice(0, at), target.slice(at + 1)];
}

/** Whether a query selects by this condition alone: properties hold secrets, so they are read by their names. */
function asksFor(query: string, condition: string): boolean {
  const selecting = [...new URLSearchParams(query)].filter(([name]) => !SHAPING.includes(name.toLowerCase()));
  return selecting.length === 1 && selecting[0]![0] === "sysparm_query" && selecting[0]![1] === condition;
}
