import type { Random } from "@faas/testing";
import type { LinkConnection, LinkHandlers } from "../../packages/gateway/src/protocol/link.ts";
import type { ProcessClock, SimulatedTime } from "./simulated-time.ts";

/** Time after which an attempt to connect without a response is given up. */
const CONNECT_TIMEOUT_MS = 1_000;
/** Time until what a cut connection lost is sent again. */
const RESEND_MS = 50;

/** A process on the network. */
export interface NetworkHost {
  readonly address: string;
  readonly clock: ProcessClock;
  /** Takes a connection that another host opened; undefined: connections are refused. */
  accept?(connection: LinkConnection): LinkHandlers;
}

/** An end of a connection. */
class End implements LinkConnection {
  readonly host: NetworkHost;
  readonly pair: Pair;
  handlers: LinkHandlers | undefined;
  isClosed = false;
  /** Deliveries to this end, in their order. */
  readonly deliveries: { readonly at: number; readonly run: () => void }[] = [];

  constructor(host: NetworkHost, pair: Pair) {
    this.host = host;
    this.pair = pair;
  }

  get bufferedLength(): number {
    return 0;
  }

  send(lines: string): void {
    if (!this.isClosed && !this.host.clock.hasEnded) this.pair.deliver(this, (handlers) => handlers.onText(lines));
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.pair.deliver(this, (handlers, other) => {
      other.isClosed = true;
      handlers.onClose();
    });
  }
}

/** A connection between two hosts. */
class Pair {
  readonly network: SimulatedNetwork;
  readonly ends: readonly [End, End];
  isBroken = false;

  constructor(network: SimulatedNetwork, one: NetworkHost, other: NetworkHost) {
    this.network = network;
    this.ends = [new End(one, this), new End(other, this)];
  }

  other(end: End): End {
    return this.ends[0] === end ? this.ends[1] : this.ends[0];
  }

  /** Delivers something to the other end after all that was sent to it before. */
  deliver(from: End, run: (handlers: LinkHandlers, other: End) => void): void {
    const { network } = this;
    const other = this.other(from);
    const at = Math.max(other.deliveries.at(-1)?.at ?? 0, network.time.now + network.latency());
    other.deliveries.push({
      at,
      run: () => {
        if (this.isBroken) return;
        other.host.clock.input(() => {
          if (!other.isClosed && other.handlers) run(other.handlers, other);
        });
      },
    });
    if (other.deliveries.length === 1) this.#deliverNext(other, at);
  }

  /** Delivers what is first in line, when it is due and the hosts are not cut off from each other. */
  #deliverNext(to: End, at: number): void {
    const { time } = this.network;
    time.after(at - time.now, () => {
      // What is lost is sent again, and arrives later.
      if (this.network.isCut(this.other(to).host, to.host)) {
        this.#deliverNext(to, time.now + RESEND_MS);
        return;
      }
      to.deliveries[0]?.run();
      to.deliveries.shift();
      const [next] = to.deliveries;
      if (next) this.#deliverNext(to, next.at);
    });
  }

  /** Loses what is on its way; both ends notice. */
  break(): void {
    if (this.isBroken) return;
    this.isBroken = true;
    for (const end of this.ends) {
      this.network.time.after(this.network.latency(), () =>
        end.host.clock.input(() => {
          if (end.isClosed) return;
          end.isClosed = true;
          end.handlers?.onClose();
        }),
      );
    }
  }
}

/** Connections between simulated processes, with latency and faults. */
export class SimulatedNetwork {
  readonly time: SimulatedTime;
  readonly #random: Random;
  readonly #hosts = new Map<string, NetworkHost>();
  readonly #pairs = new Set<Pair>();
  /** Pairs of addresses between which nothing passes. */
  readonly #cuts = new Set<string>();
  /** Mean of the latency in milliseconds. */
  meanLatencyMs = 0.3;
  /** Factor of all latencies. */
  slowness = 1;

  constructor(time: SimulatedTime, random: Random) {
    this.time = time;
    this.#random = random;
  }

  latency(): number {
    return this.meanLatencyMs * this.slowness * (0.5 + this.#random());
  }

  listen(host: NetworkHost): void {
    this.#hosts.set(host.address, host);
  }

  isCut(one: NetworkHost, other: NetworkHost): boolean {
    return this.#cuts.has(cutOf(one.address, other.address));
  }

  connect(
    from: NetworkHost,
    address: string,
    onOpen: (connection: LinkConnection) => LinkHandlers,
    onFailed: (error: Error) => void,
  ): () => void {
    let isOver = false;
    const finish = (run: () => void) =>
      from.clock.input(() => {
        if (isOver) return;
        isOver = true;
        run();
      });
    this.time.after(CONNECT_TIMEOUT_MS, () => finish(() => onFailed(new Error("timeout"))));
    const to = this.#hosts.get(address);
    this.time.after(2 * this.latency(), () => {
      if (this.#cuts.has(cutOf(from.address, address))) return;
      if (to?.accept === undefined || to.clock.hasEnded) finish(() => onFailed(new Error("refused")));
      else finish(() => this.#join(from, to, onOpen));
    });
    return () => {
      isOver = true;
    };
  }

  /** Breaks each connection of some hosts with a probability. */
  breakConnections(probability: number): void {
    for (const pair of this.#pairs) {
      if (this.#random() >= probability) continue;
      pair.break();
      this.#pairs.delete(pair);
    }
  }

  /** Ends a host: its connections break. */
  crash(host: NetworkHost): void {
    host.clock.end();
    this.#hosts.delete(host.address);
    for (const pair of this.#pairs) {
      if (!pair.ends.some((end) => end.host === host)) continue;
      pair.break();
      this.#pairs.delete(pair);
    }
  }

  cut(one: string, other: string): void {
    this.#cuts.add(cutOf(one, other));
  }

  healAll(): void {
    this.#cuts.clear();
  }

  #join(from: NetworkHost, to: NetworkHost, onOpen: (connection: LinkConnection) => LinkHandlers): void {
    const pair = new Pair(this, from, to);
    this.#pairs.add(pair);
    const [near, far] = pair.ends;
    to.clock.input(() => {
      far.handlers = to.accept?.(far);
    });
    near.handlers = onOpen(near);
  }
}

const cutOf = (one: string, other: string) => (one < other ? `${one} ${other}` : `${other} ${one}`);
