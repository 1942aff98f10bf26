// What the component may reach: the origin of its credential, and there the Table API alone, beside the token service.

import type { OutgoingRequest } from "@bytecodealliance/preview2-shim/interfaces/wasi-http-types";
import type { Granted } from "../generated/interfaces/servicenow-plugin-credentials.js";

/** What the path of a request to the instance begins with. */
const TABLE_API = "/api/now/table/";

/** The address of a request, or `undefined` where it has none of http. */
function address(request: OutgoingRequest): URL | undefined {
  const scheme = request.scheme()?.tag.toLowerCase();
  const url = `${scheme}://${request.authority()}${request.pathWithQuery() ?? "/"}`;
  return scheme !== undefined && URL.canParse(url) ? new URL(url) : undefined;
}

/** Whether a request may leave. */
export function isAllowed(request: OutgoingRequest, granted: Granted | undefined): boolean {
  const url = address(request);
  if (url === undefined || granted === undefined) return false;
  const isTokenRequest = granted.tokenUrl !== "" && url.href === new URL(granted.tokenUrl).href;
  // A path is compared as it will be read: `..` and its encodings are resolved by then, so they are not in it.
  return (
    isTokenRequest || (url.origin === new URL(granted.origin).origin && url.pathname.startsWith(TABLE_API))
  );
}
