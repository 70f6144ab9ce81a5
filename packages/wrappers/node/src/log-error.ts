import { isTagging, runForCall } from "./output-tags.ts";
import { messageOf, stackOf } from "./problem.ts";

/**
 * Logs an error of the user's code with its stack. Where the platform stores the request id beside each line, the stack is enough; elsewhere a line of JSON
 * with the id precedes it.
 *
 * @param origin - what failed, if it was not the function itself
 */
export function logError(error: unknown, requestId: string, origin?: string): void {
  const prefix = origin === undefined ? "" : `${origin}: `;
  if (isTagging()) {
    runForCall(requestId, () => console.error(`${prefix}${stackOf(error)}`), undefined, undefined);
    return;
  }
  console.error(JSON.stringify({ level: "error", requestId, message: `${prefix}${messageOf(error)}` }));
  console.error(stackOf(error));
}
