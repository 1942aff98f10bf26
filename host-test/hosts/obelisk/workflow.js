// Reports an incident, works on it, and resolves it: three writes and a read, each done once however often the engine repeats them.

import * as incidents from "servicenow:obelisk/incidents@0.1.0";

const TIMEOUT_MS = 5000;

export default function reportAndResolve(instance, key) {
  const description = [["short_description", "Reported by a workflow"]];
  const receipt = incidents.create("main", instance, key, description, TIMEOUT_MS);
  incidents.update("main", instance, receipt.sys_id, [["state", "2"]], TIMEOUT_MS);
  const resolution = [["state", "6"], ["close_code", "Solution provided"], ["close_notes", "By the workflow"]];
  incidents.update("main", instance, receipt.sys_id, resolution, TIMEOUT_MS);
  const incident = incidents.get("main", instance, "sys_id", receipt.sys_id, TIMEOUT_MS);
  return `${incident.number} ${incident.state}`;
}
