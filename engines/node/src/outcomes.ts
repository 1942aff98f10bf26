// The outcomes as the component's types have them: discriminated unions by `tag`.

import type * as authorization from "../generated/node/interfaces/servicenow-plugin-authorization.js";
import type * as incidents from "../generated/node/interfaces/servicenow-plugin-incidents.js";
import type * as manifest from "../generated/node/interfaces/servicenow-plugin-manifest.js";
import type * as callbacks from "../generated/sync/interfaces/servicenow-plugin-callbacks.js";
import type * as changes from "../generated/sync/interfaces/servicenow-plugin-changes.js";
import type * as mapping from "../generated/sync/interfaces/servicenow-plugin-mapping.js";
import type * as push from "../generated/sync/interfaces/servicenow-plugin-push.js";

export type { AuthenticateOutcome } from "../generated/node/interfaces/servicenow-plugin-authorization.js";
export type {
  Column,
  ColumnsOutcome,
  CreateOutcome,
  FindOutcome,
  GetOutcome,
  Incident,
  Receipt,
  UpdateOutcome,
} from "../generated/node/interfaces/servicenow-plugin-incidents.js";
export type { Node } from "../generated/node/interfaces/servicenow-plugin-manifest.js";
export type { Failure, Reason, Violation } from "../generated/node/interfaces/servicenow-plugin-types.js";
export type { Accepted, Change, Verdict } from "../generated/sync/interfaces/servicenow-plugin-callbacks.js";
export type { ChangesOutcome } from "../generated/sync/interfaces/servicenow-plugin-changes.js";
export type {
  ItemsOutcome,
  PathsOutcome,
  PreviewOutcome,
} from "../generated/sync/interfaces/servicenow-plugin-mapping.js";
export type { PushOutcome } from "../generated/sync/interfaces/servicenow-plugin-push.js";

/** What each method returns. */
export interface Returns {
  create: incidents.CreateOutcome;
  get: incidents.GetOutcome;
  update: incidents.UpdateOutcome;
  find: incidents.FindOutcome;
  columns: incidents.ColumnsOutcome;
  authenticate: authorization.AuthenticateOutcome;
  describe: manifest.Node;
  push: push.PushOutcome;
  preview: mapping.PreviewOutcome;
  items: mapping.ItemsOutcome;
  paths: mapping.PathsOutcome;
  receive: callbacks.Verdict;
  since: changes.ChangesOutcome;
}

export type Method = keyof Returns;
