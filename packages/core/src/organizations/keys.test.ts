import assert from "node:assert/strict";
import { test } from "node:test";
import {
  formatVerifier,
  isTokenOf,
  keyIdOf,
  keyScopes,
  newKey,
  parseVerifier,
  scopeAllows,
  verifierOf,
} from "./keys.ts";

test("a token has its scope and its key's id, and is unique", () => {
  const tokens = new Set<string>();
  for (const scope of keyScopes) {
    for (let i = 0; i < 100; i++) {
      const { id, token, hash } = newKey(scope);
      assert.match(token, new RegExp(`^faas_${scope}_${id}_[0-9A-Za-z]{49}$`));
      assert.equal(keyIdOf(token), id);
      assert.ok(isTokenOf(token, hash));
      tokens.add(token);
    }
  }
  assert.equal(tokens.size, 400);
});

test("detects every mistyped character", () => {
  const { token } = newKey("deploy");
  for (let at = 0; at < token.length; at++) {
    const other = token[at] === "a" ? "b" : "a";
    assert.equal(keyIdOf(token.slice(0, at) + other + token.slice(at + 1)), undefined, `at ${at}`);
  }
  for (const text of ["", token.slice(1), `${token}0`, ` ${token}`, `${token}\n`, token.toUpperCase()])
    assert.equal(keyIdOf(text), undefined);
});

test("rejects another token and a malformed hash", () => {
  const [one, two] = [newKey("read"), newKey("read")];
  assert.equal(isTokenOf(one.token, two.hash), false);
  assert.equal(isTokenOf(one.token, ""), false);
  assert.equal(isTokenOf(one.token, one.hash.slice(2)), false);
});

test("the digits of tokens are uniformly distributed", () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 2_000; i++)
    for (const digit of newKey("read").token.split("_")[3]?.slice(0, 43) ?? "")
      counts.set(digit, (counts.get(digit) ?? 0) + 1);
  const expected = (2_000 * 43) / 62;
  assert.equal(counts.size, 62);
  // Six standard deviations.
  for (const [digit, count] of counts) assert.ok(Math.abs(count - expected) < 6 * Math.sqrt(expected), digit);
});

test("a verifier has the id and the hash, but not the token", () => {
  const key = newKey("admin");
  const text = formatVerifier(key);
  assert.deepEqual(parseVerifier(`${text}\n`), { id: key.id, hash: key.hash });
  assert.equal(verifierOf(key.token), text);
  assert.ok(!text.includes(key.token.slice(-20)));
  for (const wrong of ["", key.token, `${key.id}:`, `${text}0`]) assert.equal(parseVerifier(wrong), undefined);
});

test("deploy includes read and invoke, admin includes all scopes, and the others only themselves", () => {
  const table = keyScopes.map((has) => keyScopes.filter((wanted) => scopeAllows(has, wanted)).join(" "));
  assert.deepEqual(table, ["admin deploy invoke read", "deploy invoke read", "invoke", "read"]);
});
