import type { Logger } from "@faas/core";
import type { AsyncCallService } from "../async-calls/async-call-service.ts";
import type { Deliver } from "../async-calls/deliveries.ts";
import type { Store } from "../state/store.ts";
import { McpService } from "./mcp-service.ts";
import { ToolCaller } from "./tool-caller.ts";

export interface McpContext {
  readonly store: Store;
  readonly asyncCalls: AsyncCallService;
  readonly deliver: Deliver;
  readonly version: string;
  readonly log: Logger;
}

/** Creates the servers of organizations for agents. */
export const createMcp = ({ asyncCalls, deliver, ...context }: McpContext): McpService =>
  new McpService({ ...context, caller: new ToolCaller({ deliver, asyncCalls }) });
