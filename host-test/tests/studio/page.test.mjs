// The page in a browser, on its own simulator: what a visitor does and sees.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import { ask, fault, open, run, startBrowser, startStudio, view } from "./studio.mjs";

const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

let studio;
let browser;
let visit;

before(async () => {
  studio = await startStudio();
  browser = await startBrowser();
  visit = await open(browser, studio.address);
});

after(async () => {
  await browser.close();
  await studio.stop();
});

const BODY = { short_description: "Printer on fire" };
const NOBODY = "0".repeat(32);
const FIND = { Query: "active=true", Limit: "5" };
/** The outcomes that were reached. */
const reached = new Set();

/** Each view, and what is there once it was drawn. */
const VIEWS = [
  ["Node", "svg.node"],
  ["What happened", ".call"],
  ["Rules", ".preview article"],
  ["Both ways", ".deliveries li"],
  ["Instance", "td"],
];

/** The key of the incident that was created last. */
async function latest() {
  const { instance } = await (await ask(studio, "about")).json();
  const { incident } = await (await fetch(`${instance}/simulator/snapshot`)).json();
  return incident.at(-1).sys_id;
}

for (const [method, outcome, fields, wrong] of [
  ["Create Incident", "incident-created", { "Request Body": BODY }],
  ["Create Incident", "invalid-data", { "Request Body": "[]" }],
  ["Create Incident", "invalid-choice", { "Request Body": { urgency: "9" }, "Check choices": "base" }],
  ["Create Incident", "bad-request", { "Request Body": BODY, "Check choices": "" }, "The request is refused"],
  ["Create Incident", "not-found", { "Request Body": BODY }, "The record is gone"],
  ["Create Incident", "create-incident-failure", { "Request Body": { state: "6" } }],
  ["Create Incident", "timeout", { "Request Body": BODY, Timeout: "300" }, "The instance never answers"],
  ["Create Incident", "error", { "Request Body": BODY, Timeout: "" }, "An answer is cut off"],
  ["Get Incident", "get-incident-success", { "Incident ID": "INC0010001" }],
  ["Get Incident", "invalid-data", { "Incident ID": "INC1^ORactive=true" }],
  ["Get Incident", "incident-not-found", { "Incident ID": "INC9999999" }],
  ["Get Incident", "authorization-fail", { "Incident ID": "INC0010001" }, "The credential is refused"],
  ["Get Incident", "get-incident-failure", { "Incident ID": "INC0010001" }, "The instance fails"],
  ["Get Incident", "timeout", { "Incident ID": "INC0010001", Timeout: "300" }, "The instance never answers"],
  ["Get Incident", "error", { "Incident ID": "INC0010001", Timeout: "" }, "An answer is cut off"],
  ["Get Incident", "invalid-data", { "Incident ID": "" }],
  ["Find Incidents", "invalid-data", { Query: "active=true", Limit: "99999" }],
  ["Find Incidents", "authorization-fail", FIND, "The credential is refused"],
  ["Find Incidents", "timeout", { ...FIND, Timeout: "300" }, "The instance never answers"],
  ["Find Incidents", "error", { ...FIND, Timeout: "" }, "An answer is cut off"],
  ["Read Columns", "invalid-data", { Timeout: "0" }],
  ["Read Columns", "authorization-fail", { Timeout: "" }, "The credential is refused"],
  ["Read Columns", "timeout", { Timeout: "300" }, "The instance never answers"],
  ["Read Columns", "error", { Timeout: "" }, "An answer is cut off"],
  ["Authenticate", "invalid-data", { Timeout: "0" }],
  ["Authenticate", "timeout", { Timeout: "300" }, "The instance never answers"],
  [
    "Update Incident",
    "incident-update-success",
    { "Sys Id": "of the last create", "Request Body": { urgency: "2" } },
  ],
  [
    "Update Incident",
    "invalid-choice",
    { "Sys Id": "of the last create", "Request Body": { urgency: "9" }, "Check choices": "base" },
  ],
  [
    "Update Incident",
    "timeout",
    { "Sys Id": NOBODY, "Request Body": { urgency: "2" }, "Check choices": "", Timeout: "300" },
    "The instance never answers",
  ],
  [
    "Update Incident",
    "error",
    { "Sys Id": NOBODY, "Request Body": { urgency: "2" }, Timeout: "" },
    "An answer is cut off",
  ],
  ["Update Incident", "invalid-data", { "Sys Id": "1", "Request Body": { urgency: "2" } }],
  ["Update Incident", "incident-not-found", { "Sys Id": NOBODY, "Request Body": { urgency: "2" } }],
  [
    "Update Incident",
    "bad-request",
    { "Sys Id": NOBODY, "Request Body": { urgency: "2" } },
    "The request is refused",
  ],
  [
    "Update Incident",
    "incident-update-failure",
    { "Sys Id": NOBODY, "Request Body": { urgency: "2" } },
    "The instance fails",
  ],
  ["Find Incidents", "find-success", { Query: "active=true", Limit: "5" }],
  ["Find Incidents", "find-failure", { Query: "active=true", Limit: "5" }, "The instance fails"],
  ["Read Columns", "columns-success", {}],
  ["Read Columns", "columns-failure", {}, "The instance fails"],
  ["Authenticate", "authenticated", {}],
  ["Authenticate", "not-authenticated", {}, "The credential is refused"],
]) {
  test(`${method} leaves by ${outcome}${wrong === undefined ? "" : `: ${wrong}`}`, async () => {
    const { page } = visit;
    if (wrong !== undefined) await fault(page, wrong, true);
    try {
      const given = { ...fields };
      if (given["Sys Id"] === "of the last create") given["Sys Id"] = await latest();
      assert.equal(await run(page, method, given), outcome);
      reached.add(`${method} ${outcome}`);
      const taken = page.locator("svg .taken text");
      assert.equal(await taken.textContent(), outcome);
    } finally {
      if (wrong !== undefined) await fault(page, wrong, false);
    }
  });
}

