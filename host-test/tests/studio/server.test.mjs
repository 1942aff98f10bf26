// Who the server answers, and how quick the page is with much to show.

import assert from "node:assert/strict";
import { request } from "node:http";
import { gzipSync } from "node:zlib";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ask, open, run, startBrowser, startInstance, startStudio, told, view } from "./studio.mjs";

/** A first look at the page, by the bound. */
const FIRST_PAINT_MS = 200;
/** The scripts, packed as a server would. */
const MAX_SCRIPT = 60 * 1024;
/** A page that is held up for longer is felt to hang. */
const MAX_TASK_MS = 500;

let studio;
let browser;

before(async () => {
  studio = await startStudio();
  browser = await startBrowser();
});

after(async () => {
  await browser.close();
  await studio.stop();
});

/** A request with the headers of somebody else: the status. */
function asked(path, headers, method = "GET") {
  const { hostname, port } = new URL(studio.origin);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers, setHost: false }, (answer) => {
      answer.resume();
      answer.destroy();
      resolve(answer.statusCode);
    });
    sent.on("error", reject);
    sent.end();
  });
}

test("only who has the token, and no page of another origin or name, is answered", async () => {
  const host = new URL(studio.origin).host;
  const authorization = `Bearer ${studio.token}`;
  for (const [status, path, headers] of [
    [200, "/", { host }],
    [200, "/api/about", { host, authorization }],
    [200, "/api/about", { host, authorization, origin: `http://${host}` }],
    [401, "/api/about", { host }],
    [401, "/api/events", { host }],
    [401, "/api/about", { host, authorization: "Bearer 0" }],
    [403, "/api/about", { host: "evil.example", authorization }],
    [403, "/", { host: "evil.example" }],
    [403, "/api/about", { host, authorization, origin: "http://evil.example" }],
    [403, "/api/about", { host, authorization, origin: "null" }],
    [404, "/api/nothing", { host, authorization }],
    [404, "/../Cargo.toml", { host }],
  ]) {
    assert.equal(await asked(path, headers), status, `${path} ${JSON.stringify(headers)}`);
  }
});

test("the scripts are small, and the page is there at once", async () => {
  const folder = new URL("../../src/studio/assets/", import.meta.url);
  const names = (await readdir(folder)).filter((name) => name.endsWith(".js"));
  const scripts = await Promise.all(names.map((name) => readFile(new URL(name, folder))));
  const size = gzipSync(Buffer.concat(scripts)).length;
  assert.ok(size <= MAX_SCRIPT, `${size} bytes`);
  const paints = [];
  for (let at = 0; at < 5; at++) {
    const { page, close } = await open(browser, studio.address);
    await page.getByRole("button", { name: /^Run/ }).waitFor();
    paints.push(await page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime"));
    await close();
  }
  // What the page takes, and not what the machine does besides.
  const best = Math.min(...paints);
  console.log(`scripts ${size} bytes gzipped, first paint ${Math.round(best)} ms`);
  assert.ok(best < FIRST_PAINT_MS, `${paints} ms`);
});

test("a server that is gone, or out of reach, is told by each view", async (t) => {
  const other = await startStudio();
  t.after(other.stop);
  const { page, problems, close } = await open(browser, other.address);
  await page.getByRole("button", { name: /^Run/ }).waitFor();
  await page.getByRole("tab", { name: "Authenticate" }).click();
  const isTold = async () => {
    await page.getByRole("button", { name: "Run Authenticate" }).click();
    await page.getByText("does not answer").waitFor();
  };
  await page.context().setOffline(true);
  await isTold();
  await page.context().setOffline(false);
  assert.equal(await run(page, "Authenticate", {}), "authenticated");
  await other.stop();
  await page.getByText("The server is gone.").waitFor();
  await isTold();
  for (const [title, change] of [
    ["What happened", (view) => view.getByLabel("The instance is slow").click()],
    ["Instance", (view) => view.getByRole("button", { name: "Reset" }).click()],
    ["Both ways", () => {}],
  ]) {
    await view(page, title);
    await change(page);
    await page.getByRole("alert").getByText("does not answer").waitFor();
  }
  assert.deepEqual(
    problems.filter((problem) => !/ERR_/.test(problem)),
    [],
  );
  await close();
});

test("an address without its token says what to open", async () => {
  const { page, close } = await open(browser, `${studio.origin}/`);
  await page.getByText("has no token").first().waitFor();
  // The address that was printed, in the same tab.
  await page.evaluate((address) => location.assign(address), studio.address);
  await page.getByRole("button", { name: /^Run/ }).waitFor();
  await close();
});

test("an instance is only read unless writes are allowed, and no secret reaches the page", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "studio-"));
  const file = join(folder, "authorizations.toml");
  const { access, stop } = await startInstance(file);
  t.after(stop);
  const secrets = [access.client_secret, access.password, access.api_key, "Bearer ", "Basic "];
  const of = ["--instance", access.base_url, "--authorization", "main", "--authorizations", file];
  for (const [allow, isOffered, status] of [
    [[], false, 400],
    [["--allow-writes"], true, 200],
  ]) {
    const other = await startStudio(...of, ...allow);
    t.after(other.stop);
    const { page, close } = await open(browser, other.address);
    const answers = [];
    page.on("response", (answer) => answers.push(answer));
    await page.getByText(access.base_url).first().waitFor();
    assert.equal(await page.getByRole("button", { name: "Run Create Incident" }).isVisible(), isOffered);
    const body = JSON.stringify({ request_body: { case: "fields", value: [["short_description", "x"]] } });
    assert.equal((await ask(other, "call/create", { method: "POST", body })).status, status);
    assert.equal(await run(page, "Get Incident", { "Incident ID": "INC9999999" }), "incident-not-found");
    for (const title of ["What happened", "Rules", "Both ways", "Instance"]) await view(page, title);
    // What shows and changes a simulator is not there.
    for (const path of ["table/incident", "receiver"]) assert.equal((await ask(other, path)).status, 404);
    const events = await told(other);
    assert.match(events, /"kind":"call-reported".*"request_headers":\[\["accept"/);
    const read = answers.filter((answer) => !answer.url().endsWith("/events"));
    const everything = [
      events,
      await page.content(),
      ...(await Promise.all(read.map((one) => one.text()))),
    ].join();
    for (const secret of secrets) assert.ok(!everything.includes(secret), secret);
    await close();
  }
  await rm(folder, { recursive: true });
});

