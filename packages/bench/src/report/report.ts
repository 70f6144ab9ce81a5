import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatResult, type Result, type ResultRun } from "../results/result.ts";
import { formatMs, type Percentiles } from "../results/summary.ts";
import { charts } from "./charts.ts";
import { drawSvg } from "./draw-svg.ts";
import { DARK, LIGHT } from "./theme.ts";

const HEIGHT = 480;

/** Writes `report.html`, `result.json`, and each chart as `.svg` and `.png`; returns the names of the files. */
export async function writeReport(dir: string, result: Result): Promise<string[]> {
  await mkdir(dir, { recursive: true });
  const light = charts(result.runs, LIGHT);
  const dark = charts(result.runs, DARK);
  const svgs = await drawSvg([...light, ...dark], HEIGHT);
  const { Resvg } = await import("@resvg/resvg-js");
  const files = new Map<string, string | Buffer>();
  const figures = light.map(({ name, title }, i) => {
    const [lightSvg = "", darkSvg = ""] = [svgs[i], svgs[light.length + i]];
    files.set(`${name}.svg`, lightSvg);
    files.set(`${name}.png`, new Resvg(lightSvg, { fitTo: { mode: "zoom", value: 2 } }).render().asPng());
    return `<figure role="img" aria-label="${html(title)}"><div class="light">${lightSvg}</div><div class="dark">${darkSvg}</div></figure>`;
  });
  files.set("report.html", page(result, figures));
  files.set("result.json", formatResult(result));
  for (const [name, content] of files) await writeFile(join(dir, name), content);
  return [...files.keys()];
}

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { padding: .3rem .7rem; text-align: right; border-bottom: 1px solid #8886; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
figure { margin: 1.5rem 0; border: 1px solid #8884; }
figure svg { display: block; width: 100%; height: auto; }
.dark { display: none; }
@media (prefers-color-scheme: dark) { .dark { display: block; } .light { display: none; } }`;

function page({ createdAt, machine, runs }: Result, figures: readonly string[]): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>faas bench</title><style>${STYLE}</style></head>
<body>
<h1>faas bench</h1>
<p>${html(createdAt)}, ${machine.cpus} x ${html(machine.cpu)}, Node ${html(machine.node)}</p>
${table(runs)}
${figures.join("\n")}
</body>
</html>
`;
}

function table(runs: readonly ResultRun[]): string {
  const columns = ["min", "p50", "p90", "p95", "p99", "p99.9", "max"] as const;
  const head = ["run", "load", "requests", "per second", "errors", ...columns, "cold starts", "cold p50", "cold p99"];
  const rows = runs.map(({ name, load, summary: { count, rate, errors, reasons, latencyMs, coldStarts } }) => [
    name,
    formatLoad(load),
    String(count),
    rate.toFixed(1),
    counts(errors) + (reasons === undefined ? "" : ` (${counts(reasons)})`) || "0",
    ...columns.map((column) => cell(latencyMs, column)),
    String(coldStarts.count),
    cell(coldStarts.latencyMs, "p50"),
    cell(coldStarts.latencyMs, "p99"),
  ]);
  const row = (tag: string, cells: readonly string[]) =>
    `<tr>${cells.map((each) => `<${tag}>${html(each)}</${tag}>`).join("")}</tr>`;
  return `<table>${row("th", head)}${rows.map((cells) => row("td", cells)).join("")}</table>`;
}

const counts = (numbers: Readonly<Record<string, number>>) =>
  Object.entries(numbers)
    .map(([name, number]) => `${number} x ${name}`)
    .join(", ");

const cell = (percentiles: Percentiles | undefined, name: keyof Percentiles) =>
  percentiles ? formatMs(percentiles[name]) : "";

function formatLoad(load: ResultRun["load"]): string {
  if (load.kind === "closed") return `${load.threads} threads x ${load.iterations}`;
  return `${load.rate}/s ${load.arrivals}, ${load.durationMs / 1000} s`;
}

const html = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
