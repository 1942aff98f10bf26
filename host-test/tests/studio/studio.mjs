// A studio in a process of its own, and a browser that looks at it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const hostTest = process.env.HOST_TEST ?? "../../../target/debug/host-test";

/** Starts the program. `address` is what it printed. */
export async function startStudio(...options) {
  const child = spawn(hostTest, ["studio", ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const [address] = await once(createInterface({ input: child.stdout }), "line");
  const ended = once(child, "exit");
  const stop = async () => {
    child.kill();
    await ended;
  };
  return { address, origin: new URL(address).origin, token: address.split("#token=")[1], stop };
}

/** A simulator in a process of its own, with an authorizations file for it: a studio takes it for an instance. */
export async function startInstance(file) {
  const options = ["--authorizations-file", file];
  const child = spawn(hostTest, ["simulator", ...options], { stdio: ["ignore", "pipe", "inherit"] });
  const [access] = await once(createInterface({ input: child.stdout }), "line");
  return { access: JSON.parse(access), stop: () => child.kill() };
}

export async function startBrowser() {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

/** Opens an address. What the page logs as an error is in `problems`. */
export async function open(browser, address, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  page.setDefaultTimeout(10_000);
  await page.goto(address);
  return { page, problems, close: () => context.close() };
}

/** Asks the server of a studio. */
export function ask({ origin, token }, path, options = {}) {
  return fetch(`${origin}/api/${path}`, { ...options, headers: { authorization: `Bearer ${token}` } });
}

/** The events that a studio has told so far. */
export async function told(studio) {
  const { body } = await ask(studio, "events");
  let text = "";
  for await (const part of body.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.includes('"kind":"now"')) break;
  }
  return text;
}

/** Opens a view by its link. */
export async function view(page, title) {
  await page.getByRole("navigation").getByRole("link", { name: title, exact: true }).click();
}

/** Chooses a method, fills its fields in by their labels, and runs it: the outcome's name. */
export async function run(page, method, fields) {
  await view(page, "Node");
  await page.getByRole("tab", { name: method }).click();
  // Groups that can be left as they are are closed.
  const closed = page.locator("details.group:not([open]) > summary");
  while ((await closed.count()) > 0) await closed.first().click();
  for (const [label, value] of Object.entries(fields)) await give(page, label, value);
  await page.getByRole("button", { name: `Run ${method}` }).click();
  await page.locator("button.run:not([aria-disabled=true])").waitFor();
  return page.locator(".receipt h2").textContent();
}

/** Fills a field in: columns by an object or a text, a choice by its value, anything else by its text. */
async function give(page, label, value) {
  if (label === "Request Body") return columns(page, value);
  const field = page.getByRole("tabpanel").getByLabel(label, { exact: false }).first();
  if ((await field.evaluate((element) => element.tagName)) === "SELECT") return field.selectOption(value);
  return field.fill(value);
}

async function columns(page, value) {
  const group = page.getByRole("group", { name: "How the columns are given" });
  if (typeof value === "string") {
    await group.getByRole("button", { name: "JSON" }).click();
    return page.locator("#field-request_body").fill(value);
  }
  await group.getByRole("button", { name: "JSON" }).click();
  await page.locator("#field-request_body").fill(JSON.stringify(value));
  return group.getByRole("button", { name: "Columns" }).click();
}

/** Switches a fault of the simulator on or off. */
export async function fault(page, title, on) {
  await view(page, "What happened");
  const box = page.getByLabel(title);
  if ((await box.isChecked()) === on) return;
  const answered = page.waitForResponse(/api\/faults/);
  await box.click();
  await answered;
}
