// What the component gets when it asks for an authorization by name.

import type { Granted } from "../generated/interfaces/servicenow-plugin-credentials.js";

export type { Granted } from "../generated/interfaces/servicenow-plugin-credentials.js";

/**
 * Asked by authorization name before each call, and once more, with `refused`, after ServiceNow answered 401.
 * `undefined` where there is none of that name.
 */
export type Credentials = (
  authorization: string,
  refused: boolean,
) => Granted | undefined | Promise<Granted | undefined>;

function header(origin: string, grantType: Granted["grantType"], name: string, value: string): Granted {
  return { origin, tokenUrl: "", grantType, credential: { tag: "header", val: { name, value } } };
}

/** A bearer token made elsewhere. */
export function bearer(origin: string, token: string): Granted {
  return header(origin, "bearer", "authorization", `Bearer ${token}`);
}

/** A ServiceNow API key. */
export function apiKey(origin: string, key: string): Granted {
  return header(origin, "api-key", "x-sn-apikey", key);
}

/** HTTP Basic. */
export function basic(origin: string, username: string, password: string): Granted {
  const encoded = Buffer.from(`${username}:${password}`).toString("base64");
  return header(origin, "basic", "authorization", `Basic ${encoded}`);
}

/** OAuth 2.0 client credentials: the component obtains the token itself. */
export function clientCredentials(
  origin: string,
  clientId: string,
  clientSecret: string,
  options: { scope?: string; tokenUrl?: string } = {},
): Granted {
  const client = { clientId, clientSecret, ...(options.scope === undefined ? {} : { scope: options.scope }) };
  const tokenUrl = options.tokenUrl ?? `${origin}/oauth_token.do`;
  return { origin, tokenUrl, grantType: "client-credentials", credential: { tag: "grant", val: client } };
}