/** Puts so many incidents into the studio's simulator. */
async function fillSimulator(count) {
  const about = await ask(studio, "about");
  const snapshot = `${(await about.json()).instance}/simulator/snapshot`;
  const tables = await (await fetch(snapshot)).json();
  tables.incident = Array.from({ length: count }, (_, at) => ({
    sys_id: at.toString(16).padStart(32, "0"),
    number: `INC${String(at).padStart(7, "0")}`,
    short_description: `Incident ${at}`,
    state: "1",
    sys_class_name: "incident",
  }));
  const put = await fetch(snapshot, { method: "PUT", body: JSON.stringify(tables) });
  assert.equal(put.status, 200, await put.text());
}

test("ten thousand incidents and an event of five megabytes do not hold the page up", async () => {
  const folder = await mkdtemp(join(tmpdir(), "studio-"));
  const { page, close } = await open(browser, studio.address);
  await page.getByRole("button", { name: /^Run/ }).waitFor();
  await fillSimulator(10_000);
  await page.evaluate(() => {
    window.longest = 0;
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
    }).observe({ entryTypes: ["longtask"] });
  });
  await view(page, "Instance");
  await page.getByText("of 10000").waitFor();
  await view(page, "Rules");
  await page.locator(".preview article").first().waitFor();
  const annotations = { summary: "y".repeat(8_000) };
  const alert = { status: "firing", labels: { alertname: "DiskFull", instance: "db-1" }, annotations };
  for (const [event, expected] of [
    // The component takes events of 4 MiB.
    [{ alerts: [], padding: "x".repeat(5_000_000) }, /at most 4194304 bytes/],
    [
      { alerts: Array.from({ length: 400 }, (_, at) => ({ ...alert, fingerprint: String(at) })) },
      /20 of 400/,
    ],
  ]) {
    // A file, and a text that is made in the page: handing them over takes the browser longer than the page.
    const file = join(folder, "event.json");
    await writeFile(file, JSON.stringify(event, null, 2));
    await page.getByLabel("Read event from a file").setInputFiles(file);
    await page.locator(".held").getByText("million characters").waitFor();
    await page.locator(".preview").getByText(expected).first().waitFor();
  }
  await page.getByRole("button", { name: "Leave it out" }).click();
  await page.getByLabel("Event", { exact: true }).evaluate((element) => {
    const clipboardData = new DataTransfer();
    clipboardData.setData("text/plain", "x".repeat(5_000_000));
    element.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  });
  await page.locator(".held").getByText("million characters").waitFor();
  const longest = await page.evaluate("window.longest");
  console.log(`the longest task took ${Math.round(longest)} ms`);
  assert.ok(longest < MAX_TASK_MS, `${longest} ms`);
  await close();
  await rm(folder, { recursive: true });
});
