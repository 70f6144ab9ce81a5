import type { ServerResponse } from "node:http";
import { Admission } from "./admission.ts";
import type { Call, Upgrade } from "./call.ts";
import { Deadlines } from "./deadlines.ts";
import { lazy } from "./lazy/load.ts";
import type { Handler, LoadedFunction } from "./load/loaded-function.ts";
import { loaded, whenLoaded } from "./load-function.ts";
import { concurrency, folder, timeoutMs } from "./options.ts";
import { logError } from "./output/log-error.ts";
import { runForCall } from "./output/output-tags.ts";
import { messageOf, Problem } from "./problem.ts";
import { hasBody, readBody } from "./request/body.ts";
import { FunctionEvent } from "./request/event.ts";
import { sendProblem } from "./response/problem.ts";
import { sendResult } from "./response/result.ts";
import { isTraced } from "./trace/is-traced.ts";

/** Entry point for the calls of the user's function. */
export const admission = new Admission(runWhenLoaded);
export const deadlines = new Deadlines<Call>(() => timeoutMs, onTimeout);

function runWhenLoaded(call: Call): void {
  if (loaded !== undefined) runForCall(call.requestId, run, call, loaded);
  else void whenLoaded().then((result) => runForCall(call.requestId, run, call, result));
}

function run(call: Call, userFunction: LoadedFunction): void {
  const response: CallResponse = call.response;
  if (response.destroyed) {
    admission.leave();
    return;
  }
  response[CALL] = call;
  response.on("close", onClose);
  deadlines.add(call);
  call.deadlines = deadlines;
  let answering: Promise<void> | undefined;
  try {
    answering = isTraced(call.request)
      ? lazy().runTraced(call, () => answer(call, userFunction))
      : answer(call, userFunction);
  } catch (error) {
    onError(call, error);
  }
  if (answering === undefined) {
    onDone(call);
    return;
  }
  answering.then(
    () => onDone(call),
    (error) => {
      onError(call, error);
      onDone(call);
    },
  );
}

function answer(call: Call, userFunction: LoadedFunction): Promise<void> | undefined {
  return call.upgrade === undefined ? handle(call, userFunction) : handleUpgrade(call, userFunction);
}

/** The response's call, so that one listener serves all responses. */
const CALL = Symbol("call");

interface CallResponse extends ServerResponse {
  [CALL]?: Call;
}

function onClose(this: CallResponse): void {
  if (!this.writableFinished) this[CALL]?.abort(new Error("the client disconnected"));
}

function onDone(call: Call): void {
  deadlines.remove(call);
  if (call.isLate) lateCalls--;
  admission.leave();
}

/** Calls the function and answers. Returns a promise only if that takes time, because a promise costs every call. */
function handle(call: Call, userFunction: LoadedFunction): Promise<void> | undefined {
  const { handler } = userFunction;
  if (handler === undefined) {
    if (userFunction.problem !== undefined) throw userFunction.problem;
    return lazy().runOther(call, userFunction);
  }
  const { request } = call;
  const event = new FunctionEvent(request);
  if (!hasBody(request)) return handleEvent(call, handler, event);
  return readBody(request).then((bytes) => {
    FunctionEvent.setBody(event, bytes);
    return handleEvent(call, handler, event);
  });
}

function handleUpgrade(call: Call, userFunction: LoadedFunction): Promise<void> | undefined {
  if (userFunction.problem !== undefined) throw userFunction.problem;
  return lazy().openWebSocket(call, call.upgrade as Upgrade, userFunction) ?? handle(call, userFunction);
}

function handleEvent(call: Call, handler: Handler, event: FunctionEvent): Promise<void> | undefined {
  const result = handler(event, call.context);
  if (typeof (result as PromiseLike<unknown> | undefined)?.then !== "function") return sendResult(call, result);
  return Promise.resolve(result).then((value) => sendResult(call, value));
}

/** Number of calls in flight beyond their deadline, which cannot be stopped. */
let lateCalls = 0;

function onTimeout(call: Call): void {
  const isApp = call.progress !== undefined;
  // The response of an application is cut, like a stream, when it does not continue for that time.
  if (isApp && lazy().hasProgressed(call)) {
    deadlines.add(call);
    return;
  }
  const problem = new Problem("FUNCTION_TIMEOUT", `The function did not finish within ${timeoutMs} ms`);
  call.abort(problem);
  if (isApp) {
    // The slot becomes free when the connection is closed.
    lazy().answerForApp(call, problem);
    return;
  }
  if (call.response.headersSent) call.response.destroy();
  else sendProblem(call, problem);
  call.isLate = true;
  lateCalls++;
  if (lateCalls >= concurrency) exitForRestart();
}

/** Exits shortly, after the last responses are sent: the platform starts another process. */
function exitForRestart(): void {
  console.error("All slots are held by calls beyond their deadline: the process exits");
  admission.rejectWaiting(new Problem("NO_CAPACITY", "The function's process is being replaced"));
  setTimeout(() => process.exit(1), 100);
}

function onError(call: Call, error: unknown): void {
  const { response } = call;
  const answer = call.progress === undefined ? sendProblem : lazy().answerForApp;
  if (error instanceof Problem) {
    if (!response.headersSent) answer(call, error);
    return;
  }
  if (response.destroyed || (response.writableEnded && call.isAborted)) return;
  logError(error, call.requestId);
  // Sent bytes cannot be changed: a closed connection shows the client that the response is incomplete.
  if (response.headersSent) response.destroy();
  else answer(call, new Problem("FUNCTION_ERROR", callersMessage(error)));
}

/** Returns the message of an error for the caller, who has no use for the path of the wrapper's folder. */
function callersMessage(error: unknown): string {
  const message = messageOf(error);
  return message.includes(folder) ? lazy().explain(message) : message;
}
