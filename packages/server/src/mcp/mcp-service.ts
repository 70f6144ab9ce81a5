import { FaasError, type Logger, sameValue } from "@faas/core";
import type { CallToolResult, McpHttpHandler, McpRequestContext, Server } from "@modelcontextprotocol/server";
import type { Permissions } from "../control-api/permissions.ts";
import type { Change } from "../state/records.ts";
import type { Store } from "../state/store.ts";
import { ListChanges } from "./list-changes.ts";
import type { ToolProgress } from "./response-parts.ts";
import type { AgentRequest, ToolCaller } from "./tool-caller.ts";
import { toolError } from "./tool-result.ts";
import { describeTool, type EndpointTool, mayCall, toolsOf } from "./tools.ts";

export interface McpServiceOptions {
  readonly store: Pick<Store, "tools" | "endpoint" | "org" | "subscribe">;
  readonly caller: ToolCaller;
  readonly version: string;
  readonly log: Logger;
}

/** A request of an agent, with what it may do. */
export interface McpRequest {
  readonly org: string;
  readonly request: Request;
  readonly permissions: Permissions;
  readonly from: AgentRequest;
  /** Aborted when the server stops. */
  readonly ending: AbortSignal;
}

/** Server of one organization for agents. */
interface OrgServer {
  readonly handler: McpHttpHandler;
  /** Clients of 2025-11-25, which wait for changes of the list. */
  readonly changes: ListChanges;
  /** Tools by endpoint, as agents know them. */
  tools: ReadonlyMap<string, EndpointTool>;
}

/** Servers of the Model Context Protocol, one for each organization: its tools are the endpoints with the setting `tool`. */
export class McpService implements AsyncDisposable {
  readonly #options: McpServiceOptions;
  readonly #servers = new Map<string, Promise<OrgServer>>();
  readonly #unsubscribe: () => void;

  constructor(options: McpServiceOptions) {
    this.#options = options;
    this.#unsubscribe = options.store.subscribe((change) => void this.#changed(change));
  }

  /** Responds to a POST of either generation of the protocol. */
  async post({ org, request, permissions, from, ending }: McpRequest): Promise<Response> {
    const { handler } = await this.#serverOf(org);
    return handler.fetch(request, {
      authInfo: { token: "", clientId: "", scopes: [], extra: { permissions, from, ending } },
    });
  }

  /** Opens the stream on which a client of 2025-11-25 gets changes of the list, until the signal aborts. */
  async listen(org: string, signal: AbortSignal) {
    return (await this.#serverOf(org)).changes.stream(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unsubscribe();
    for (const server of [...this.#servers.values()]) await close(await server);
  }

  #serverOf(org: string): Promise<OrgServer> {
    let server = this.#servers.get(org);
    if (server === undefined) {
      server = this.#create(org);
      this.#servers.set(org, server);
    }
    return server;
  }

  async #create(org: string): Promise<OrgServer> {
    const { log } = this.#options;
    // Read on demand: most servers have no agents.
    const library = await import("@modelcontextprotocol/server");
    const handler = library.createMcpHandler((context) => this.#newServer(org, context, library), {
      onerror: (err) => log.debug({ err, org }, "a request of an agent was rejected"),
    });
    return { handler, changes: new ListChanges(), tools: this.#toolsByEndpoint(org) };
  }

  #newServer(
    org: string,
    { authInfo }: McpRequestContext,
    library: typeof import("@modelcontextprotocol/server"),
  ): Server {
    const { permissions, from, ending } = (authInfo?.extra ?? {}) as unknown as Omit<McpRequest, "org" | "request">;
    const { store, caller, version } = this.#options;
    const server = new library.Server(
      { name: `faas-${org}`, title: `Functions of ${org}`, version },
      { capabilities: { tools: { listChanged: true } } },
    );
    server.setRequestHandler("tools/list", () => {
      const visible = toolsOf(org, store).filter((tool) => mayCall(tool, permissions));
      return { tools: visible.map(describeTool) };
    });
    server.setRequestHandler("tools/call", async ({ params }, { mcpReq }) => {
      permissions.requireValidKey();
      const tool = toolsOf(org, store).find(({ name }) => name === params.name);
      if (tool === undefined) throw unknownTool(params.name, library);
      if (!mayCall(tool, permissions))
        return toolError(`Expected a key with the scope invoke or deploy to call "${tool.name}" (FORBIDDEN)`);
      const progressToken = mcpReq._meta?.progressToken;
      let sent = Promise.resolve();
      const onProgress = (progress: ToolProgress) => {
        const params = { ...progress, progressToken: progressToken as string | number };
        sent = sent.then(() => mcpReq.notify({ method: "notifications/progress", params })).catch(() => {});
      };
      const { arguments: args = {} } = params;
      // Asynchronous calls take as long as they take, also without the agent.
      const signal = tool.settings.async ? AbortSignal.any([mcpReq.signal, ending]) : mcpReq.signal;
      const call = { tool, args, from, signal };
      const result = await resultOf(caller.call(progressToken === undefined ? call : { ...call, onProgress }));
      // Progress after the result would be lost.
      await sent;
      return result;
    });
    return server;
  }

  #toolsByEndpoint = (org: string): ReadonlyMap<string, EndpointTool> =>
    new Map(toolsOf(org, this.#options.store).map((tool) => [tool.ref.endpoint, tool]));

  /** Notifies the agents of an organization when its tools have changed. */
  async #changed(change: Change): Promise<void> {
    if (change.org === undefined) return;
    const { org, endpoint, record } = change;
    const server = await this.#servers.get(org);
    if (server === undefined) return;
    if (endpoint === undefined) {
      if (record !== null) return;
      this.#servers.delete(org);
      return close(server);
    }
    const tools = this.#toolsByEndpoint(org);
    const isSame = sameValue(server.tools.get(endpoint) ?? null, tools.get(endpoint) ?? null);
    server.tools = tools;
    if (isSame) return;
    server.handler.notify.toolsChanged();
    server.changes.notify();
  }
}

async function close({ handler, changes }: OrgServer): Promise<void> {
  changes.close();
  await handler.close();
}

/** Returns the result of a call. An error is one, so that the agent sees it. */
const resultOf = (called: Promise<CallToolResult>): Promise<CallToolResult> =>
  called.catch((error) => {
    if (error instanceof FaasError) return toolError(`${error.message} (${error.code})`);
    throw error;
  });

const unknownTool = (
  name: string,
  { ProtocolError, ProtocolErrorCode }: typeof import("@modelcontextprotocol/server"),
) => new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool "${name}": tools/list has the existing ones`);
