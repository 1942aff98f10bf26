// What scripts of an instance find as globals, of ServiceNow's own declarations, which are modules.
import type * as glide from "@servicenow/glide";
import type { RESTMessageV2, RESTResponseV2 } from "@servicenow/glide/sn_ws";

declare global {
  const GlideRecord: typeof glide.GlideRecord;
  const GlideDateTime: typeof glide.GlideDateTime;
  const gs: typeof glide.gs;
  const sn_ws: { RESTMessageV2: typeof RESTMessageV2; RESTResponseV2: typeof RESTResponseV2 };
  const current: glide.GlideRecord;
  const previous: glide.GlideRecord;
  // Not declared: the class of script includes, and what a UI action does afterwards.
  const Class: { create(): { new (...parameters: unknown[]): any; prototype: object } };
  const action: { setRedirectURL(record: glide.GlideRecord): void };
}
