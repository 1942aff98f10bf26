// What may leave: a table of requests.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isAllowed } from "../src/allowed.js";
import { bearer, clientCredentials } from "../src/index.js";

const ORIGIN = "https://dev1.service-now.com";
const RECORD = `/api/now/table/incident/${"0".repeat(32)}`;

for (const [allowed, method, scheme, authority, path] of [
  [true, "get", "https", "dev1.service-now.com", "/api/now/table/incident?sysparm_query=a%3D..%2f"],
  [true, "post", "https", "dev1.service-now.com:443", "/api/now/table/incident"],
  [true, "patch", "https", "DEV1.service-now.com", RECORD],
  [false, "delete", "https", "dev1.service-now.com", RECORD],
  [false, "get", "http", "dev1.service-now.com", "/api/now/table/incident"],
  [false, "get", "https", "dev1.service-now.com:8443", "/api/now/table/incident"],
  [false, "get", "https", "evil.example", "/api/now/table/incident"],
  [false, "get", "https", "evil.example", "@dev1.service-now.com/api/now/table/incident"],
  [false, "get", "https", "dev1.service-now.co", "m/api/now/table/incident"],
  [false, "get", "https", "dev1.service-now.com@evil.example", "/api/now/table/incident"],
  [false, "get", "https", "dev1.service-now.com", "/x/../api/now/table/incident"],
  [false, "get", "https", "dev1.service-now.com", "/api/now/table/..%2f..%2fsys_user.do"],
  [false, "get", "https", "dev1.service-now.com", "/api/now/table/..;/..;/sys.scripts.do"],
  [false, "get", "https", "dev1.service-now.com", "/nav_to.do"],
  [false, "post", "https", "dev1.service-now.com", "/oauth_token.do"],
] as [boolean, string, string, string, string][]) {
  test(`${method} ${scheme}://${authority} ${path} is ${allowed ? "allowed" : "refused"}`, () => {
    const parts = { method, scheme, authority, path };
    assert.equal(isAllowed(parts, bearer(ORIGIN, "t")), allowed);
    assert.equal(isAllowed(parts, undefined), false);
  });
}

test("the token service is asked where the component obtains its token, by post", () => {
  const granted = clientCredentials(ORIGIN, "id", "secret");
  const parts = { scheme: "https", authority: "dev1.service-now.com", path: "/oauth_token.do" };
  assert.equal(isAllowed({ ...parts, method: "post" }, granted), true);
  assert.equal(isAllowed({ ...parts, method: "get" }, granted), false);
  assert.equal(isAllowed({ ...parts, method: "post", path: "/oauth_token.do?x" }, granted), false);
});
