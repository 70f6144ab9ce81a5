import type { EndpointSpec } from "@faas/core";
import type { EndpointRegistry, GatewayMessage, ServedEndpoint } from "@faas/gateway";
import type { KeyService } from "../auth/key-service.ts";
import type { AccessLogWriter } from "../logs/access-log.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { ReportSink } from "./group.ts";

export interface ReportIntakeOptions {
  readonly registry: EndpointRegistry;
  readonly metrics: Pick<Metrics, "add" | "addExemplar">;
  /** Absent: calls are not logged. */
  readonly accessLog?: Pick<AccessLogWriter, "append"> | undefined;
  readonly keys: Pick<KeyService, "recordUse">;
  /** Called when a gateway has reported the load of an endpoint. */
  readonly onLoad?: (endpoint: ServedEndpoint<EndpointSpec>) => void;
}

/** Lines of calls whose traces are recorded: time, status, microseconds, and the trace id at the end. */
const TRACED = /^(\d+)\t(\d+)\t(\d+)\t.*,([0-9a-f]{32})$/gm;

/** Takes over what gateways report of finished calls and of keys. */
export class ReportIntake implements ReportSink {
  readonly #options: ReportIntakeOptions;

  constructor(options: ReportIntakeOptions) {
    this.#options = options;
  }

  onLoad(endpoint: ServedEndpoint<EndpointSpec>): void {
    this.#options.onLoad?.(endpoint);
  }

  onReport(message: GatewayMessage): void {
    const { registry, metrics, accessLog, keys } = this.#options;
    switch (message.type) {
      case "calls":
        for (const calls of message.endpoints) {
          const endpoint = registry.get(calls.key);
          if (endpoint) metrics.add(endpoint, calls);
        }
        return;
      case "access":
        // A call may outlive its endpoint, and would create a log that nothing removes any more.
        for (const [key, lines] of Object.entries(message.lines)) {
          const endpoint = registry.get(key);
          if (endpoint === undefined) continue;
          accessLog?.append(key, lines);
          for (const [, time, status, micros, traceId = ""] of lines.matchAll(TRACED))
            metrics.addExemplar(endpoint, Number(status), Number(micros) / 1000, traceId, Number(time));
        }
        return;
      case "key-used":
        keys.recordUse(message.id);
    }
  }
}
