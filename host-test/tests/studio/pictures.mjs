// Takes the pictures of docs/studio.md anew: `npm run pictures`.

import { fault, open, run, startBrowser, startStudio, view } from "./studio.mjs";

const FOLDER = new URL("../../../docs/studio/", import.meta.url).pathname;

const studio = await startStudio();
const browser = await startBrowser();
const { page } = await open(browser, studio.address, {
  viewport: { width: 1024, height: 800 },
  colorScheme: "light",
  reducedMotion: "reduce",
});
const picture = async (name, height) => {
  await page.setViewportSize({ width: 1024, height });
  await page.evaluate("scrollTo(0, 0)");
  await page.screenshot({ path: `${FOLDER}${name}.png` });
};

await fault(page, "The answer to a write is lost", true);
await run(page, "Create Incident", {
  "Request Body": { short_description: "Printer on fire", urgency: "1" },
});
await picture("node", 860);
await view(page, "What happened");
await page.locator(".call details").first().click();
await picture("happened", 700);
await fault(page, "The answer to a write is lost", false);
await view(page, "Rules");
await page.locator(".preview article").first().waitFor();
for (const event of ["open", "change", "recover"]) {
  await page.getByRole("button", { name: event, exact: true }).click();
  const pushed = page.waitForResponse(/api\/push/);
  await page.getByRole("button", { name: "Push this event" }).click();
  await pushed;
}
await picture("rules", 640);

await browser.close();
await studio.stop();