test("each outcome of the manifest was reached by clicks", async () => {
  const { manifest } = await (await ask(studio, "about")).json();
  const all = manifest.methods.flatMap(({ title, outcomes }) =>
    outcomes.map(({ case_name }) => `${title} ${case_name}`),
  );
  assert.deepEqual(
    all.filter((one) => !reached.has(one)),
    // The choices of a get are a list, and the operator gives an authorization that fits the instance.
    ["Get Incident invalid-choice", "Authenticate error"],
  );
});

test("a lost answer becomes found, and the timeline shows why", async () => {
  const { page } = visit;
  await fault(page, "The answer to a write is lost", true);
  assert.equal(await run(page, "Create Incident", { "Request Body": BODY, Timeout: "" }), "incident-created");
  assert.match(await page.locator(".receipt").textContent(), /was there: an earlier call/);
  await fault(page, "The answer to a write is lost", false);
  const requests = await page.locator(".call").first().locator(".what").allTextContents();
  // A bar for each request, which stands out of the line that it is on.
  const widths = await page
    .locator(".call")
    .first()
    .locator(".bar-of")
    .evaluateAll((bars) => bars.map((bar) => bar.getBoundingClientRect().width));
  assert.ok(widths.length === 2 && widths.every((width) => width >= 3), widths.join());
  assert.match(requests.join(), /POST \/api\/now\/table\/incident lost.*GET \/api\/now\/table\/incident 200/);
});

test("a request has its headers without the credential, its size and its address", async () => {
  const { page } = visit;
  await view(page, "What happened");
  const request = page
    .locator(".call")
    .first()
    .locator("li")
    .filter({ has: page.locator("details") })
    .first();
  assert.match(await request.locator(".what").textContent(), /[\d.]+ ms, [\d.]+ (bytes|KiB)/);
  await request.getByText("Request headers").click();
  const details = await request.locator("details").textContent();
  assert.match(details, /http:\/\/127\.0\.0\.1:\d+\/api\/now\/table\/incident/);
  assert.match(details, /accept.*application\/json.*authorization\(not shown\)/);
  assert.doesNotMatch(details, /Bearer|Basic/);
  // A call that comes meanwhile does not close it.
  await ask(studio, "call/columns", { method: "POST", body: "{}" });
  await page.locator(".call").first().getByText("columns-success").waitFor();
  assert.ok(await page.locator(".call").nth(1).locator("details[open]").isVisible());
});

test("a page that is opened later shows what happened before", async () => {
  const { page, close } = await open(browser, studio.address);
  await view(page, "What happened");
  await page.locator(".call").nth(5).waitFor();
  await close();
});

