import { createContext, Script } from "node:vm";

const context = createContext({ run: undefined as unknown });
const script = new Script("run()");

/**
 * Runs a function that must not hold up the process: whatever takes longer, also a regular expression, is interrupted.
 *
 * @throws an error with the code ERR_SCRIPT_EXECUTION_TIMEOUT after that time
 */
export function bounded<Result>(run: () => Result, timeoutMs: number): Result {
  (context as { run: unknown }).run = run;
  return script.runInContext(context, { timeout: timeoutMs }) as Result;
}

/** Tells whether an error is that of a function that took too long. */
export const isTooSlow = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException).code === "ERR_SCRIPT_EXECUTION_TIMEOUT";
