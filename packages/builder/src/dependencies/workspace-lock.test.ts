import assert from "node:assert/strict";
import { test } from "node:test";
import { lockOfPackage } from "./workspace-lock.ts";

const locked = (packages: Record<string, object>) =>
  JSON.parse(
    lockOfPackage({
      text: JSON.stringify({ lockfileVersion: 3, packages }),
      root: "/mono",
      folder: "/mono/packages/fn",
      manifest: { name: "fn", version: "1.0.0", dependencies: { a: "^1.0.0", lib: "file:../lib" } },
    }) ?? "{}",
  ).packages;

test("keeps the versions that each package gets in the workspace", () => {
  const packages = locked({
    "": { workspaces: ["packages/*"] },
    "node_modules/a": { version: "1.0.0", dependencies: { x: "^1.0.0" }, dev: true },
    "node_modules/x": { version: "1.0.0" },
    "node_modules/unused": { version: "1.0.0" },
    "node_modules/lib": { resolved: "packages/lib", link: true },
    "packages/fn": { version: "1.0.0", dependencies: { a: "^1.0.0", x: "^2.0.0", lib: "*" } },
    "packages/fn/node_modules/x": { version: "2.0.0" },
    "packages/lib": { version: "1.1.0", dependencies: { x: "^3.0.0" }, devDependencies: { unused: "*" } },
    "packages/lib/node_modules/x": { version: "3.0.0" },
  });
  const versions = Object.entries(packages as Record<string, { version?: string }>).map(([path, { version }]) => [
    path,
    version,
  ]);
  assert.deepEqual(Object.fromEntries(versions.slice(1).sort()), {
    "node_modules/a": "1.0.0",
    "node_modules/lib": "1.1.0",
    "node_modules/lib/node_modules/x": "3.0.0",
    "node_modules/a/node_modules/x": "1.0.0",
    "node_modules/x": "2.0.0",
  });
  assert.equal(packages["node_modules/lib"].resolved, "file:../lib");
  assert.deepEqual(packages[""].dependencies, { a: "^1.0.0", lib: "file:../lib" });
});

test("has no lock file for a package that the workspace's does not list", () => {
  assert.equal(locked({ "": {} }), undefined);
});
