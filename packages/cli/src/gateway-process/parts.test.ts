import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

/** Folder with the parts of the built CLI. */
const DIST = join(import.meta.dirname, "../../dist");
const IMPORTED = /(?:\bfrom|\bimport|\bimport\() ?"\.\/([^"]+)"/g;
const PACKAGE = /\bnode_modules\/((?:@[^/]+\/)?[^/]+)/;

/** Lists the packages in a part of the built CLI, and in all parts that it may load. */
function packagesIn(part: string): string[] {
  const seen = new Set([part]);
  const packages = new Set<string>();
  for (const name of seen) {
    const text = readFileSync(join(DIST, name), "utf8");
    for (const [, imported = ""] of text.matchAll(IMPORTED)) seen.add(imported);
    for (const source of sourcesOf(name)) {
      const [, found] = PACKAGE.exec(source) ?? [];
      if (found !== undefined) packages.add(found);
    }
  }
  return [...packages].sort();
}

const sourcesOf = (part: string): readonly string[] =>
  JSON.parse(readFileSync(join(DIST, `${part}.map`), "utf8")).sources;

test("a gateway loads no packages: each takes memory in every gateway", () => {
  const part = readdirSync(DIST).find((name) => /^run-gateway-\w+\.js$/.test(name));
  assert.ok(part);
  assert.deepEqual(packagesIn(part), []);
  // The control server does load packages: the search would find them.
  const server = readdirSync(DIST).find((name) => /^up-\w+\.js$/.test(name));
  assert.ok(packagesIn(server ?? "").includes("zod"));
});
