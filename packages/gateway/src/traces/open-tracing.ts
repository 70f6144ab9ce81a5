import { type Environment, isTracingOn } from "./environment.ts";
import type { ProcessIdentity, TraceLog, Tracing } from "./tracing.ts";

/** Starts traces if the environment asks for them, by the variables of OpenTelemetry. The code for them is loaded only then. */
export async function openTracing(
  env: Environment,
  identity: ProcessIdentity,
  log: TraceLog,
): Promise<Tracing | undefined> {
  if (!isTracingOn(env)) return undefined;
  const { startTracing } = await import("./tracing.ts");
  return startTracing(env, identity, log);
}
