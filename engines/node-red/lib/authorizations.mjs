// Authorizations for the host: of a configuration node, or by name from an authorizations file.

import { readFile } from "node:fs/promises";
import { resolve, dirname } from "node:path";
import { apiKey, basic, bearer, clientCredentials, refreshToken } from "servicenow-host";
import { parse } from "smol-toml";

/** How each grant is made, and of which keys of the authorizations file. */
const GRANTS = {
  "client-credentials": [["client-id", "client-secret"], clientCredentials],
  "refresh-token": [["client-id", "client-secret", "refresh-token"], refreshToken],
  basic: [["username", "password"], basic],
  bearer: [["token"], bearer],
  "api-key": [["api-key"], apiKey],
};

/** What an entry may have beside the keys of its grant. A restriction that this host does not enforce must not be there. */
const COMMON = ["instance", "grant", "allow-http-loopback"];
const OF_TOKENS = ["scope", "token-url"];
const WITH_TOKENS = [clientCredentials, refreshToken];

/** The authorization of a configuration node. An error says what is missing, and never what is there. */
export async function authorizationOf({ grant, instance, file, entry, credentials }) {
  if (grant === "file") return fromFile(file, entry);
  const { user, secret } = credentials ?? {};
  const [keys, make] = known(grant);
  const values = keys.length === 1 ? [secret] : [user, secret];
  keys.forEach((key, index) => {
    if (!values[index]) throw new Error(`the authorization has no ${key}: open it and fill it in`);
  });
  return make(originOf(instance), ...values);
}

/** The authorization of this name in an authorizations file, whose format the host in Rust has. */
export async function fromFile(path, name) {
  if (!path || !name) throw new Error("give the authorizations file, and the name of an authorization in it");
  const given = entryOf(await textOf(path), path, name);
  const [keys, make] = known(given.grant);
  const takes = [...COMMON, ...keys, ...(WITH_TOKENS.includes(make) ? OF_TOKENS : [])];
  const other = Object.keys(given).find((key) => !takes.includes(key));
  if (other !== undefined) {
    throw new Error(
      `${path}: ${name} has ${other}, which Node-RED does not enforce: remove it, or name another authorization; known are ${takes.join(", ")}`,
    );
  }
  const values = await Promise.all(keys.map((key) => valueOf(given[key], key, path)));
  const origin = originOf(given.instance, given["allow-http-loopback"] === true);
  if (!WITH_TOKENS.includes(make)) return make(origin, ...values);
  const { scope, "token-url": tokenUrl } = given;
  if (tokenUrl !== undefined) checkTokenUrl(tokenUrl, given["allow-http-loopback"] === true);
  if (scope !== undefined && typeof scope !== "string") throw new Error(`scope in ${path} is not a text`);
  const options = Object.entries({ scope, tokenUrl }).filter(([, value]) => value !== undefined);
  return make(origin, ...values, Object.fromEntries(options));
}

/** An instance's origin: of an id such as dev12345, a host name, or an origin. Secrets go to https, or to loopback. */
export function originOf(instance, allowHttpLoopback = true) {
  const given = String(instance ?? "").trim();
  if (given === "") throw new Error("the authorization names no instance: give an id such as dev12345");
  const isId = /^[a-z0-9-]+$/i.test(given);
  const address = isId
    ? `https://${given}.service-now.com`
    : /^[a-z]+:\/\//i.test(given)
      ? given
      : given.includes(".")
        ? `https://${given}`
        : "";
  const parsed = URL.canParse(address) ? new URL(address) : undefined;
  // Whatever stands behind the origin would be left out.
  if (parsed === undefined || parsed.href !== `${parsed.origin}/`) {
    throw new Error(
      `the instance ${given} is not valid: give an id such as dev12345, a host name or an https address without a path`,
    );
  }
  checkSecure(parsed, `the instance ${given}`, allowHttpLoopback);
  return parsed.origin;
}

function checkTokenUrl(given, allowHttpLoopback) {
  if (typeof given !== "string" || !/^https?:\/\//.test(given) || !URL.canParse(given)) {
    throw new Error(`the token-url ${given} is not valid: give an https address`);
  }
  checkSecure(new URL(given), `the token-url ${given}`, allowHttpLoopback);
}

function checkSecure({ protocol, hostname }, what, allowHttpLoopback) {
  if (protocol === "https:") return;
  const isLoopback = ["localhost", "[::1]"].includes(hostname) || /^127\.\d+\.\d+\.\d+$/.test(hostname);
  if (protocol !== "http:" || !isLoopback) {
    throw new Error(`${what} is not https: http is for loopback alone`);
  }
  if (!allowHttpLoopback) throw new Error(`${what} is not https: add allow-http-loopback = true`);
}

async function textOf(path) {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw new Error(`${path} cannot be read (${error.code}): give the path of an authorizations file`);
  }
}

function entryOf(text, path, name) {
  let file;
  try {
    file = parse(text);
  } catch (error) {
    // The parser's message quotes the line, which may hold a secret.
    throw new Error(`${path} is not TOML: look at line ${error.line ?? "1"}`);
  }
  const { authorizations: all = {} } = file;
  if (typeof all !== "object" || Array.isArray(all)) {
    throw new Error(`${path} has no table [authorizations.NAME]`);
  }
  if (!Object.hasOwn(all, name)) {
    throw new Error(`${path} has no authorization ${name}; it has ${Object.keys(all).join(", ") || "none"}`);
  }
  return all[name];
}

/** A value that is given as it is, in the environment, or in a file beside this one. */
async function valueOf(given, key, path) {
  const value = await readValue(given, key, path);
  if (value === "") throw new Error(`${key} in ${path} is empty`);
  return value;
}

async function readValue(given, key, path) {
  if (typeof given === "string") return given;
  if (typeof given?.env === "string") {
    const value = process.env[given.env];
    if (value !== undefined) return value;
    throw new Error(`${key} is to come from the variable ${given.env}, which is not set`);
  }
  if (typeof given?.file === "string") return (await textOf(resolve(dirname(path), given.file))).trimEnd();
  throw new Error(`the authorization in ${path} has no ${key}`);
}

function known(grant) {
  if (Object.hasOwn(GRANTS, grant)) return GRANTS[grant];
  const given = grant === undefined ? "the authorization has no grant" : `the grant ${grant} is not known`;
  throw new Error(`${given}: give ${Object.keys(GRANTS).join(", ")}`);
}
