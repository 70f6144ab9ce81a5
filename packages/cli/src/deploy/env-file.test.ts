import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEnvFile } from "./env-file.ts";

const KEY = "-----BEGIN PRIVATE KEY-----\nMIIE\nabcd\n-----END PRIVATE KEY-----";

for (const quote of ['"', "'", "`"]) {
  test(`reads a value of several lines in ${quote}`, () => {
    const text = `A=1\nKEY=${quote}${KEY}${quote} # comment\nB=2\n`;
    assert.deepEqual(parseEnvFile(text, ".env"), { A: "1", KEY, B: "2" });
  });
}

test("reads a file with a byte order mark and Windows line ends", () => {
  const text = `\uFEFFA=1\r\nKEY="${KEY.replaceAll("\n", "\r\n")}"\r\nB=2\r\n`;
  assert.deepEqual(parseEnvFile(text, ".env"), { A: "1", KEY, B: "2" });
});

test("reads quotes inside of values, comments, empty values and the word export", () => {
  const text = `A=x=y=z\n# C="\nB='single # not comment'\nexport D = it's\nE=\nF="say \\"hi"\n`;
  const { F: _, ...values } = parseEnvFile(text, ".env");
  assert.deepEqual(values, { A: "x=y=z", B: "single # not comment", D: "it's", E: "" });
});

test("rejects a line without an equals sign", () => {
  for (const line of ["NAME: value", "export NAME", "some words"])
    assert.throws(() => parseEnvFile(`A=1\n${line}\n`, ".env"), { message: "Expected .env:2 to be NAME=value" });
});

test("names the line that is not an assignment, also after a value of several lines", () => {
  assert.throws(() => parseEnvFile(`KEY="${KEY}"\nwrong\n`, ".env"), {
    code: "USAGE",
    message: "Expected .env:5 to be NAME=value",
  });
});
