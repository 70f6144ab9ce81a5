import { type AsyncCall, mcpPath } from "@faas/core";
import type { CallToolResult } from "@modelcontextprotocol/server";
import type { AsyncCallService } from "../async-calls/async-call-service.ts";
import type { Deliver } from "../async-calls/deliveries.ts";
import { internalCall } from "../async-calls/internal-call.ts";
import type { SchemaCheck } from "./json-schema.ts";
import { ProgressReader, type ToolProgress } from "./response-parts.ts";
import { type ToolResponse, toolError, toolResult } from "./tool-result.ts";
import { checkOf, type EndpointTool } from "./tools.ts";

/** Facts about the request of an agent that its calls pass on. */
export interface AgentRequest {
  readonly requestId: string;
  /** Address of the agent. */
  readonly address: string;
  readonly traceparent?: string;
  readonly tracestate?: string;
}

export interface ToolCall {
  readonly tool: EndpointTool;
  readonly args: Readonly<Record<string, unknown>>;
  readonly from: AgentRequest;
  /** Aborted when the agent no longer waits. */
  readonly signal: AbortSignal;
  /** Absent: the agent wants no progress. */
  readonly onProgress?: ((progress: ToolProgress) => void) | undefined;
}

export interface ToolCallerOptions {
  readonly deliver: Deliver;
  readonly asyncCalls: Pick<AsyncCallService, "accept" | "follow" | "response">;
  /** Interval of progress while an asynchronous call is under way: agents wait longer for a call that shows some. @defaultValue 10 s */
  readonly progressMs?: number;
}

/** Bytes of a result: agents read it as a whole. */
const MAX_RESULT_BYTES = 4 * 2 ** 20;
const PROGRESS_MS = 10_000;

/** Calls endpoints as tools: through the gateway or, for asynchronous tools, through the queue. */
export class ToolCaller {
  readonly #options: ToolCallerOptions;

  constructor(options: ToolCallerOptions) {
    this.#options = options;
  }

  /** Calls a tool. What an agent can correct is part of the result. */
  async call(call: ToolCall): Promise<CallToolResult> {
    const { tool, args } = call;
    const { input, output } = tool.settings;
    const problem = input && (await checkOf(input))(args);
    if (problem !== undefined) return toolError(`Invalid arguments for the tool "${tool.name}": ${problem}`);
    const result = tool.settings.async ? await this.#callThroughQueue(call) : await this.#callNow(call);
    return output === undefined || result.isError ? result : checkedResult(result, tool, await checkOf(output));
  }

  async #callNow(call: ToolCall): Promise<CallToolResult> {
    const { tool, from, signal, onProgress } = call;
    const { request, body } = callOf(call);
    const reader = onProgress && new ProgressReader(onProgress);
    const { status, headers, ...response } = await this.#options.deliver(
      {
        request: { ...request, address: from.address, headers: traceHeadersOf(from) },
        ...{ body, requestId: from.requestId, lines: "", maxResponseBytes: MAX_RESULT_BYTES, isAwaited: true },
      },
      signal,
      reader && ((bytes, contentType) => reader.read(bytes, contentType)),
    );
    return toolResult({ status, headers, ...response, isBroken: response.from === "broken" }, uriOf(tool));
  }

  async #callThroughQueue(call: ToolCall): Promise<CallToolResult> {
    const { tool, onProgress, signal } = call;
    const { asyncCalls } = this.#options;
    const { org } = tool.ref;
    const { id } = await asyncCalls.accept(callOf(call));
    const ended = await this.#followed(org, id, signal, onProgress);
    const named = { _meta: { call: `${org}/${id}` } };
    if (ended === undefined)
      return { ...toolError(`The asynchronous call ${org}/${id} was removed, or is not awaited any more`), ...named };
    const response = await asyncCalls.response(org, id).catch((error: Error) => error);
    const result =
      response instanceof Error
        ? toolError(failureOf(ended) ?? response.message)
        : toolResult(boundedResponse(response, ended), uriOf(tool));
    return { ...result, ...(ended.state === "failed" ? { isError: true } : {}), ...named };
  }

  /** Returns a call when it has ended, and reports progress until then; undefined if it is removed, or the signal aborts. */
  async #followed(org: string, id: string, signal: AbortSignal, onProgress: ToolCall["onProgress"]) {
    const { asyncCalls, progressMs = PROGRESS_MS } = this.#options;
    let last: AsyncCall | undefined;
    let progress = 0;
    const report = () => {
      progress += 1;
      onProgress?.({ progress, ...(last && { message: `${last.state}, delivery ${last.attempts}` }) });
    };
    const timer = setInterval(report, progressMs);
    try {
      for await (const call of asyncCalls.follow(org, id, signal)) {
        last = call;
        if (call.state === "completed" || call.state === "failed") return call;
        report();
      }
      return undefined;
    } finally {
      clearInterval(timer);
    }
  }
}

const HEADERS = {
  "Content-Type": "application/json",
  Accept: "application/json, text/event-stream;q=0.9, */*;q=0.8",
  "Accept-Encoding": "identity",
};

/** Builds the call of the endpoint, with the arguments as its body. */
function callOf({ tool, args, from: { requestId } }: ToolCall) {
  const { org, endpoint } = tool.ref;
  const { path: target = "/" } = tool.settings;
  return internalCall({ org, endpoint, target, headers: HEADERS, body: Buffer.from(JSON.stringify(args)), requestId });
}

const traceHeadersOf = ({ traceparent, tracestate }: AgentRequest) => ({
  ...(traceparent === undefined ? {} : { traceparent }),
  ...(tracestate === undefined ? {} : { tracestate }),
});

/** Returns the stored response of a call with as much of its body as a result may have. */
const boundedResponse = (
  stored: Pick<ToolResponse, "status" | "headers" | "body">,
  { response }: AsyncCall,
): ToolResponse => ({
  ...stored,
  body: stored.body.subarray(0, MAX_RESULT_BYTES),
  bytes: Math.max(response?.bytes ?? 0, stored.body.length),
});

/** Returns the reason of the last delivery of a call for which the function did not respond. */
function failureOf({ deliveries }: AsyncCall): string | undefined {
  const { code, detail } = deliveries.at(-1) ?? {};
  return code === undefined ? detail : `${detail ?? "The call has failed"} (${code})`;
}

const uriOf = ({ ref: { org }, name }: EndpointTool) => `faas:${mcpPath(org)}/tools/${name}`;

/** Checks that a result is what the tool declares: clients reject others without showing them. */
function checkedResult(result: CallToolResult, tool: EndpointTool, check: SchemaCheck): CallToolResult {
  const { structuredContent } = result;
  const problem = structuredContent === undefined ? "it is not a JSON object" : check(structuredContent);
  if (problem === undefined) return result;
  return toolError(`The result of the tool "${tool.name}" does not match its output schema: ${problem}`);
}
