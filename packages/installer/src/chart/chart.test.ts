import assert from "node:assert/strict";
import { test } from "node:test";
import { chartFiles } from "./chart.ts";

/** The templates are rendered by Helm in test/cluster/install/chart.test.ts. */

const files = new Map(chartFiles("1.2.3").map(({ path, text }) => [path, text]));
const values = Array.from((files.get("values.yaml") ?? "").matchAll(/^(\w+):/gm), ([, name]) => name);
const templates = [...files].filter(([path]) => path.startsWith("templates/")).map(([, text]) => text);

test("the templates of the chart use every value, and no other", () => {
  const used = new Set(Array.from(templates.join("").matchAll(/\.Values\.(\w+)/g), ([, name]) => name));
  assert.deepEqual([...used].sort(), values.toSorted());
});

test("no placeholder is left in a template", () => {
  assert.doesNotMatch(templates.join(""), /@\w+@|faas-chart-namespace|7000\d|faas_admin_/);
});

test("the chart has the version of faas, and a file for each object", () => {
  assert.match(files.get("Chart.yaml") ?? "", /^version: 1\.2\.3$/m);
  assert.ok(files.has("templates/deployment-faas-gateway.yaml"), [...files.keys()].join());
});
