import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import type { Call, Upgrade } from "../call.ts";
import type { LoadedFunction, UserModule } from "../load/loaded-function.ts";
import type { Problem } from "../problem.ts";
import type { WrapperStart } from "../warm/wrapper-start.ts";

/** Result of a handler that sets a status. */
interface EncodedResult {
  readonly status: number;
  readonly body?: unknown;
}

/** Functions of the code that is compiled when it is first used: functions with a plain handler do without. */
export interface LazyFunctions {
  chooseFunction(module: UserModule, file: string): Promise<LoadedFunction>;
  prepareSignature(): void;
  waitForClaim(codeFolder: string, wrapper: WrapperStart): Promise<void>;
  watchLoading(): () => void;
  actAsEntryPoint(file: string): void;
  needsServiceWorker(error: unknown): boolean;
  defineServiceWorker(): void;
  serviceWorker(): LoadedFunction | undefined;
  describeSyntaxError(file: string): Promise<string | undefined>;
  locationIn(text: string): string | undefined;
  explain(message: string): string;
  withoutMessage(text: string, message: string): string;
  readEncoded(request: IncomingMessage, encoding: string): Promise<Buffer>;
  sendEncoded(call: Call, result: EncodedResult, headers: OutgoingHttpHeaders, encoding: string): Promise<void>;
  sendWebResponse(call: Call, result: unknown): Promise<void>;
  listenAsApp(server: unknown, args: readonly unknown[]): unknown;
  releaseCaptured(): void;
  runTraced<Result>(call: Call, run: () => Result): Result;
  runOther(call: Call, loaded: LoadedFunction): Promise<void>;
  hasProgressed(call: Call): boolean;
  answerForApp(call: Call, problem: Problem): void;
  openWebSocket(call: Call, upgrade: Upgrade, loaded: LoadedFunction): Promise<void> | undefined;
  endOpenSockets(): Promise<void>;
  closeOpenSockets(code: number): void;
  whenBackgroundWorkDone(): Promise<void>;
}
