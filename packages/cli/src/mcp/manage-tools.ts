import { Readable, Writable } from "node:stream";
import { FaasError } from "@faas/core";
import type { CallToolResult, Tool } from "@modelcontextprotocol/server";
import type { Command } from "commander";
import type { Io } from "../terminal/io.ts";

/** Tools of `faas mcp --manage`: commands of this program, whose output is the result. */

type Arguments = Readonly<Record<string, unknown>>;

interface ManageTool {
  readonly tool: Tool;
  /** Returns the command line. */
  readonly argv: (args: Arguments) => readonly string[];
}

const text = (description: string) => ({ type: "string", description }) as const;
const number = (description: string) => ({ type: "integer", minimum: 0, description }) as const;
const ENDPOINT = text('Endpoint, "org/endpoint"');

function manageTool(
  name: string,
  description: string,
  properties: Readonly<Record<string, object>>,
  { required = [], isReadOnly = true }: { readonly required?: readonly string[]; readonly isReadOnly?: boolean },
  argv: ManageTool["argv"],
): [string, ManageTool] {
  const inputSchema = { type: "object", properties, required: [...required], additionalProperties: false };
  const annotations = { readOnlyHint: isReadOnly };
  return [name, { tool: { name, description, inputSchema: inputSchema as Tool["inputSchema"], annotations }, argv }];
}

const option = (name: string, value: unknown): string[] => (value === undefined ? [] : [`--${name}=${String(value)}`]);

const tools: ReadonlyMap<string, ManageTool> = new Map([
  manageTool(
    "faas_deploy",
    "Deploys the function or app in a folder, and waits until it serves. Settings are in faas.json in the folder.",
    {
      folder: text("Folder with the code, absolute or relative to the folder in which faas mcp runs"),
      org: text("Organization, if faas.json does not name it"),
      endpoint: text("Name of the endpoint, if faas.json does not name it"),
      message: text("Why it is deployed"),
    },
    { required: ["folder"], isReadOnly: false },
    ({ folder, org, endpoint, message }) => [
      ...["deploy", ...option("org", org), ...option("endpoint", endpoint), ...option("message", message)],
      ...["--", String(folder)],
    ],
  ),
  manageTool(
    "faas_logs",
    "Shows recent output and calls of an endpoint.",
    {
      endpoint: ENDPOINT,
      tail: number("Number of lines (default 100)"),
      since: text("Only lines newer than a duration, such as 5m"),
      grep: text("Only lines that contain a text"),
      status: text("Only calls with these statuses, such as 5xx"),
      requestId: text("Only lines of the call with this request id"),
    },
    { required: ["endpoint"] },
    ({ endpoint, tail = 100, since, grep, status, requestId }) => [
      ...["logs", ...option("tail", tail), ...option("since", since), ...option("grep", grep)],
      ...[...option("status", status), ...option("request-id", requestId), "--", String(endpoint)],
    ],
  ),
  manageTool(
    "faas_describe",
    "Shows an endpoint's settings, replicas and last failure, as JSON.",
    { endpoint: ENDPOINT },
    { required: ["endpoint"] },
    ({ endpoint }) => ["describe", "--output=json", "--", String(endpoint)],
  ),
  manageTool(
    "faas_list",
    "Lists endpoints, as JSON.",
    { org: text("Only those of this organization") },
    {},
    ({ org }) => [...["list", "--output=json", ...(org === undefined ? [] : ["--", String(org)])]],
  ),
  manageTool(
    "faas_invoke",
    "Calls an endpoint, and returns the body of its response.",
    {
      endpoint: text('Endpoint with path and query, such as "org/endpoint/path?a=b"'),
      method: text("HTTP method (default GET, or POST with data)"),
      data: text("Body of the request"),
    },
    { required: ["endpoint"], isReadOnly: false },
    // On stdin: an "@" at the beginning of the option would name a file.
    ({ endpoint, method, data }) => [
      ...["invoke", ...option("method", method), ...(data === undefined ? [] : ["--data=-"]), "--", String(endpoint)],
    ],
  ),
]);

/** Lists the tools for managing endpoints. */
export const manageTools: readonly Tool[] = Array.from(tools.values(), ({ tool }) => tool);

/** Tells whether a name is that of a tool for managing endpoints. */
export const isManageTool = (name: string): boolean => tools.has(name);

/** Input of a command, and the program that runs it. */
export interface CommandRun {
  readonly io: Io;
  readonly signal: AbortSignal;
  readonly loadProgram: (io: Io) => Promise<Command>;
}

/** Returns the reason why arguments do not match the schema of a tool for managing endpoints; undefined if they do. */
function problemOf(name: string, args: Arguments): string | undefined {
  const { properties = {}, required = [] } = (tools.get(name)?.tool.inputSchema ?? {}) as {
    readonly properties?: Readonly<Record<string, { readonly type: string }>>;
    readonly required?: readonly string[];
  };
  const missing = required.find((each) => args[each] === undefined);
  if (missing !== undefined) return `Expected the argument "${missing}", got none`;
  for (const [key, value] of Object.entries(args)) {
    const type = Object.hasOwn(properties, key) ? properties[key]?.type : undefined;
    if (type === undefined) return `Expected the arguments ${Object.keys(properties).join(", ")}, got "${key}"`;
    const isValid = type === "integer" ? Number.isInteger(value) : typeof value === type;
    if (!isValid)
      return `Expected "${key}" to be ${type === "integer" ? "a whole number" : "text"}, got ${JSON.stringify(value)}`;
  }
  return undefined;
}

/** Runs a command, and returns its output; the error if it fails. */
export async function callManageTool(name: string, args: Arguments, run: CommandRun): Promise<CallToolResult> {
  const output: Buffer[] = [];
  const errors: Buffer[] = [];
  const { data } = args;
  const io: Io = {
    ...run.io,
    ...{ stdout: collector(output), stderr: collector(errors), stdin: Readable.from([String(data ?? "")]) },
    ...{ signal: run.signal, exitCode: 0 },
  };
  const problem = problemOf(name, args);
  if (problem !== undefined) return { content: [{ type: "text", text: problem }], isError: true };
  let failure: string | undefined;
  try {
    const program = await run.loadProgram(io);
    await program.parseAsync([...(tools.get(name)?.argv(args) ?? [])], { from: "user" });
  } catch (error) {
    failure = describe(error);
  }
  const texts = [
    Buffer.concat(output).toString(),
    ...(failure === undefined && io.exitCode === 0 ? [] : [Buffer.concat(errors).toString(), failure ?? ""]),
  ];
  const isError = failure !== undefined || io.exitCode !== 0;
  const content = texts.filter((each) => each.trim() !== "").map((each) => ({ type: "text", text: each }) as const);
  return { content, ...(isError ? { isError } : {}) };
}

const collector = (chunks: Buffer[]) =>
  new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });

function describe(error: unknown): string {
  if (!(error instanceof FaasError)) return (error as Error).message;
  const { hint } = error.extensions;
  return `${error.message} (${error.code})${hint === undefined ? "" : `\nhint: ${String(hint)}`}`;
}
