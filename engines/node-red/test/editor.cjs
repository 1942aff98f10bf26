"use strict";

// Node-RED with its editor in headless Chromium: what people do there, as gestures.
const assert = require("node:assert/strict");
const { mkdtempSync, rmSync } = require("node:fs");
const { createServer } = require("node:http");
const { tmpdir } = require("node:os");
const { join, resolve } = require("node:path");
const { chromium } = require("playwright-core");
const RED = require("node-red");

/** Node-RED on a free port, with this package and nothing from outside. */
exports.startNodeRed = async function () {
  const userDir = mkdtempSync(join(tmpdir(), "servicenow-node-red-"));
  const server = createServer((request, response) => RED.httpAdmin(request, response));
  const logged = [];
  RED.init(server, {
    httpAdminRoot: "/",
    httpNodeRoot: false,
    userDir,
    flowFile: "flows.json",
    credentialSecret: "a-secret-of-the-tests",
    nodesDir: [resolve(__dirname, "..")],
    uiHost: "127.0.0.1",
    telemetry: { enabled: false, updateNotification: false },
    diagnostics: { enabled: false, ui: false },
    externalModules: {
      palette: { allowInstall: false, allowUpload: false },
      modules: { allowInstall: false },
    },
    editorTheme: { tours: false, palette: { catalogues: [] }, projects: { enabled: false } },
    logging: { test: { level: "trace", handler: () => (entry) => logged.push(JSON.stringify(entry)) } },
  });
  await new Promise((listening, failed) => {
    server.once("error", failed);
    server.listen(0, "127.0.0.1", listening);
  });
  const started = new Promise((flows) => RED.runtime.events.once("flows:started", flows));
  await RED.start();
  await started;
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    userDir,
    logged,
    async stop() {
      await RED.stop();
      server.closeAllConnections();
      await new Promise((closed) => server.close(closed));
      rmSync(userDir, { recursive: true, force: true });
    },
  };
};

exports.launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
  });

