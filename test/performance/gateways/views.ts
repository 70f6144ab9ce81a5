import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { eventually, tempDir } from "@faas/testing";
import type { LinkTransport } from "../../../packages/gateway/src/protocol/link.ts";
import { HttpLinkTransport } from "../../../packages/gateway/src/view/http-link.ts";
import { ViewClient } from "../../../packages/gateway/src/view/view-client.ts";
import { sendControl } from "../../../packages/server/src/testing/linked-gateway.ts";
import { digestOf, functionBundle } from "../../../packages/server/src/testing/test-control.ts";
import { median, percentile, type Row, timed } from "../rig/table.ts";

const GATEWAYS = 10;
const CHANGES = 500;

/** Measures how soon ten gateways have the whole state of a control server with 10,000 endpoints, and one change of it. */
export async function gatewayViews(endpoints = 10_000): Promise<Row[]> {
  const control = await ControlProcess.start(endpoints);
  const views: ObservedView[] = [];
  try {
    const alone = await timed(() => link(control, views, 1, endpoints));
    const together = await timed(() => link(control, views, GATEWAYS - 1, endpoints));
    const changes: number[] = [];
    for (let i = 0; i < CHANGES; i++) {
      const key = `acme/changed-${i}`;
      changes.push(
        await timed(async () => {
          const seen = views.map((view) => view.seen(key));
          await control.register(`changed-${i}`);
          await Promise.all(seen);
        }),
      );
    }
    return rows(endpoints, alone, together, changes);
  } finally {
    for (const { view } of views) await view[Symbol.asyncDispose]();
    await control.stop();
  }
}

const rows = (endpoints: number, alone: number, together: number, changes: readonly number[]): Row[] => [
  {
    measure: `a new gateway has the state of ${endpoints} endpoints`,
    baseline: `${GATEWAYS - 1} at once, in one process: ${together.toFixed(0)} ms`,
    ours: `${alone.toFixed(0)} ms`,
    value: alone,
    goal: 2_000,
    unit: "ms",
  },
  {
    measure: `an endpoint is registered among ${endpoints}, from the request until ${GATEWAYS} gateways serve it: p99 of ${changes.length}`,
    baseline: `p50: ${median(changes).toFixed(1)} ms`,
    ours: `${percentile(changes, 0.99).toFixed(1)} ms`,
    value: percentile(changes, 0.99),
    goal: 100,
    unit: "ms",
  },
];

async function link(control: ControlProcess, views: ObservedView[], count: number, endpoints: number): Promise<void> {
  const added = Array.from({ length: count }, (_, i) => new ObservedView(control.address, `g${views.length + i}`));
  views.push(...added);
  await Promise.all(added.map(({ view }) => view.ready(AbortSignal.timeout(60_000))));
  for (const { view } of added)
    if (view.registry.size < endpoints) throw new Error(`a gateway has ${view.registry.size} endpoints`);
}

/** A view that tells when it has applied a message about an endpoint. */
class ObservedView {
  readonly view: ViewClient;
  #awaited: { readonly text: string; readonly seen: () => void } | undefined;

  constructor(address: string, name: string) {
    const transport = new HttpLinkTransport({ address: { socketPath: address.replace("unix:", "") } });
    const observed: LinkTransport = {
      connect: (onOpen, onFailed) =>
        transport.connect((connection) => {
          const handlers = onOpen(connection);
          return {
            ...handlers,
            onText: (text) => {
              handlers.onText(text);
              if (!this.#awaited || !text.includes(this.#awaited.text)) return;
              this.#awaited.seen();
              this.#awaited = undefined;
            },
          };
        }, onFailed),
    };
    this.view = new ViewClient({
      identity: { name, version: "0", pid: process.pid },
      transport: observed,
      log: { info() {}, warn: (_, message) => process.stderr.write(`${message}\n`) },
    });
    this.view.start();
  }

  seen(key: string): Promise<void> {
    return new Promise((seen) => {
      this.#awaited = { text: `"key":"${key}"`, seen };
    });
  }
}

/** A control server in a process of its own. */
class ControlProcess {
  readonly address: string;
  readonly #child: ReturnType<typeof spawn>;
  readonly #image: string;

  private constructor(child: ReturnType<typeof spawn>, address: string, image: string) {
    this.#child = child;
    this.address = address;
    this.#image = image;
  }

  static async start(endpoints: number): Promise<ControlProcess> {
    const script = join(import.meta.dirname, "control-server.ts");
    const args = ["--conditions=faas-source", "--import", "tsx", script, join(tempDir("views"), "data")];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const [address] = await once(createInterface({ input: child.stdout }), "line");
    const tar = await functionBundle("export const handler = () => 'hello';\n");
    const digest = digestOf(tar);
    const control = new ControlProcess(child, address, `bundle@${digest}`);
    await sendControl({ gateways: { control: address } }, "PUT", `/-/bundles/${digest}`, tar);
    let next = 0;
    const client = async () => {
      while (next < endpoints) await control.register(`e${next++}`);
    };
    await Promise.all(Array.from({ length: 32 }, client));
    return control;
  }

  /** Registers an endpoint; it is on disk when this resolves. */
  async register(endpoint: string): Promise<void> {
    const body = { org: "acme", endpoint, image: this.#image, replicas: 0 };
    await sendControl({ gateways: { control: this.address } }, "POST", "/add_endpoint", body);
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    await eventually("the control server has ended", () => this.#child.exitCode !== null || this.#child.signalCode);
  }
}
