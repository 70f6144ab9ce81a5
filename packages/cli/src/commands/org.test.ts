import assert from "node:assert/strict";
import { test } from "node:test";
import { testServer } from "../test-server.ts";

const server = await testServer();
const login = ["org", "registry-login", "acme", "--username", "bot", "--registry", "registry.example.com"];

test("a platform that pulls no images says so", async (t) => {
  const { code, stderr } = await server.run(t, [...login, "--password-stdin"], { input: "secret\n" });
  assert.equal(code, 1);
  assert.match(stderr, /The embedded platform pulls no images, and needs no login \(CAPABILITY_MISSING\)/);
  assert.doesNotMatch(stderr, /secret/);
});

for (const [argv, input, expected] of [
  [login, "secret", /required option '--password-stdin'/],
  [["org", "registry-login", "acme", "--password-stdin"], "secret", /required option '--username/],
  [[...login, "--password-stdin"], "\n", /Expected the password on standard input, and it is empty/],
  [
    ["org", "registry-login", "Acme!", ...login.slice(3), "--password-stdin"],
    "secret",
    /organization name .* got "Acme!"/,
  ],
] as const) {
  test(`wrong usage: ${argv.join(" ")}`, async (t) => {
    const { code, stderr } = await server.run(t, argv, { input });
    assert.equal(code, 2);
    assert.match(stderr, expected);
  });
}
