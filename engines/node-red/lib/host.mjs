// One host for all nodes, whose authorizations are the configuration nodes.

import { createServiceNow } from "servicenow-host";
import { authorizationOf } from "./authorizations.mjs";

/** The configuration nodes by id. */
const known = new Map();

let host;
let described;

/** The host. It is made for the first node that asks, and kept until no configuration node is left. */
export function servicenow(log) {
  host ??= createServiceNow({
    authorizations: (id) => (known.has(id) ? authorizationOf(known.get(id)) : undefined),
    log,
  });
  return host;
}

/** Lets calls name a configuration node. */
export function know(node) {
  known.set(node.id, node);
}

/** Forgets a configuration node. Where it was the last, the threads end. */
export async function forget(node) {
  known.delete(node.id);
  if (known.size > 0 || host === undefined) return;
  const last = host;
  host = undefined;
  await last.close();
}

/** The node's description, which needs no authorization. */
export async function manifest(log) {
  described ??= await servicenow(log).describe();
  return described;
}
