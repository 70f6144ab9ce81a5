export type Environment = Readonly<Record<string, string | undefined>>;

/** Returns the value of a variable; an empty one counts as absent, as OpenTelemetry specifies. */
export const variable = (env: Environment, name: string): string | undefined => env[name]?.trim() || undefined;

/** Tells whether spans are to be recorded: an endpoint or the exporter is named, and nothing turns them off. */
export function isTracingOn(env: Environment): boolean {
  if (variable(env, "OTEL_SDK_DISABLED")?.toLowerCase() === "true") return false;
  const exporter = variable(env, "OTEL_TRACES_EXPORTER");
  if (exporter !== undefined) return exporter === "otlp";
  const names = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
  return names.some((name) => variable(env, name) !== undefined);
}
