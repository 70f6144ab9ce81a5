/** Functions with OpenTelemetry's real SDKs, as their users set them up. Each responds with the span "work" that it makes, and with the span's parent. */

const NODE_PACKAGE = JSON.stringify({
  name: "traced",
  type: "module",
  dependencies: { "@opentelemetry/api": "1.9.1", "@opentelemetry/sdk-trace-node": "2.12.1" },
});

/** Sets the SDK up and answers; `types` and `returnType` are those of TypeScript. */
const nodeSource = (types = "") => `
import { context, propagation, trace } from "@opentelemetry/api";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";

const provider = new NodeTracerProvider();
provider.register();
const tracer = trace.getTracer("test");

export async function handler(event${types}) {
  await new Promise((done) => setTimeout(done, 2));
  return tracer.startActiveSpan("work", (span${types}) => {
    const { traceId, spanId, traceFlags } = span.spanContext();
    const headers = {};
    propagation.inject(context.active(), headers);
    const plan = propagation.getBaggage(context.active())?.getEntry("plan")?.value;
    span.end();
    return { traceId, spanId, sampled: traceFlags === 1, parentId: span.parentSpanContext?.spanId, plan, headers };
  });
}`;

const PYTHON_REQUIREMENTS = "opentelemetry-api==1.45.2\nopentelemetry-sdk==1.45.2\n";

const PYTHON_SETUP = `
from opentelemetry import baggage, trace
from opentelemetry.propagate import inject
from opentelemetry.sdk.trace import TracerProvider

trace.set_tracer_provider(TracerProvider())
tracer = trace.get_tracer("test")

def work():
    with tracer.start_as_current_span("work") as span:
        context, parent, headers = span.get_span_context(), getattr(span, "parent", None), {}
        inject(headers)
        return {
            "traceId": f"{context.trace_id:032x}",
            "spanId": f"{context.span_id:016x}",
            "sampled": context.trace_flags.sampled,
            "parentId": f"{parent.span_id:016x}" if parent else None,
            "plan": baggage.get_baggage("plan"),
            "headers": headers,
        }
`;

/** Response of a function. */
export interface Work {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
  /** Absent for a span that is not recorded: SDKs keep no parent then. */
  readonly parentId?: string | null;
  /** Value of "plan" in the baggage. */
  readonly plan: string;
  /** Headers of a request that the function would send. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Files of the functions by name. */
export const sdkFunctions: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  node: { "index.mjs": nodeSource(), "package.json": NODE_PACKAGE },
  typescript: { "index.ts": nodeSource(": any"), "package.json": NODE_PACKAGE },
  "python-plain": {
    "main.py": `${PYTHON_SETUP}\ndef handler(event):\n    return work()\n`,
    "requirements.txt": PYTHON_REQUIREMENTS,
  },
  "python-async": {
    "main.py": `${PYTHON_SETUP}\nimport asyncio\n\nasync def handler(event):\n    await asyncio.sleep(0.002)\n    return work()\n`,
    "requirements.txt": PYTHON_REQUIREMENTS,
  },
};
