import { type ActiveSpan, SPAN_KIND, type SpanFactory } from "@faas/gateway";
import type { Context, Middleware } from "koa";
import { stateOf } from "../control-api/route.ts";
import type { RolloutSpans } from "./rollout-spans.ts";

/** Records spans of the control API. */
export interface ControlTraces {
  readonly spans: SpanFactory;
  readonly rollouts: RolloutSpans;
}

/** Records a span for each request that changes something or belongs to a trace, and for the rollout that it begins. */
export function traced({ spans, rollouts }: ControlTraces): Middleware {
  return async (context, next) => {
    const traceparent = context.get("traceparent");
    const isRead = context.method === "GET" || context.method === "HEAD";
    if (isRead && traceparent === "") return next();
    const span = spans.begin(context.method, SPAN_KIND.server, traceparent);
    try {
      await next();
      beginRollout(context, span, rollouts);
    } finally {
      describe(context, span);
      span.end(context.status >= 500 ? stateOf(context).code : undefined);
    }
  };
}

/** Begins the span of the rollout that a registration has started. */
function beginRollout(context: Context, span: ActiveSpan, rollouts: RolloutSpans): void {
  const { org, endpoint, revision } = (context.body ?? {}) as Readonly<Record<string, unknown>>;
  const isRegistration = context.method === "PUT" || context.method === "POST";
  if (!isRegistration || typeof org !== "string" || typeof endpoint !== "string" || typeof revision !== "string")
    return;
  rollouts.begin({ org, endpoint }, revision, span);
}

function describe(context: Context, span: ActiveSpan): void {
  const { route, requestId, code } = stateOf(context);
  if (route !== undefined) {
    span.rename(`${context.method} ${route.path}`);
    span.set("http.route", route.path);
  }
  span.set("http.request.method", context.method);
  span.set("http.response.status_code", context.status);
  span.set("faas.invocation_id", requestId);
  if (code !== undefined) span.set("error.type", code);
}
