import type { GatewayOrder, GatewayReport } from "@faas/server";

/** The server that started this gateway. When it is killed, the gateway continues: the next server replaces it. */
export interface ParentProcess {
  report(message: GatewayReport): void;
  /** Resolves with the time for idle connections when the server stops this gateway. */
  readonly stopped: Promise<number>;
  /** @param run called when gateways of another server, which shared the port, have ended */
  onAlone(run: () => void): void;
  disconnect(): void;
}

/** Returns `undefined` for a gateway that no server started. */
export function parentProcess(): ParentProcess | undefined {
  if (!process.connected) return undefined;
  return {
    report(message) {
      if (process.connected) process.send?.(message);
    },
    stopped: new Promise((done) => {
      process.on("message", (message: GatewayOrder) => {
        if (message.type === "stop") done(message.idleMs);
      });
    }),
    onAlone(run) {
      process.on("message", (message: GatewayOrder) => {
        if (message.type === "alone") run();
      });
    },
    disconnect() {
      if (process.connected) process.disconnect?.();
    },
  };
}
