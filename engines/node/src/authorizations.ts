// What the host knows of an authorization: where it is valid, and how its requests are authorized.

import type { Granted } from "../generated/node/interfaces/servicenow-plugin-credentials.js";

/** How access is obtained. It decides which explanations there are when it is refused. */
export type GrantType = Granted["grantType"];

export const GRANT_TYPES: readonly GrantType[] = [
  "client-credentials",
  "password",
  "refresh-token",
  "jwt-bearer",
  "bearer",
  "basic",
  "api-key",
];

/** The kinds that no token service stands behind: after a 401 there is no other credential. */
export const FIXED: readonly GrantType[] = ["bearer", "basic", "api-key"];

/** A header that is added to each request. */
export interface Header {
  name: string;
  value: string;
}

/** A form that is posted to a token service. Two that are equal share a token. */
export interface TokenRequest {
  url: string;
  form: [name: string, value: string][];
}

/** Asked for a header before a call, and once more, with `true`, after ServiceNow answered 401. */
export type HeaderFunction = (refused: boolean) => Header | Promise<Header>;

/** A credential, and the only origin it is valid for. */
export interface Authorization {
  origin: string;
  grantType: GrantType;
  credential: Header | TokenRequest | HeaderFunction;
  /** What deliveries must present. Two, while one takes the other's place. */
  callbackSecrets?: string[];
}

/**
 * The authorizations by name. A function is asked for each call, and returns `undefined` where there is none of that
 * name.
 */
export type Authorizations =
  | Record<string, Authorization>
  | ((name: string) => Authorization | undefined | Promise<Authorization | undefined>);

function fixed(origin: string, grantType: GrantType, name: string, value: string): Authorization {
  return { origin, grantType, credential: { name, value } };
}

/** A bearer token made elsewhere. */
export function bearer(origin: string, token: string): Authorization {
  return fixed(origin, "bearer", "authorization", `Bearer ${token}`);
}

/** A ServiceNow API key. */
export function apiKey(origin: string, key: string): Authorization {
  return fixed(origin, "api-key", "x-sn-apikey", key);
}

/** HTTP Basic. */
export function basic(origin: string, username: string, password: string): Authorization {
  const encoded = Buffer.from(`${username}:${password}`).toString("base64");
  return fixed(origin, "basic", "authorization", `Basic ${encoded}`);
}

/** A header from a function, for whoever has a token service of their own. */
export function headers(
  origin: string,
  credential: HeaderFunction,
  grantType: GrantType = "client-credentials",
): Authorization {
  return { origin, grantType, credential };
}

/** What a token may be asked for beside the client. */
export interface TokenOptions {
  scope?: string;
  /** The instance's own token service where absent. */
  tokenUrl?: string;
}

/** OAuth 2.0 client credentials. */
export function clientCredentials(
  origin: string,
  clientId: string,
  clientSecret: string,
  options: TokenOptions = {},
): Authorization {
  const form: TokenRequest["form"] = [
    ["grant_type", "client_credentials"],
    ["client_id", clientId],
    ["client_secret", clientSecret],
  ];
  return { origin, grantType: "client-credentials", credential: tokenRequest(origin, form, options) };
}

/**
 * An OAuth 2.0 refresh token. One that replaces it is kept in memory: a token service that rotates them wants
 * `headers`.
 */
export function refreshToken(
  origin: string,
  clientId: string,
  clientSecret: string,
  token: string,
  options: TokenOptions = {},
): Authorization {
  const form: TokenRequest["form"] = [
    ["grant_type", "refresh_token"],
    ["client_id", clientId],
    ["client_secret", clientSecret],
    ["refresh_token", token],
  ];
  return { origin, grantType: "refresh-token", credential: tokenRequest(origin, form, options) };
}

function tokenRequest(origin: string, form: TokenRequest["form"], options: TokenOptions): TokenRequest {
  const scope: TokenRequest["form"] = options.scope === undefined ? [] : [["scope", options.scope]];
  return { url: options.tokenUrl ?? `${origin}/oauth_token.do`, form: [...form, ...scope] };
}

/** Whether what a function returned is an authorization. */
export function isAuthorization(value: unknown): value is Authorization {
  if (!isRecord(value) || typeof value["origin"] !== "string") return false;
  const { grantType, credential, callbackSecrets = [] } = value;
  const isKnown = GRANT_TYPES.includes(grantType as GrantType);
  const areTexts =
    Array.isArray(callbackSecrets) && callbackSecrets.every((one) => typeof one === "string" && one !== "");
  return (
    isKnown &&
    areTexts &&
    (typeof credential === "function" || isTokenRequest(credential) || hasTexts(credential))
  );
}

/** Whether a credential is a request for a token. */
export function isTokenRequest(value: unknown): value is TokenRequest {
  if (!isRecord(value) || typeof value["url"] !== "string" || !Array.isArray(value["form"])) return false;
  return value["form"].every((pair) => Array.isArray(pair) && pair.every((text) => typeof text === "string"));
}

/** Whether a value is a header that can be sent as it is. */
export function isHeader(value: unknown): value is Header {
  return hasTexts(value) && /^[A-Za-z0-9-]+$/.test(value.name) && /^[ -~]*$/.test(value.value);
}

function hasTexts(value: unknown): value is Header {
  return isRecord(value) && typeof value["name"] === "string" && typeof value["value"] === "string";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