test("the page is empty at first, and says what to do", async (t) => {
  const other = await startStudio();
  t.after(other.stop);
  const { page, close } = await open(browser, other.address);
  await view(page, "Both ways");
  await page.getByText("Nothing was delivered yet.").waitFor();
  await view(page, "Instance");
  await page.getByRole("button", { name: "Outbound log" }).click();
  await page.getByText("Nothing here yet.").waitFor();
  await close();
});

test("a value with markup is shown as text", async () => {
  const { page } = visit;
  const evil = `<img src=x onerror="document.title='taken'"><script>document.title='taken'</script>`;
  await run(page, "Create Incident", { "Request Body": { short_description: evil } });
  await view(page, "Instance");
  await page.getByText(evil, { exact: true }).first().waitFor();
  assert.equal(await page.locator("td img, td script").count(), 0);
});

test("rules are edited wrongly and mended, and the event is pushed", async () => {
  const { page } = visit;
  await view(page, "Rules");
  await page.locator(".preview article").first().waitFor();
  const rules = page.getByLabel("Rules", { exact: true });
  const right = await rules.inputValue();
  await rules.fill(right.replace("correlation_id", "correlation_ids"));
  await page.locator(".preview").getByText("Refused").waitFor();
  await page.locator(".preview code").getByText("correlation_ids").first().waitFor();
  await rules.fill(right);
  await page.locator(".preview").getByText("Creates or changes the incident").first().waitFor();
  await page.getByRole("button", { name: "Push this event" }).click();
  await page.locator(".life li").first().getByText("created").waitFor();
  await page.getByRole("button", { name: "Push this event" }).click();
  await page.locator(".life li").getByText("unchanged").first().waitFor();
});

test("what may be known of a push without an incident is told", async () => {
  const { page } = visit;
  await fault(page, "The instance fails", true);
  await view(page, "Rules");
  await page.getByRole("button", { name: "Push this event" }).click();
  await page.locator(".why").getByText("Reason:").first().waitFor();
  await fault(page, "The instance fails", false);
});

