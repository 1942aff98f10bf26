// What an embedder's compiler sees of the package: `npm test` compiles this against what was built.

import { createServiceNow, type CreateOutcome } from "servicenow-host";

export async function numberOf(): Promise<string> {
  const node = createServiceNow({ authorizations: {} });
  const outcome: CreateOutcome = await node.create({
    authorization: "main",
    instance: "dev12345",
    requestBody: { short_description: "Printer on fire" },
  });
  // @ts-expect-error: there is no such case.
  if (outcome.tag === "no-such-case") return "";
  return outcome.tag === "incident-created" ? outcome.val.number : outcome.tag;
}
