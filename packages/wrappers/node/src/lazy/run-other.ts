import { runApp } from "../app/run-app.ts";
import type { Call } from "../call.ts";
import type { LoadedFunction } from "../load/loaded-function.ts";
import { Problem } from "../problem.ts";
import { webRequestOf } from "../request/web-request.ts";
import { sendResult } from "../response/result.ts";
import { sendWebResponse } from "../response/web-response.ts";

/** Runs a call of anything but a handler. */
export async function runOther(call: Call, { app, fetch, respond }: LoadedFunction): Promise<void> {
  if (app !== undefined) return runApp(call, app);
  if (fetch !== undefined) return sendWebResponse(call, await fetch(webRequestOf(call), call));
  if (respond !== undefined) return sendResult(call, await respond(call));
  throw new Problem("UPGRADE_REQUIRED", "The function accepts only WebSockets");
}
