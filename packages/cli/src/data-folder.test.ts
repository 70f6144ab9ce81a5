import assert from "node:assert/strict";
import { test } from "node:test";
import { dataFolder } from "./data-folder.ts";

test("the data folder is that of --data, FAAS_DATA, XDG_DATA_HOME or the home folder, in this order", () => {
  const env = { FAAS_DATA: "/data", XDG_DATA_HOME: "/xdg", HOME: "/home/me" };
  assert.equal(dataFolder("/option", env), "/option");
  assert.equal(dataFolder(undefined, env), "/data");
  assert.equal(dataFolder(undefined, { ...env, FAAS_DATA: "" }), "/xdg/faas");
  assert.equal(dataFolder(undefined, { HOME: "/home/me", XDG_DATA_HOME: "relative" }), "/home/me/.local/share/faas");
});
