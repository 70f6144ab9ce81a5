import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { EndpointRegistry } from "@faas/gateway";
import { parse } from "yaml";
import { Metrics } from "../../packages/server/src/metrics/metrics.ts";

const folder = join(import.meta.dirname, "../../docs/monitoring");

/** Names of the metrics that a server has. */
const text = await new Metrics(new EndpointRegistry({ log: { warn() {} } })).text();
const known = new Set(Array.from(text.matchAll(/^# TYPE (\S+)/gm), ([, name]) => name));

/** Finds the metrics in PromQL, without the suffixes of histograms. */
const metricsIn = (promql: string): string[] =>
  Array.from(promql.matchAll(/\b(?:faas|process|nodejs)_\w+/g), ([name]) => name.replace(/_bucket$/, ""));

test("the dashboard and the alert rules use metrics that the server has", () => {
  const dashboard = readFileSync(join(folder, "grafana-dashboard.json"), "utf8");
  const alerts = readFileSync(join(folder, "alerts.yml"), "utf8");
  const expressions = [
    ...JSON.parse(dashboard).panels.flatMap(({ targets }: { targets: { expr: string }[] }) =>
      targets.map(({ expr }) => expr),
    ),
    ...parse(alerts).groups.flatMap(({ rules }: { rules: { expr: string }[] }) => rules.map(({ expr }) => expr)),
  ];
  const used = expressions.flatMap(metricsIn);
  assert.ok(used.length > 30);
  assert.deepEqual(
    used.filter((name) => !known.has(name)),
    [],
  );
});

test("each alert is explained", () => {
  const page = readFileSync(join(folder, "README.md"), "utf8");
  const { groups } = parse(readFileSync(join(folder, "alerts.yml"), "utf8"));
  for (const { rules } of groups) for (const { alert } of rules) assert.ok(page.includes(`| \`${alert}\` |`), alert);
});
