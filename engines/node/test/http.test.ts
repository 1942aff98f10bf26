// The way out, through real sockets: what is proven not to have been sent, whole answers, TLS and proxies.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { basic, Broken, createServiceNow, httpTransport, type HttpOptions } from "../src/index.js";
import { MAX_ANSWER } from "../src/http.js";
import type { Failure } from "../src/outcomes.js";
import { startSimulator, type Simulator } from "./simulator.js";

let folder: string;
let secure: Simulator;
let ca: Buffer;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "servicenow-"));
  secure = await startSimulator("--tls", folder);
  ca = await readFile(join(folder, "ca.pem"));
});

after(async () => {
  secure.stop();
  await rm(folder, { recursive: true });
});

async function listening(server: Server): Promise<{ url: string; close: () => void }> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

/** A server that answers each request so, once the whole of it is there. */
function answering(answer: (socket: Socket) => void): Promise<{ url: string; close: () => void }> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    let asked = "";
    socket.on("data", (part) => {
      asked += part;
      if (!asked.endsWith("\r\n\r\nbody")) return;
      asked = "";
      answer(socket);
    });
  });
  return listening(server);
}

async function post(url: string, { within = 2_000, transport = httpTransport() } = {}) {
  const request = {
    method: "POST",
    url: `${url}/x`,
    headers: [["content-type", "text/plain"]],
    body: "body",
  };
  const answer = await transport.send(request as never, performance.now() + within);
  return { ...answer, body: Buffer.from(answer.body).toString() };
}

async function broken(url: string, options: Parameters<typeof post>[1] = {}) {
  const error = await post(url, options).then(
    (answer) => assert.fail(`it is answered ${answer.status}`),
    (error: unknown) => error,
  );
  assert.ok(error instanceof Broken, String(error));
  return [error.reason, error.status, error.notSent];
}

test("what never left is known not to have been sent", async () => {
  const { url, close } = await answering(() => {});
  close();
  assert.deepEqual(await broken(url), ["connect", undefined, true]);
  assert.deepEqual(await broken("http://no-such-host.invalid"), ["dns", undefined, true]);
  assert.deepEqual(await broken(url, { within: 0 }), ["deadline", undefined, true]);
});

for (const [what, answer, expected] of [
  ["nothing", "", ["lost", undefined, false]],
  ["half a body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", ["lost", 200, false]],
  ["half a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", ["lost", 200, false]],
  ["no HTTP", "no HTTP\r\n\r\n", ["lost", undefined, false]],
  [
    "a length above the limit",
    `HTTP/1.1 200 OK\r\nContent-Length: ${MAX_ANSWER + 1}\r\n\r\n`,
    ["too-large", 200, false],
  ],
  [
    "a body above the limit",
    `HTTP/1.1 200 OK\r\n\r\n${"x".repeat(MAX_ANSWER + 1)}`,
    ["too-large", 200, false],
  ],
] as [string, string, [string, number | undefined, boolean]][]) {
  test(`an answer of ${what} is told, and may have been sent`, async () => {
    const { url, close } = await answering((socket) => socket.end(answer));
    assert.deepEqual(await broken(url), expected);
    close();
  });
}

test("an answer that trickles ends at the deadline, in its headers or in its body", async () => {
  for (const [head, status] of [
    ["HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n", 200],
    ["HTTP/1.1 200 OK\r\nX-Slow: ", undefined],
  ] as [string, number | undefined][]) {
    const { url, close } = await answering((socket) => {
      socket.write(head);
      const trickle = setInterval(() => socket.write("x"), 20);
      socket.on("close", () => clearInterval(trickle));
    });
    const started = performance.now();
    assert.deepEqual(await broken(url, { within: 300 }), ["deadline", status, false]);
    assert.ok(performance.now() - started < 1_000);
    close();
  }
});