test("a delivery is seen as it comes, and what the receiver missed is read", async () => {
  const { page } = visit;
  await view(page, "Both ways");
  const press = async (name) => {
    const answered = page.waitForResponse(/\/api\//);
    await page.getByRole("button", { name, exact: true }).click();
    assert.equal((await answered).status(), 200);
  };
  const first = page.locator(".deliveries li").first();
  await press("Set up the instance");
  await press(/^(Raise|Lower) the urgency$/);
  await first.getByText("accepted").waitFor();
  await press("Comment");
  await page.locator(".deliveries li").nth(1).waitFor();
  await press("Stop the receiver");
  await press("Resolve");
  await press("Start the receiver");
  assert.equal(await page.getByText("reconciled").count(), 0);
  await press("Read what was missed");
  await first.getByText("reconciled").waitFor();
  const number = (await page.getByText(/^Change INC/).textContent()).split(" ")[1];
  assert.ok((await first.textContent()).startsWith(`reconciled ${number}`));
  await press("Reopen");
  await first.getByText("accepted").waitFor();
});

test("a reset is told to every page, and the instance can be set up again", async () => {
  const { page, close } = await open(browser, studio.address);
  await fault(page, "The instance is slow", true);
  await page.reload();
  await view(page, "What happened");
  assert.ok(await page.getByLabel("The instance is slow").isChecked());
  await view(visit.page, "Instance");
  await visit.page.getByRole("button", { name: "Reset" }).click();
  await page.getByText("No call yet.").waitFor();
  assert.ok(!(await page.getByLabel("The instance is slow").isChecked()));
  await close();
  const { page: other } = visit;
  await view(other, "Both ways");
  await other.getByText("Nothing was delivered yet.").waitFor();
  // The same event makes an incident of the same key: nothing of the old one is remembered.
  await view(other, "Rules");
  await other.getByRole("button", { name: "open", exact: true }).click();
  await other.getByRole("button", { name: "Push this event" }).click();
  await other.locator(".life li").first().getByText("created").waitFor();
  await view(other, "Both ways");
  await other.getByRole("button", { name: "Set up the instance" }).focus();
  await other.keyboard.press("Enter");
  await other.getByRole("button", { name: "Set up", exact: true }).waitFor();
  assert.equal(await other.evaluate("document.activeElement.textContent"), "Set up");
  await other.getByRole("button", { name: /the urgency$/ }).click();
  await other.locator(".verdict").first().getByText("accepted").waitFor();
});

test("a call that ends while another view is open keeps its outcome", async () => {
  const { page } = visit;
  await fault(page, "The instance is slow", true);
  await view(page, "Node");
  await page.getByRole("tab", { name: "Read Columns" }).click();
  const answered = page.waitForResponse(/call\/columns/);
  await page.getByRole("button", { name: "Run Read Columns" }).click();
  await view(page, "What happened");
  const underWay = await page.locator(".call .what").first().textContent();
  assert.match(underWay, /under way, \d/);
  const isLater = (text) => {
    const now = document.querySelector(".call .what").textContent;
    return now !== text && now.includes("under way");
  };
  await page.waitForFunction(isLater, underWay);
  await view(page, "Node");
  assert.ok(await page.locator("button.run[aria-disabled=true]").isVisible());
  await answered;
  await page.locator(".receipt h2").getByText("columns-success").waitFor();
  await fault(page, "The instance is slow", false);
});

test("a push that ends while another view is open keeps what became of it, and is not sent twice", async () => {
  const { page } = visit;
  let release;
  const held = new Promise((resolve) => (release = resolve));
  let sent = 0;
  await page.route("**/api/push", async (route) => {
    sent += 1;
    await held;
    await route.continue();
  });
  await view(page, "Rules");
  const stages = await page.locator(".life li").count();
  const push = page.getByRole("button", { name: "Push this event" });
  await push.click();
  await view(page, "Node");
  await view(page, "Rules");
  assert.equal(await push.getAttribute("aria-disabled"), "true");
  await push.click({ force: true });
  release();
  await page.locator(".life li").nth(stages).waitFor();
  await page.unroute("**/api/push");
  assert.equal(sent, 1);
});

test("no view has a fault that axe finds, in either theme and on a small screen", async () => {
  for (const options of [
    { colorScheme: "light" },
    { colorScheme: "dark" },
    { viewport: { width: 360, height: 740 } },
  ]) {
    const { page, close } = await open(browser, studio.address, options);
    for (const [title, whenThere] of VIEWS) {
      await view(page, title);
      await page.locator(whenThere).first().waitFor();
      await page.evaluate(axe);
      const { violations } = await page.evaluate(
        "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice'] })",
      );
      const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
      assert.deepEqual(told, [], `${title} ${JSON.stringify(options)}`);
      const details = page.locator(".call details summary");
      if ((await details.count()) > 0) await details.first().click();
      const wide = await page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth",
      );
      assert.equal(wide, 0, `${title} is wider than the screen: ${JSON.stringify(options)}`);
    }
    await close();
  }
});

test("the page is used by keyboard alone, and no control loses the focus", async () => {
  const { page, close } = await open(browser, studio.address);
  const focused = () => page.evaluate("document.activeElement.textContent || document.activeElement.id");
  await page.getByRole("tab", { name: "Create Incident" }).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the view");
  await page.keyboard.press("Enter");
  // The first control of the view, and the token is still there.
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Create Incident");
  await page.reload();
  await page.getByRole("tab", { name: "Create Incident" }).focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await focused(), "Get Incident");
  while ((await focused()) !== "field-value") await page.keyboard.press("Tab");
  await page.keyboard.type("INC9999999");
  await page.keyboard.press("Enter");
  await page.locator(".receipt h2").getByText("incident-not-found").waitFor();
  assert.match(await page.locator("#announcer").textContent(), /Get Incident ended in incident-not-found/);
  for (const name of ["Run Get Incident", "Python"]) {
    await page.getByRole("button", { name }).focus();
    await page.keyboard.press("Enter");
    await page.locator("button.run:not([aria-disabled=true])").waitFor();
    assert.equal(await focused(), name);
  }
  await page.getByRole("tab", { name: "Create Incident" }).click();
  await page.getByRole("button", { name: "JSON", exact: true }).focus();
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "JSON");
  await page.locator("#field-request_body").fill("{");
  await page.getByRole("button", { name: "Columns", exact: true }).click();
  await page.getByText("can be shown as columns").waitFor();
  assert.equal(await page.locator("#field-request_body").inputValue(), "{");
  await page.getByRole("link", { name: "Rules" }).focus();
  await page.keyboard.press("Enter");
  await page.locator(".preview article").first().waitFor();
  assert.equal(await focused(), "Rules");
  await close();
});

test("the page logged no error", () => assert.deepEqual(visit.problems, []));
