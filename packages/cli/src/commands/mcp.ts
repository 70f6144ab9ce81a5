import { FaasError } from "@faas/core";
import type { CallToolResult, Server, ServerContext, Tool } from "@modelcontextprotocol/server";
import type { Command } from "commander";
import { connect } from "../client/connect.ts";
import { callManageTool, isManageTool, manageTools } from "../mcp/manage-tools.ts";
import { type ProgressListener, RemoteError, RemoteTools } from "../mcp/remote-tools.ts";
import { checkOrg } from "../options/target.ts";
import { findProject } from "../project/project.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { version } from "../version.ts";

interface Options extends GlobalOptions {
  readonly org?: string;
  readonly manage?: boolean;
}

type LoadProgram = (io?: Io) => Promise<Command>;

export function define(command: Command, io: Io, loadProgram: LoadProgram): void {
  command
    .option("--org <org>", "Organization whose tools are offered (default: that of faas.json)")
    .option("--manage", "Also offer tools that deploy, describe, list and call endpoints, and show their logs")
    .addHelpText(
      "after",
      "\nAn agent on this machine starts it, and speaks the Model Context Protocol with it over stdin and stdout. The key is that of faas login.",
    )
    .action(async () => serve(command.optsWithGlobals<Options>(), io, loadProgram));
}

/** Serves an agent until it closes stdin. */
async function serve(options: Options, io: Io, loadProgram: LoadProgram): Promise<void> {
  const org = options.org ?? (await findProject(io.cwd))?.project.org;
  if (org === undefined && !options.manage)
    throw new FaasError("USAGE", "Expected --org ORG, or a faas.json with an organization, or --manage");
  if (org !== undefined) checkOrg(org);
  const client = await connect(options, io);
  const remote = org === undefined ? undefined : new RemoteTools(client, org);
  const library = await import("@modelcontextprotocol/server");
  const { serveStdio, StdioServerTransport } = await import("@modelcontextprotocol/server/stdio");
  const ended = new AbortController();
  const signal = AbortSignal.any([io.signal, ended.signal]);
  const servers = new Set<Server>();
  const newServer = () => {
    const server = new library.Server(
      { name: org === undefined ? "faas" : `faas-${org}`, version },
      { capabilities: { tools: { listChanged: true } } },
    );
    server.setRequestHandler("tools/list", async (_, { mcpReq }) => ({
      tools: options.manage
        ? [...(await remoteToolsBeside(remote, mcpReq.signal)), ...manageTools]
        : [...((await remote?.list(mcpReq.signal)) ?? [])],
    }));
    server.setRequestHandler("tools/call", async ({ params }, context) => {
      const { signal: cancelled } = context.mcpReq;
      if (options.manage && isManageTool(params.name))
        return callManageTool(params.name, params.arguments ?? {}, { io, signal: cancelled, loadProgram });
      if (remote === undefined) throw new library.ProtocolError(-32602, `Unknown tool "${params.name}"`);
      return called(remote.call(params, cancelled, progressOf(context)), library);
    });
    servers.add(server);
    return server;
  };
  io.stdin.once("end", () => ended.abort());
  io.stdin.once("close", () => ended.abort());
  const transport = new StdioServerTransport(io.stdin, io.stdout);
  const handle = serveStdio(newServer, { transport });
  const changed = () => {
    for (const server of servers) server.sendToolListChanged().catch(() => {});
  };
  await Promise.all([remote?.follow(changed, signal), aborted(signal)]);
  await handle.close();
}

/**
 * Lists the tools of an organization beside those for managing endpoints: without those whose names they have, and none if the organization does not
 * exist, because a first deployment creates it.
 */
async function remoteToolsBeside(remote: RemoteTools | undefined, signal: AbortSignal): Promise<readonly Tool[]> {
  try {
    return ((await remote?.list(signal)) ?? []).filter(({ name }) => !isManageTool(name));
  } catch (error) {
    if (error instanceof FaasError && error.code === "ORG_NOT_FOUND") return [];
    throw error;
  }
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((done) => {
    if (signal.aborted) done();
    else signal.addEventListener("abort", () => done(), { once: true });
  });

/** Returns the listener that passes progress on under the agent's token; undefined if it wants none. */
function progressOf({ mcpReq }: ServerContext): ProgressListener | undefined {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return undefined;
  return (progress) =>
    mcpReq.notify({ method: "notifications/progress", params: { ...progress, progressToken } }).catch(() => {});
}

/** Passes errors of the protocol on, and makes others results, which the agent sees. */
async function called(
  result: Promise<CallToolResult>,
  { ProtocolError }: typeof import("@modelcontextprotocol/server"),
): Promise<CallToolResult> {
  try {
    return await result;
  } catch (error) {
    if (error instanceof RemoteError) throw new ProtocolError(error.code, error.message);
    if (!(error instanceof FaasError)) throw error;
    return { content: [{ type: "text", text: `${error.message} (${error.code})` }], isError: true };
  }
}
