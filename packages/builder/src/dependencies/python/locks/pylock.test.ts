import assert from "node:assert/strict";
import { test } from "node:test";
import { sourceFolder } from "../../../testing/source-folder.ts";
import { lockedLines } from "./lock.ts";
import { readPylock } from "./pylock.ts";

test("a pylock.toml gives its packages, for the default groups and without extras", async () => {
  const lock = `lock-version = "1.0"
default-groups = ["main"]
[[packages]]
name = "six"
version = "1.17.0"
marker = "'main' in dependency_groups and 'x' not in extras"
[packages.sdist]
url = "u"
hashes = {sha256 = "s", md5 = "m"}
[[packages.wheels]]
url = "u"
hashes = {sha256 = "w"}
[[packages]]
name = "lib"
directory = {path = "lib"}
[[packages]]
name = "far"
archive = {url = "https://example.com/far.zip", hashes = {sha256 = "f"}}
[[packages]]
name = "repo"
vcs = {type = "git", url = "https://example.com/r.git", commit-id = "abc"}
`;
  const folder = await sourceFolder({ "pylock.toml": lock });
  const found = await readPylock(folder);
  assert.ok(found);
  assert.deepEqual(lockedLines(found), {
    hashed: [
      'six==1.17.0 ; python_version >= "0" and python_version >= "0" --hash=sha256:s --hash=sha256:w',
      "far @ https://example.com/far.zip --hash=sha256:f",
    ],
    unhashed: [`${folder}/lib`, "repo @ git+https://example.com/r.git@abc"],
  });
});