/** An editor in a page, and what went wrong in it. */
exports.Editor = class {
  /** Errors of the page, and requests to elsewhere. */
  problems = [];

  static async open(browser, url) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: "en-US" });
    const editor = new this();
    editor.page = await context.newPage();
    const { page, problems } = editor;
    page.setDefaultTimeout(20_000);
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (said) => {
      if (said.type() === "error" || said.text().startsWith("oneditsave")) problems.push(said.text());
    });
    await context.route(
      ({ hostname }) => hostname !== "127.0.0.1",
      (route) => {
        problems.push(`asked for ${route.request().url()}`);
        return route.abort();
      },
    );
    await page.goto(url, { waitUntil: "domcontentloaded" });
    await page.waitForSelector('.red-ui-palette-node[data-palette-type="inject"]', { timeout: 60_000 });
    await page.waitForSelector("#red-ui-loading-progress", { state: "hidden" });
    await page.waitForFunction(() => window.RED?.workspaces.active());
    return editor;
  }

  node(id) {
    return this.page.locator(`g.red-ui-flow-node-group[id="${id}"]`);
  }

  ids(type) {
    return this.page.evaluate((type) => RED.nodes.filterNodes({ type }).map(({ id }) => id), type);
  }

  /** Drags a node from the palette to a place on the canvas. */
  async drop(type, x, y) {
    const { page } = this;
    const before = await this.ids(type);
    const entry = page.locator(`.red-ui-palette-node[data-palette-type="${type}"]`);
    await entry.scrollIntoViewIfNeeded();
    await this.#still(entry);
    const from = await centre(entry);
    const canvas = await page.locator("#red-ui-workspace-chart").boundingBox();
    await page.mouse.move(...from);
    await page.mouse.down();
    await page.mouse.move(canvas.x + x - 40, canvas.y + y - 20, { steps: 6 });
    await page.mouse.move(canvas.x + x, canvas.y + y, { steps: 6 });
    await page.mouse.up();
    const added = await page.waitForFunction(
      ([type, before]) => RED.nodes.filterNodes({ type }).find(({ id }) => !before.includes(id))?.id,
      [type, before],
    );
    return added.jsonValue();
  }

  /** Draws a wire from a port to a node. */
  async wire(from, port, to) {
    const { page } = this;
    const output = this.node(from).locator(".red-ui-flow-port-output .red-ui-flow-port").nth(port);
    await output.waitFor();
    const [x1, y1] = await centre(output);
    const [x2, y2] = await centre(this.node(to).locator(".red-ui-flow-port-input .red-ui-flow-port"));
    await page.mouse.move(x1, y1);
    await page.mouse.down();
    await page.mouse.move((x1 + x2) / 2, (y1 + y2) / 2, { steps: 5 });
    await page.mouse.move(x2, y2, { steps: 5 });
    await page.mouse.up();
    await page.waitForFunction(
      ([id, sourcePort, target]) =>
        RED.nodes.filterLinks({ source: { id }, sourcePort, target: { id: target } }).length === 1,
      [from, port, to],
    );
  }

  async edit(id) {
    const place = await this.#uncovered(this.node(id).locator(".red-ui-flow-node"));
    await this.page.mouse.dblclick(...place);
    await this.page.locator("#node-dialog-ok").waitFor();
    await this.trayStill();
  }

  /** Presses the button of a node. */
  async press(id) {
    const place = await this.#uncovered(this.node(id).locator(".red-ui-flow-node-button-button"));
    await this.page.mouse.click(...place);
  }

  /** Where a part of the canvas is, once nothing covers it: a gesture on the element itself would scroll the canvas. */
  async #uncovered(locator) {
    const handle = await locator.elementHandle();
    const [x, y] = await centre(locator);
    await this.page.waitForFunction(
      ([element, x, y]) => {
        const top = document.elementFromPoint(x, y);
        return top !== null && element.parentElement.contains(top);
      },
      [handle, x, y],
    );
    return [x, y];
  }

  /** Waits until the dialog has slid to its place. */
  trayStill() {
    return this.#still(this.page.locator(".red-ui-tray").last());
  }

  async done(button = "#node-dialog-ok") {
    await this.page.click(button);
    await this.page.waitForSelector(button, { state: "detached" });
  }

  /** Fills a typed input in. */
  async typed(input, type, value) {
    const { page } = this;
    const shown = page.locator(`${input} ~ .red-ui-typedInput-container`).first();
    if (
      type !==
      (await page
        .locator(input)
        .first()
        .evaluate((field) => $(field).typedInput("type")))
    ) {
      await shown.locator(".red-ui-typedInput-type-select").click();
      await page.locator(`.red-ui-typedInput-options:visible a[value="${type}"]`).click();
    }
    const field = shown.locator("input.red-ui-typedInput-input");
    await field.fill(value);
    await field.blur();
  }

  async deploy() {
    const { page } = this;
    const answered = page.waitForResponse(
      (answer) => answer.request().method() === "POST" && new URL(answer.url()).pathname === "/flows",
    );
    await page.click("#red-ui-header-button-deploy");
    assert.ok((await answered).ok());
    await page.waitForSelector("#red-ui-header-button-deploy.disabled");
  }

  /** Waits until something does not move any more. */
  async #still(locator) {
    await locator.waitFor();
    const handle = await locator.elementHandle();
    await this.page.waitForFunction(
      (element) => {
        const { left, top } = element.getBoundingClientRect();
        const place = `${left} ${top}`;
        const isStill = element.servicenowPlace === place;
        element.servicenowPlace = place;
        return isStill;
      },
      handle,
      { polling: 200 },
    );
  }
};

async function centre(locator) {
  const { x, y, width, height } = await locator.boundingBox();
  return [x + width / 2, y + height / 2];
}
exports.centre = centre;
