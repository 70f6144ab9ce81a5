import type { Call } from "../call.ts";
import { isDraining } from "../shutdown.ts";

/**
 * Runs a function that writes the response itself. Resolves when the response was sent or the client disconnected, and after the time limit only
 * when the function has ended too. Once the response has begun, each write extends the deadline, as in a stream.
 */
export async function respondDirectly(call: Call, run: () => unknown): Promise<void> {
  const { response } = call;
  response.setHeader("X-Request-Id", call.requestId);
  if (isDraining) response.setHeader("Connection", "close");
  const write = response.write;
  response.write = (...chunk: unknown[]) => {
    call.deadlines?.extend(call);
    return Reflect.apply(write, response, chunk);
  };
  const closed = new Promise<void>((resolve) => response.once("close", resolve));
  const running = (async () => run())();
  // Rejects when the function throws before it has responded.
  await Promise.race([closed, running.then(() => closed)]);
  if (call.isLate) await running.catch(() => undefined);
}
