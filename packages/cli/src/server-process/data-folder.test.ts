import assert from "node:assert/strict";
import { test } from "node:test";
import { dataFolder } from "./data-folder.ts";

test("dataFolder prefers --data, then FAAS_DATA, XDG_DATA_HOME and the home folder", () => {
  const cwd = "/here";
  const env = { FAAS_DATA: "/data", XDG_DATA_HOME: "/xdg", HOME: "/home/me" };
  assert.equal(dataFolder("option", { env, cwd }), "/here/option");
  assert.equal(dataFolder(undefined, { env, cwd }), "/data");
  assert.equal(dataFolder(undefined, { env: { ...env, FAAS_DATA: "" }, cwd }), "/xdg/faas");
  const relative = { HOME: "/home/me", XDG_DATA_HOME: "relative" };
  assert.equal(dataFolder(undefined, { env: relative, cwd }), "/home/me/.local/share/faas");
});
