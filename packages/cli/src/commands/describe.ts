import {
  type EndpointView,
  formatAsyncSettings,
  formatHook,
  formatResourceCounts,
  formatSchedule,
  formatSubscription,
  formatWarmWindow,
  hookPath,
  mcpPath,
  type SourceView,
  type ToolSettings,
  toolName,
} from "@faas/core";
import type { Command } from "commander";
import { connect } from "../client/connect.ts";
import { canaryRows } from "../deploy/canary-text.ts";
import { parseRef } from "../options/target.ts";
import { followRows, originRows, trafficRows } from "../revisions/describe-rows.ts";
import { outputOf } from "../terminal/failure-output.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { columns, type OutputFormat, outputOption, print } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  command
    .argument("<org/endpoint>", "Endpoint to show")
    .addOption(outputOption())
    .action(async (target: string) => {
      const options = command.optsWithGlobals<Options>();
      const ref = parseRef(target);
      const view = await (await connect(options, io)).endpoint(ref);
      await print(view, options.output, io, table);
    });
}

function table(view: EndpointView): string {
  const { env, secrets = {}, warm = [], async: calls, hooks = [], subscriptions = [], ...others } = view.settings;
  const { schedules = [], sources: _, resources = {}, tool, ...settings } = others;
  const rows = [
    ["endpoint", `${view.org}/${view.endpoint}`],
    ["url", view.url],
    ["phase", view.phase],
    ...(view.limited === undefined ? [] : [["limited", view.limited]]),
    ...(view.cpuPending === undefined ? [] : [["cpu pending", view.cpuPending]]),
    ["revision", view.revision],
    ...originRows(view),
    ...trafficRows(view, Date.now()),
    ...(view.deploying === undefined ? [] : [["deploying", view.deploying]]),
    ...(view.canary === undefined ? [] : canaryRows(view.canary, Date.now())),
    ["image", view.image],
    ...followRows(view),
    ...(view.warm === undefined ? [] : [["warm image", view.warm.image]]),
    ["created", view.createdAt],
    ["updated", view.updatedAt],
    ...Object.entries(settings).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : String(value)]),
    ...formatResourceCounts(resources).map((resource) => ["resource", resource]),
    ...(calls === undefined ? [] : [["async", formatAsyncSettings(calls)]]),
    ...warm.map((window) => ["warm", formatWarmWindow(window)]),
    ...hooks.map((hook) => ["hook", formatHook(hook)]),
    ...hooks.map(({ name }) => ["hook url", hookUrl(view, name)]),
    ...subscriptions.map((subscription) => ["subscription", formatSubscription(subscription)]),
    ...(view.sources ?? []).map((source) => ["source", formatSourceState(source)]),
    ...schedules.map((schedule) => ["schedule", formatSchedule(schedule)]),
    ...(tool === undefined ? [] : toolRows(view, tool)),
    ...Object.entries(env).map(([name, value]) => [`env ${name}`, value]),
    ...Object.entries(secrets).map(([variable, name]) => [`secret ${variable}`, name]),
  ];
  const width = Math.max(...rows.map(([name = ""]) => name.length));
  const text = rows.map(([name = "", value]) => `${name.padEnd(width)}  ${onOneLine(value)}\n`).join("");
  return text + formatReplicas(view) + formatFailure(view);
}

/** Quotes a value with line breaks or other control characters. */
const onOneLine = (value = "") => (/\p{Cc}/u.test(value) ? JSON.stringify(value) : value);

/** Returns the URL to which the sender of a webhook sends, on the server of the endpoint. */
const hookUrl = ({ org, url }: EndpointView, name: string) => new URL(hookPath(org, name), url).href;

/** Formats a source with its state, such as "subject=acme.> (active)". */
const formatSourceState = ({ source, active, problem }: SourceView) =>
  `${source} (${[active ? "active" : "inactive", ...(problem === undefined ? [] : [problem])].join(": ")})`;
/** Returns the name and the title of a tool, and the URL of the server that offers it to agents. */
const toolRows = (view: EndpointView, tool: ToolSettings) => [
  ["tool", `${toolName(tool, view)}: ${tool.title ?? tool.description.split("\n", 1)[0]}`],
  ["tool url", new URL(mcpPath(view.org), view.url).href],
];

function formatReplicas({ replicas: ofCalls, otherReplicas = [] }: EndpointView): string {
  const replicas = [...ofCalls, ...otherReplicas];
  if (replicas.length === 0) return "\nno replicas\n";
  const hasCpu = replicas.some(({ cpuMillis }) => cpuMillis !== undefined);
  const rows = replicas.map(({ id, ready, revision, inFlight, cpuMillis }) => [
    id,
    ready ? "yes" : "no",
    revision,
    String(inFlight),
    ...(hasCpu ? [cpuMillis === undefined ? "" : `${cpuMillis}m`] : []),
  ]);
  return `\n${columns(["REPLICA", "READY", "REVISION", "IN FLIGHT", ...(hasCpu ? ["CPU LIMIT"] : [])], rows)}`;
}

function formatFailure({ failure }: EndpointView): string {
  if (!failure) return "";
  const lines = outputOf(failure.lastLogLines, failure.detail)
    .map((line) => `  ${line}\n`)
    .join("");
  return `\nfailure of revision ${failure.revision}: ${failure.code}\n  ${failure.detail}\n${lines && `last lines of its output:\n${lines}`}`;
}
