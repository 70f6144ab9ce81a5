import { type Environment, variable } from "./environment.ts";
import { SAMPLERS, type SamplerName } from "./sampler.ts";

/** Settings of traces, from the standard variables of OpenTelemetry. */
export interface TraceSettings {
  /** Address that spans are sent to. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** File with certificate authorities, PEM. */
  readonly certificateFile: string | undefined;
  readonly gzip: boolean;
  readonly timeoutMs: number;
  readonly sampler: SamplerName;
  /** Share of traces that a ratio sampler records, from 0 to 1. */
  readonly ratio: number;
  readonly serviceName: string | undefined;
  /** Attributes of `OTEL_RESOURCE_ATTRIBUTES`. */
  readonly resource: Readonly<Record<string, string>>;
  readonly batch: BatchSettings;
  /** Settings that cannot be followed, in words. */
  readonly problems: readonly string[];
}

/** Limits of the spans that wait to be sent. */
export interface BatchSettings {
  readonly delayMs: number;
  readonly maxQueue: number;
  readonly maxBatch: number;
}

const DEFAULT_ENDPOINT = "http://localhost:4318";
const TRACES_PATH = "/v1/traces";
const PROTOCOLS = ["http/json", "http/protobuf"];

/** Reads the settings. A value that is not allowed counts as absent, as OpenTelemetry specifies, and is a problem. */
export function readTraceSettings(env: Environment): TraceSettings {
  const problems: string[] = [];
  const otlp = (name: string) =>
    variable(env, `OTEL_EXPORTER_OTLP_TRACES_${name}`) ?? variable(env, `OTEL_EXPORTER_OTLP_${name}`);
  const protocol = otlp("PROTOCOL");
  if (protocol !== undefined && !PROTOCOLS.includes(protocol))
    problems.push(
      `Expected OTEL_EXPORTER_OTLP_PROTOCOL to be http/json, got "${protocol}": spans are sent as http/json`,
    );
  const number = (name: string, fallback: number, least: number) => {
    const text = variable(env, name);
    if (text === undefined) return fallback;
    const value = Number(text);
    if (Number.isFinite(value) && value >= least) return value;
    problems.push(`Expected ${name} to be a number of at least ${least}, got "${text}": it is ${fallback}`);
    return fallback;
  };
  const timeout = variable(env, "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT") === undefined ? "" : "TRACES_";
  return {
    url: urlOf(env),
    headers: pairsOf(otlp("HEADERS")),
    certificateFile: otlp("CERTIFICATE"),
    gzip: otlp("COMPRESSION") === "gzip",
    timeoutMs: number(`OTEL_EXPORTER_OTLP_${timeout}TIMEOUT`, 10_000, 1),
    ...samplerOf(env, problems),
    serviceName: variable(env, "OTEL_SERVICE_NAME"),
    resource: pairsOf(variable(env, "OTEL_RESOURCE_ATTRIBUTES")),
    batch: {
      delayMs: number("OTEL_BSP_SCHEDULE_DELAY", 5_000, 0),
      maxQueue: number("OTEL_BSP_MAX_QUEUE_SIZE", 2_048, 1),
      maxBatch: number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, 1),
    },
    problems,
  };
}

/** Returns the address: that of traces as it is, or the common one with the path of traces. */
function urlOf(env: Environment): string {
  const own = variable(env, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
  if (own !== undefined) return own;
  return (variable(env, "OTEL_EXPORTER_OTLP_ENDPOINT") ?? DEFAULT_ENDPOINT).replace(/\/*$/, TRACES_PATH);
}

function samplerOf(env: Environment, problems: string[]): Pick<TraceSettings, "sampler" | "ratio"> {
  const name = variable(env, "OTEL_TRACES_SAMPLER") ?? "parentbased_always_on";
  const sampler = SAMPLERS.find((each) => each === name);
  if (sampler === undefined)
    problems.push(
      `Expected OTEL_TRACES_SAMPLER to be one of ${SAMPLERS.join(", ")}, got "${name}": it is parentbased_always_on`,
    );
  const text = variable(env, "OTEL_TRACES_SAMPLER_ARG");
  const ratio = Number(text ?? 1);
  const isRatio = ratio >= 0 && ratio <= 1;
  if (!isRatio) problems.push(`Expected OTEL_TRACES_SAMPLER_ARG to be from 0 to 1, got "${text}": it is 1`);
  return { sampler: sampler ?? "parentbased_always_on", ratio: isRatio ? ratio : 1 };
}

/** Reads a list such as `name=value,name=value`, with percent-encoded values (W3C Baggage). */
function pairsOf(text = ""): Record<string, string> {
  const pairs: Record<string, string> = {};
  for (const part of text.split(",")) {
    const equals = part.indexOf("=");
    const name = part.slice(0, equals).trim();
    if (equals > 0 && name !== "") pairs[name] = decoded(part.slice(equals + 1).trim());
  }
  return pairs;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
