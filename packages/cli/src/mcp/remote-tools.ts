import { setTimeout as delay } from "node:timers/promises";
import { EventStreamParser, FaasError, mcpPath } from "@faas/core";
import type { CallToolResult, Tool } from "@modelcontextprotocol/server";
import type { Client } from "../client/client.ts";
import { problemError } from "../client/problem-error.ts";

/** Progress of a call, without the token that identifies it. */
export type Progress = Readonly<Record<string, unknown>> & { readonly progress: number };

/** Passes progress on; the result follows when it has resolved. */
export type ProgressListener = (progress: Progress) => Promise<void>;

interface Message {
  readonly method?: string;
  readonly params?: Progress;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

/** Error of the protocol that the server has sent. */
export class RemoteError extends Error {
  readonly code: number;

  constructor({ code, message }: NonNullable<Message["error"]>) {
    super(message);
    this.code = code;
  }
}

const HEADERS = {
  "Content-Type": "application/json",
  Accept: "application/json, text/event-stream",
  "MCP-Protocol-Version": "2025-11-25",
} as const;
/** Codes of errors after which the stream is opened again. */
const TRIED_AGAIN: ReadonlySet<string> = new Set(["ORG_NOT_FOUND", "SERVER_UNREACHABLE"]);
/** Wait before a lost stream is opened again. */
const RETRY_MS = 1_000;

/** Tools that the server offers for an organization. */
export class RemoteTools {
  readonly #client: Client;
  readonly #path: string;

  constructor(client: Client, org: string) {
    this.#client = client;
    this.#path = mcpPath(encodeURIComponent(org));
  }

  async list(signal: AbortSignal): Promise<readonly Tool[]> {
    return ((await this.#request("tools/list", {}, signal)) as { readonly tools: readonly Tool[] }).tools;
  }

  async call(
    params: { readonly name: string; readonly arguments?: Record<string, unknown> | undefined },
    signal: AbortSignal,
    onProgress: ProgressListener | undefined,
  ): Promise<CallToolResult> {
    const meta = onProgress === undefined ? {} : { _meta: { progressToken: 1 } };
    return (await this.#request("tools/call", { ...params, ...meta }, signal, onProgress)) as CallToolResult;
  }

  /** Calls back whenever the list has changed, and when it may have while the stream was lost, until the signal aborts. */
  async follow(onChanged: () => void, signal: AbortSignal): Promise<void> {
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      try {
        const stream = await this.#client.withSignal(signal).stream(this.#path, { Accept: "text/event-stream" });
        if (!isFirst) onChanged();
        for await (const { method } of messagesOf(this.#client.read(stream)))
          if (method === "notifications/tools/list_changed") onChanged();
      } catch (error) {
        // A server of an earlier release has no tools, and an organization may be created later.
        if (error instanceof FaasError && error.status < 500 && !TRIED_AGAIN.has(error.code)) return;
      }
      await delay(RETRY_MS, undefined, { signal }).catch(() => {});
    }
  }

  async #request(method: string, params: object, signal: AbortSignal, onProgress?: ProgressListener) {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const sent = { method: "POST", headers: HEADERS, body };
    const response = await this.#client.withSignal(signal).call(this.#path, sent);
    for await (const message of messagesOf(
      this.#client.read(response.body),
      String(response.headers["content-type"]),
    )) {
      if (message.error) throw new RemoteError(message.error);
      if (message.result !== undefined) return message.result;
      if (message.method === "notifications/progress" && message.params) await onProgress?.(message.params);
    }
    throw new FaasError("ANSWER_INCOMPLETE", "The server ended its response without a result");
  }
}

/**
 * Yields the messages of a response.
 *
 * @throws the problem that it has in place of them, or SERVER_INCOMPATIBLE
 */
async function* messagesOf(body: AsyncIterable<Buffer>, contentType = "text/event-stream"): AsyncGenerator<Message> {
  const decoder = new TextDecoder();
  if (contentType.startsWith("text/event-stream")) {
    const parser = new EventStreamParser();
    for await (const chunk of body)
      for (const { data } of parser.push(decoder.decode(chunk, { stream: true }))) yield messageOf(data);
    return;
  }
  let text = "";
  for await (const chunk of body) text += decoder.decode(chunk, { stream: true });
  const problem = problemError(text);
  if (problem) throw problem;
  yield messageOf(text);
}

function messageOf(text: string): Message {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const shown = text.trim().slice(0, 100);
    const detail = `Expected a message of the Model Context Protocol from the server, got "${shown}": is its address that of a faas server?`;
    throw new FaasError("SERVER_INCOMPATIBLE", detail, { cause });
  }
}
