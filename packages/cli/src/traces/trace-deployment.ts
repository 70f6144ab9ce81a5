import { type EndpointRef, endpointKey } from "@faas/core";
import type { ActiveSpan } from "@faas/gateway";
import type { Client } from "../client/client.ts";
import type { Io } from "../terminal/io.ts";
import { printWarning } from "../terminal/output.ts";
import type { StageProgress } from "../terminal/progress.ts";
import { version } from "../version.ts";

/** Parts of a deployment that its trace takes part in. */
interface Traceable {
  readonly client: Client;
  readonly progress: StageProgress;
  readonly io: Io;
}

/** Variables that ask for traces; which values do is decided where the code for them is. */
const VARIABLES = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER"];

/**
 * Runs a deployment within a trace, with a span for each of its stages, if the environment asks for traces. `TRACEPARENT` of a pipeline is the parent.
 *
 * @param run runs the deployment with a client and a progress that belong to the trace
 */
export async function traceDeployment<Context extends Traceable, Result>(
  ref: EndpointRef,
  context: Context,
  run: (context: Context) => Promise<Result>,
): Promise<Result> {
  const { io } = context;
  if (!VARIABLES.some((name) => io.env[name])) return run(context);
  const { openTracing } = await import("@faas/gateway");
  const log = {
    warn: ({ reason }: { readonly reason?: string }, text: string) =>
      printWarning(io, reason ? `${text}: ${reason}` : text),
  };
  await using tracing = await openTracing(io.env, { service: "faas-cli", version }, log);
  if (tracing === undefined) return run(context);
  const span = tracing.spans.begin(`deploy ${endpointKey(ref)}`, undefined, io.env.TRACEPARENT);
  span.set("faas.name", endpointKey(ref));
  const progress = new TracedProgress(context.progress, span);
  try {
    const result = await run({
      ...context,
      progress,
      client: context.client.withTraceparent(() => progress.traceparent),
    });
    progress.finish();
    span.end();
    return result;
  } catch (error) {
    progress.finish(error);
    span.end(error);
    throw error;
  }
}

/** Progress that records a span for each stage. */
class TracedProgress implements StageProgress {
  readonly #progress: StageProgress;
  readonly #deployment: ActiveSpan;
  #stage: ActiveSpan | undefined;

  constructor(progress: StageProgress, deployment: ActiveSpan) {
    this.#progress = progress;
    this.#deployment = deployment;
  }

  /** `traceparent` of the present stage. */
  get traceparent(): string {
    return (this.#stage ?? this.#deployment).traceparent;
  }

  begin(stage: string): void {
    this.finish();
    this.#stage = this.#deployment.child(stage);
    this.#progress.begin(stage);
  }

  detail(text: string): void {
    this.#progress.detail(text);
  }

  note(text: string): void {
    this.#progress.note(text);
  }

  end(): void {
    this.finish();
    this.#progress.end();
  }

  fail(): void {
    this.finish("failed");
    this.#progress.fail();
  }

  /** Ends the span of the present stage. @param error the reason, if it failed */
  finish(error?: unknown): void {
    this.#stage?.end(error);
    this.#stage = undefined;
  }
}
