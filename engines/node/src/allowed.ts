// What the component may reach: the Table API of its credential's origin, and its token service.

import type { OutgoingRequest } from "@bytecodealliance/preview2-shim/interfaces/wasi-http-types";
import type { Granted } from "../generated/interfaces/servicenow-plugin-credentials.js";

/** The tables, and a record's key. Plain segments only: no dots, no escapes, which one server reads as this and another as that. */
const TABLE_API = /^\/api\/now\/table\/[A-Za-z0-9_]+(\/[0-9a-f]{32})?$/;

const METHODS = ["get", "post", "patch"];

/** A host and port, and nothing that a browser would read as a user. */
const AUTHORITY = /^[A-Za-z0-9.\-[\]:]+$/;

/** What a request is made of, each part as it will be sent. */
export interface Parts {
  method: string;
  scheme: string;
  authority: string;
  path: string;
}

/** Whether a request may leave. */
export function isAllowed({ method, scheme, authority, path }: Parts, granted: Granted | undefined): boolean {
  if (granted === undefined || !path.startsWith("/") || !AUTHORITY.test(authority)) return false;
  // The path stays out of what is parsed as an address: parts that are put together can be taken apart in another place.
  const address = `${scheme}://${authority}`;
  if (!URL.canParse(address) || !URL.canParse(granted.origin)) return false;
  const { origin } = new URL(address);
  if (granted.tokenUrl !== "" && URL.canParse(granted.tokenUrl)) {
    const token = new URL(granted.tokenUrl);
    if (origin === token.origin && path === token.pathname + token.search && method === "post") return true;
  }
  const [plain = ""] = path.split("?");
  return origin === new URL(granted.origin).origin && TABLE_API.test(plain) && METHODS.includes(method);
}

/** The parts of a request of `wasi:http`. */
export function partsOf(request: OutgoingRequest): Parts {
  return {
    method: request.method().tag,
    scheme: request.scheme()?.tag.toLowerCase() ?? "",
    authority: request.authority() ?? "",
    path: request.pathWithQuery() ?? "/",
  };
}
