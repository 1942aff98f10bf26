"use strict";

// A flow that somebody draws in the editor, deploys and runs: a create and its two ways out.
const assert = require("node:assert/strict");
const { mkdirSync, readdirSync, readFileSync } = require("node:fs");
const { join, resolve } = require("node:path");
const { after, before, test } = require("node:test");
const { centre, Editor, launch, startNodeRed } = require("./editor.cjs");
const { startSimulator } = require("./simulator.cjs");

/** Where the pictures are put. */
const SHOTS = process.env.SCREENSHOTS ?? resolve(__dirname, "../../../target/engines/node-red");

let nodeRed, browser, simulator;

before(async () => {
  mkdirSync(SHOTS, { recursive: true });
  [nodeRed, browser, simulator] = await Promise.all([startNodeRed(), launch(), startSimulator()]);
});

after(async () => {
  await browser?.close();
  await nodeRed?.stop();
  simulator?.stop();
});

test("a node is placed, filled in, wired, deployed and run, and both its edges are taken", async () => {
  const editor = await Editor.open(browser, nodeRed.url);
  const { page, problems } = editor;
  const { base_url: instance, client_id: user, client_secret: secret } = simulator.access;
  try {
    const inject = await editor.drop("inject", 160, 260);
    const create = await editor.drop("servicenow", 420, 260);
    const created = await editor.drop("debug", 720, 200);
    const refused = await editor.drop("debug", 720, 340);
    const ports = editor.node(create).locator(".red-ui-flow-port-output .red-ui-flow-port");
    assert.equal(await ports.count(), 8, "a new node has the ports of its first method");

    // The authorization first: the form reads the columns with it once it is deployed.
    await editor.edit(create);
    await page.waitForSelector('#servicenow-form[data-ready="create"]');
    await page.click("#node-input-btn-authorization-add");
    await page.waitForSelector("#node-config-input-instance", { state: "visible" });
    await editor.trayStill();
    await page.fill("#node-config-input-name", "Simulator");
    await page.fill("#node-config-input-instance", instance);
    await page.fill("#node-config-input-user", user);
    await page.fill("#node-config-input-secret", secret);
    await page.screenshot({ path: join(SHOTS, "authorization.png") });
    await editor.done("#node-config-dialog-ok");
    await editor.trayStill();
    await page.fill(".servicenow-column >> nth=0", "short_description");
    await editor.typed(
      "#servicenow-request_body-list li:nth-child(1) .servicenow-value",
      "jsonata",
      "payload",
    );
    await editor.done();
    await editor.deploy();

    await editor.edit(create);
    await page.waitForSelector("#servicenow-columns[data-ready]", { state: "attached" });
    assert.ok((await page.locator("#servicenow-columns option").count()) > 50, "the instance's own columns");
    await page.click(".red-ui-editableList-addButton");
    await page.fill(".servicenow-column >> nth=1", "urgency");
    await page.locator(".servicenow-column").nth(1).blur();
    const row = page.locator("#servicenow-request_body-list li").nth(1);
    await editor.typed("#servicenow-request_body-list li:nth-child(2) .servicenow-value", "str", "1");
    const choices = await row.locator("datalist option").evaluateAll((all) => all.map(({ value }) => value));
    assert.deepEqual(choices, ["1", "2", "3"], "the choices of the column that is chosen");
    await editor.typed("#servicenow-correlation_id", "jsonata", "payload & $millis()");
    await page.screenshot({ path: join(SHOTS, "form.png") });
    await editor.done();

    await editor.wire(inject, 0, create);
    await editor.wire(create, 0, created);
    await editor.wire(create, 5, refused);
    const injected = "#node-input-property-container > li:nth-child(1) .node-input-prop-property-value";
    await editor.edit(inject);
    await editor.typed(injected, "str", "Printer on fire");
    await editor.done();
    await editor.deploy();
    await page.evaluate(() => RED.actions.invoke("core:show-debug-tab"));
    await editor.press(inject);
    const message = page.locator(".red-ui-debug-msg");
    await message.filter({ hasText: "INC0" }).first().waitFor();
    const status = editor.node(create).locator(".red-ui-flow-node-status-label");
    await status.filter({ hasText: /^incident-created \d+ ms$/ }).waitFor();

    const policy = {
      error: { message: "Operation Failed", detail: "Data Policy Exception" },
      status: "failure",
    };
    const effect = { status: { status: 403, body: JSON.stringify(policy) } };
    await simulator.fault({ method: "POST", path: "/api/now/table/incident", times: 9, effect });
    await editor.press(inject);
    await status.filter({ hasText: /^create-incident-failure \d+ ms$/ }).waitFor();
    await message.filter({ hasText: "Data Policy Exception" }).first().waitFor();
    await simulator.heal();

    await page.mouse.move(...(await centre(ports.nth(5))));
    await page.locator(".red-ui-flow-port-tooltip", { hasText: "create-incident-failure" }).waitFor();
    await page.locator(".red-ui-notification").first().waitFor({ state: "detached" });
    await page.screenshot({ path: join(SHOTS, "flow.png") });
    // The picture of the README.
    await page.screenshot({
      path: join(SHOTS, "readme.png"),
      clip: { x: 200, y: 240, width: 800, height: 220 },
    });

    // What was filled in is there again, and a method that is taken instead brings its own form and ports.
    await editor.edit(create);
    await page.waitForSelector('#servicenow-form[data-ready="create"]');
    assert.equal(await page.inputValue(".servicenow-column >> nth=1"), "urgency");
    await page.selectOption("#servicenow-method", "find");
    await page.waitForSelector('#servicenow-form[data-ready="find"]');
    await page.screenshot({ path: join(SHOTS, "find.png") });
    await editor.done();
    assert.equal(await ports.count(), 6);

    await secretsAreKept(editor, secret);
    assert.deepEqual(problems, []);
  } catch (error) {
    await page.screenshot({ path: join(SHOTS, "failed.png") }).catch(() => {});
    throw error;
  }
});

/** A credential is in the store in its encrypted form alone, and in no log and no answer of the editor. */
async function secretsAreKept({ page }, secret) {
  const id = await page.evaluate(() => {
    let found;
    RED.nodes.eachConfig(({ id, type }) => {
      if (type === "servicenow-authorization") found = id;
    });
    return found;
  });
  const state = await page.evaluate(() => JSON.stringify(RED.nodes.createCompleteNodeSet()));
  const answers = [];
  for (const path of ["flows", `credentials/servicenow-authorization/${id}`, "servicenow/manifest"]) {
    const answer = await fetch(nodeRed.url + path, { headers: { accept: "application/json" } });
    assert.equal(answer.status, 200, path);
    answers.push(await answer.text());
  }
  const all = readdirSync(nodeRed.userDir, { recursive: true, withFileTypes: true }).filter((file) =>
    file.isFile(),
  );
  const files = all.map((file) => readFileSync(join(file.parentPath ?? file.path, file.name), "utf8"));
  assert.ok(
    files.some((text) => text.includes("servicenow-authorization")),
    "the store is where this looks",
  );
  for (const text of [state, ...answers, ...files, ...nodeRed.logged]) assert.ok(!text.includes(secret));
}