test("connections are kept, and no redirect is followed", async () => {
  let [connections, answer] = [0, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"];
  const seen = new Set<Socket>();
  const { url, close } = await answering((socket) => {
    connections += seen.has(socket) ? 0 : 1;
    seen.add(socket);
    socket.write(answer);
  });
  const transport = httpTransport();
  for (let at = 0; at < 20; at++) assert.equal((await post(url, { transport })).body, "ok");
  // A request that follows at once may find the last one not put away yet.
  assert.ok(connections <= 2, `${connections} connections`);
  answer = "HTTP/1.1 307 Temporary\r\nLocation: /y\r\nContent-Length: 4\r\n\r\naway";
  const { status, body } = await post(url, { transport });
  assert.deepEqual([status, body], [307, "away"]);
  await transport.close();
  close();
});

async function create(options: HttpOptions) {
  const { base_url, username, password } = secure.access;
  const transport = httpTransport(options);
  const node = createServiceNow({ authorizations: { main: basic(base_url, username, password) }, transport });
  const outcome = await node.create({
    authorization: "main",
    instance: base_url,
    requestBody: { urgency: "2" },
  });
  await node.close();
  await transport.close();
  return outcome;
}

test("a private CA is trusted where it is given; otherwise TLS fails, and nothing was written", async () => {
  assert.equal((await create({ ca })).tag, "incident-created");
  const { reason, writeHappened } = (await create({})).val as Failure;
  assert.deepEqual([reason, writeHappened], ["tls", "no"]);
});

test("what breaks after the handshake may have been sent", async () => {
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
  const make = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", ...subject];
  execFileSync("openssl", [...make, "-keyout", key, "-out", certificate], { stdio: "ignore" });
  const own = { key: await readFile(key), cert: await readFile(certificate) };
  const server = createTlsServer(own, (socket) =>
    socket.on("data", () => socket.end()).on("error", () => {}),
  );
  const { url, close } = await listening(server);
  const address = url.replace("http:", "https:");
  const trusting = httpTransport({ ca: own.cert });
  assert.deepEqual(await broken(address, { transport: trusting }), ["lost", undefined, false]);
  assert.deepEqual(await broken(address), ["tls", undefined, true]);
  await trusting.close();
  close();
});

/** A proxy that tunnels, and what it was asked. */
async function proxy() {
  const asked: string[] = [];
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (head) => {
      asked.push(head.toString());
      const [host, port] = head.toString().split(" ")[1]!.split(":");
      const target = connect(Number(port), host, () => {
        socket.write("HTTP/1.1 200 Connected\r\n\r\n");
        socket.pipe(target).pipe(socket);
      });
      target.on("error", () => socket.destroy());
    });
  });
  return { asked, ...(await listening(server)) };
}

test("a proxy carries the connection with its own password", async () => {
  const { url, asked, close } = await proxy();
  const through = url.replace("http://", "http://user:secret@");
  assert.equal((await create({ ca, proxy: through })).tag, "incident-created");
  close();
  assert.equal(asked.length, 1);
  assert.ok(asked[0]!.startsWith(`CONNECT ${secure.access.base_url.replace("https://", "")} `), asked[0]);
  assert.match(asked[0]!, /Basic dXNlcjpzZWNyZXQ=/);
  assert.doesNotMatch(asked[0]!, /api\/now/);
});

test("the proxy of the environment is used, but for hosts that need none", async () => {
  const { url, asked, close } = await proxy();
  process.env["https_proxy"] = url;
  assert.equal((await create({ ca })).tag, "incident-created");
  assert.equal(asked.length, 1);
  process.env["no_proxy"] = "127.0.0.1";
  assert.equal((await create({ ca })).tag, "incident-created");
  assert.equal(asked.length, 1);
  delete process.env["https_proxy"];
  delete process.env["no_proxy"];
  close();
});

test("a proxy that is not there leaves nothing in doubt", async () => {
  const { url, close } = await proxy();
  close();
  const { reason, writeHappened } = (await create({ ca, proxy: url })).val as Failure;
  assert.deepEqual([reason, writeHappened], ["connect", "no"]);
});

test("a proxy that closes is tried once, and leaves nothing in doubt", async () => {
  let connections = 0;
  const { url, close } = await listening(createServer((socket) => (connections++, socket.destroy())));
  const { reason, writeHappened } = (await create({ ca, proxy: url })).val as Failure;
  assert.deepEqual([reason, writeHappened], ["connect", "no"]);
  // A create sends what never left once more.
  assert.ok(connections <= 4, `${connections} connections`);
  close();
});
