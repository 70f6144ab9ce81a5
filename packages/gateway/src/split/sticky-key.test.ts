import assert from "node:assert/strict";
import { test } from "node:test";
import { stickyCookieLine, stickyKeyOf } from "./sticky-key.ts";

test("finds the key in the cookie or the header of a request, whatever surrounds it", () => {
  const lines = "Host: h\r\ncOOKIE: a=b; faas-split=k1; c=faas-split=no\r\nX-User:  u 1 \r\nX-User: u2\r\n";
  assert.equal(stickyKeyOf("cookie", lines), "k1");
  assert.equal(stickyKeyOf("header:x-user", lines), "u 1");
  for (const other of ["", "Host: h\r\n", "Cookie: my-faas-split=a\r\n", "Cookie: faas-split=\r\n"])
    assert.equal(stickyKeyOf("cookie", other), undefined, other);
  assert.equal(stickyKeyOf("header:x-user", "X-User: \r\nX-Users: a\r\n"), undefined);
});

test("the cookie is for the endpoint alone, not for scripts or other sites", () => {
  assert.match(
    stickyCookieLine("k", "/acme/x", true),
    /^Set-Cookie: faas-split=k; Path=\/acme\/x; Max-Age=\d+; HttpOnly; SameSite=Lax; Secure\r\n$/,
  );
  assert.doesNotMatch(stickyCookieLine("k", "/", false), /Secure/);
});
