import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FaasError, type Language } from "@faas/core";
import { CompilerAdvice } from "./compiler-advice.ts";

/** Returns the message of a failed installation that printed these lines. */
function messageAfter(runtime: Language, lines: readonly string[]): string {
  const advice = new CompilerAdvice(runtime, "slim");
  for (const line of lines) advice.observe(line);
  return (advice.applyTo(new FaasError("INSTALL_FAILED", "it failed")) as Error).message;
}

describe("the failed installation of a package that needs a compiler", () => {
  for (const [program, runtime, lines, name, image] of [
    [
      "Python for node-gyp",
      "node",
      [
        'npm error gyp ERR! find Python - executable path is ""',
        "npm error gyp ERR! cwd /tmp/manifests/node_modules/better-sqlite3",
      ],
      "better-sqlite3",
      "node:24",
    ],
    [
      "make",
      "typescript",
      [
        "npm error gyp ERR! stack Error: not found: make",
        "npm error gyp ERR! cwd /tmp/manifests/node_modules/@scope/native",
      ],
      "@scope/native",
      "node:24",
    ],
    [
      "gcc",
      "python",
      [
        "  Building wheel for netifaces (setup.py): started",
        "  error: command 'gcc' failed: No such file or directory",
      ],
      "netifaces",
      "python:3.11",
    ],
    [
      "pg_config",
      "python",
      ["writing /tmp/pip-pip-egg-info-o1/psycopg2.egg-info/PKG-INFO", "Error: pg_config executable not found."],
      "psycopg2",
      "python:3.11",
    ],
  ] as const)
    test(`names the package and an image with ${program}`, () => {
      assert.equal(
        messageAfter(runtime, lines),
        `The package "${name}" has to be compiled, but the base image slim lacks a program for that: choose one with compilers, such as ` +
          `--base-image ${image}`,
      );
    });

  test("is reported as it is for any other reason", () => {
    assert.equal(messageAfter("python", ["ERROR: No matching distribution found for nothing"]), "it failed");
  });
});
