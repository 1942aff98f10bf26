"use strict";

// The parts are ES modules: loaded once, and waited for by Node-RED.
const parts = Promise.all([
  import("../lib/host.mjs"),
  import("../lib/inputs.mjs"),
  import("../lib/authorizations.mjs"),
]);
parts.catch(() => {});

/** The longest that reading the columns for the form may take, in milliseconds. */
const COLUMNS_MS = 10_000;

module.exports = function (RED) {
  const log = (message) => RED.log.warn(`servicenow: ${message}`);

  function AuthorizationNode(config) {
    RED.nodes.createNode(this, config);
    Object.assign(this, {
      name: config.name,
      instance: config.instance,
      grant: config.grant,
      file: config.file,
      entry: config.entry,
    });
    parts.then(([host]) => host.know(this));
    this.on("close", (_removed, done) => {
      parts.then(([host]) => host.forget(this)).then(() => done(), done);
    });
  }
  RED.nodes.registerType("servicenow-authorization", AuthorizationNode, {
    credentials: { user: { type: "text" }, secret: { type: "password" } },
  });

  function ServiceNowNode(config) {
    RED.nodes.createNode(this, config);
    const authorization = RED.nodes.getNode(config.authorization);
    const { method: name } = config;
    // A flow may be written by hand.
    const fields = config.fields ?? {};
    const edges = Array.isArray(config.edges) ? config.edges : [];
    let isClosed = false;
    if (!authorization) this.status({ fill: "red", shape: "ring", text: "no authorization" });

    this.on("input", (msg, send, done) => {
      this.call(msg)
        .then(({ outcome: { tag, val }, ms }) => {
          if (isClosed) log(`a call that was interrupted by a deployment ended in ${tag}: ${told(val)}`);
          const port = edges.indexOf(tag);
          this.status({ fill: port === 0 ? "green" : "yellow", shape: "dot", text: `${tag} ${ms} ms` });
          if (port < 0) throw new Error(`${tag} has no port: open the node and deploy it again`);
          const ports = edges.map(() => null);
          ports[port] = { ...msg, payload: val, outcome: tag };
          send(ports);
          done();
        })
        .catch((error) => {
          this.status({ fill: "red", shape: "dot", text: error.message });
          done(error);
        });
    });
    this.on("close", () => {
      isClosed = true;
    });

    /** Makes the call that the form describes, for a message. */
    this.call = async (msg) => {
      if (!authorization) throw new Error("no authorization: open the node and choose one");
      const [host, { inputsOf }] = await parts;
      const method = (await host.manifest(log)).methods.find((known) => known.name === name);
      if (!method)
        throw new Error(`the method ${name || "(none)"} is not known: open the node and choose one`);
      const values = {};
      for (const [input, field] of Object.entries(fields)) {
        if (field && field.value !== "") values[input] = await this.value(field, msg);
      }
      const inputs = { ...inputsOf(method, values), ...(await target(authorization)) };
      this.status({ fill: "blue", shape: "ring", text: name });
      const began = performance.now();
      const outcome = await host.servicenow(log)[name](inputs);
      return { outcome, ms: Math.round(performance.now() - began) };
    };

    /** What a field of the form says for a message. */
    this.value = async ({ type, value }, msg) => {
      if (type !== "columns") return evaluated(value, type, this, msg);
      const [, { pairsOf }] = await parts;
      const rows = value.map(async (row) => [row.name, await evaluated(row.value, row.type, this, msg)]);
      return pairsOf(await Promise.all(rows));
    };
  }
  RED.nodes.registerType("servicenow", ServiceNowNode);

  /** What a log says of an outcome that no node receives any more. */
  function told({ number, writeHappened, correlationId }) {
    return [
      number,
      writeHappened && `written: ${writeHappened}`,
      correlationId && `correlation id ${correlationId}`,
    ]
      .filter(Boolean)
      .join(", ");
  }

  /** The instance and the authorization, as every call names them. */
  async function target(authorization) {
    const [, , { authorizationOf }] = await parts;
    const { origin } = await authorizationOf(authorization);
    return { authorization: authorization.id, instance: origin };
  }

  function evaluated(value, type, node, msg) {
    return new Promise((resolve, reject) => {
      RED.util.evaluateNodeProperty(value, type, node, msg, (error, result) => {
        if (error) reject(error);
        else resolve(result);
      });
    });
  }

  RED.httpAdmin.get(
    "/servicenow/manifest",
    RED.auth.needsPermission("servicenow.read"),
    (_request, response) => {
      parts
        .then(([host, { formInputs }]) =>
          host
            .manifest(log)
            .then(({ methods }) => methods.map((method) => ({ ...method, inputs: formInputs(method) }))),
        )
        .then(
          (methods) => response.json(methods),
          (error) => response.status(500).json({ message: error.message }),
        );
    },
  );

  // Reads with the credential of a node: for those who may deploy one.
  RED.httpAdmin.get(
    "/servicenow/columns/:id",
    RED.auth.needsPermission("flows.write"),
    (request, response) => {
      columnsOf(RED.nodes.getNode(request.params.id)).then(
        (columns) => response.json({ columns }),
        (error) => response.json({ columns: [], message: error.message }),
      );
    },
  );

  /** The columns of an instance, with their choices. */
  async function columnsOf(authorization) {
    if (authorization?.type !== "servicenow-authorization") {
      throw new Error(
        "the authorization is not deployed yet; once it is, the instance's columns are offered here",
      );
    }
    const [host] = await parts;
    const call = { ...(await target(authorization)), timeoutMs: COLUMNS_MS };
    const { tag, val } = await host.servicenow(log).columns(call);
    if (tag !== "columns-success")
      throw new Error(`the columns cannot be read, ${tag}: ${val.message ?? ""}`);
    return val;
  }

  return parts.then(() => undefined);
};
