import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { type SpanFactory, spanFactory } from "./active-span.ts";
import { CallSpanBatch, type TracedCall } from "./call-spans.ts";
import type { CallTrace } from "./call-trace.ts";
import { type BeginCall, callTracer } from "./call-tracer.ts";
import type { Environment } from "./environment.ts";
import { SpanExporter } from "./otlp/exporter.ts";
import { httpSender } from "./otlp/http-sender.ts";
import { createSampler } from "./sampler.ts";
import { readTraceSettings, type TraceSettings } from "./settings.ts";

/** Names of a process in its spans. */
export interface ProcessIdentity {
  /** Name of the service, unless the environment names it. */
  readonly service: string;
  /** Version of the program. */
  readonly version: string;
  /** Name of the process among those of its service. */
  readonly instance?: string;
}

export interface TraceLog {
  warn(fields: object, message: string): void;
}

/** Traces of calls, for the data path. */
export interface CallTracing {
  readonly begin: BeginCall;
  /** Records the spans of a finished call. */
  finish(call: TracedCall, trace: CallTrace): void;
}

/** Traces of this process. When it is disposed of, the last spans are sent. */
export interface Tracing extends AsyncDisposable {
  readonly calls: CallTracing;
  readonly spans: SpanFactory;
}

/** Starts to record spans and to send them. */
export async function startTracing(
  env: Environment,
  { service, version, instance }: ProcessIdentity,
  log: TraceLog,
): Promise<Tracing> {
  const settings = readTraceSettings(env);
  for (const problem of settings.problems) log.warn({}, problem);
  const exporter = new SpanExporter({
    batch: settings.batch,
    send: await httpSender(settings, await readCertificate(settings, log)),
    resource: {
      "service.version": version,
      ...(instance === undefined ? {} : { "service.instance.id": instance }),
      "host.name": hostname(),
      "process.pid": process.pid,
      ...settings.resource,
      "service.name": settings.serviceName ?? settings.resource["service.name"] ?? service,
    },
    version,
    log,
    beforeSend: () => batch.createWaiting(),
  });
  const batch = new CallSpanBatch(exporter);
  const sampler = createSampler(settings.sampler, settings.ratio);
  return {
    calls: {
      begin: callTracer(sampler),
      finish(call, trace) {
        if (batch.add(call, trace)) exporter.expect();
      },
    },
    spans: spanFactory(sampler, exporter),
    [Symbol.asyncDispose]: () => exporter[Symbol.asyncDispose](),
  };
}

/** Reads the certificate authorities of the endpoint. Traces must not keep a program from starting: without them, spans may not be sent. */
async function readCertificate({ certificateFile }: TraceSettings, log: TraceLog): Promise<Buffer | undefined> {
  if (certificateFile === undefined) return undefined;
  return readFile(certificateFile).catch((error: Error) => {
    log.warn({ err: error }, "cannot read OTEL_EXPORTER_OTLP_CERTIFICATE");
    return undefined;
  });
}
