import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { systemPaths } from "./allowed-paths.ts";
import { visibleMounts } from "./private-temp.ts";

describe("paths in /tmp that a process with its own /tmp keeps", () => {
  test("are mounted in their places, read-only if they may only be read", () => {
    const mounts = visibleMounts({ read: ["/usr", "/tmp/data/code"], write: ["/tmp/data/cache", "/var/tmp/x"] });
    assert.deepEqual(mounts, [
      ["rw", "/tmp/data/cache", "/tmp/data/cache"],
      ["ro", "/tmp/data/code", "/tmp/data/code"],
      ["rw", "/var/tmp/x", "/var/tmp/x"],
    ]);
  });

  test("are mounted once, with the folder that contains them", () => {
    const mounts = visibleMounts({ read: ["/tmp/a/b", "/tmp/a", "/tmp/ab"], write: ["/tmp/a/w"] });
    assert.deepEqual(
      mounts.map(([access, path]) => [access, path]),
      [
        ["ro", "/tmp/a"],
        ["rw", "/tmp/a/w"],
        ["ro", "/tmp/ab"],
      ],
    );
  });
});

describe("the machine's /tmp", () => {
  const isWritable = (...options: Parameters<typeof systemPaths>) => systemPaths(...options).write.includes("/tmp");

  test("is shared if processes cannot have their own, unless it contains the server's data", () => {
    assert.equal(isWritable(["/srv/data"], [], "shared"), true);
    assert.equal(isWritable(["/tmp/data"], [], "shared"), false);
  });

  test("is denied if isolation is required and processes cannot have their own", () => {
    assert.equal(isWritable(["/srv/data"], [], "denied"), false);
  });

  test("does not matter to processes with their own", () => {
    assert.equal(isWritable(["/tmp/data"], [], "private"), true);
  });
});
