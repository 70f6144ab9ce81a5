import type { OrganizationRuntime } from "../endpoints/organization-runtime.ts";
import type { ServedEndpoint } from "../endpoints/registry.ts";
import type { Exchange, Stage } from "./exchange.ts";

/**
 * Calls that go on to replicas in one turn of the event loop. Each costs some tens of microseconds until its answer has gone: a turn stays well under a
 * millisecond, and that is what a call of another organization waits for.
 */
const A_TURN = 16;
/** Calls that come so long after the last turn began are of another one. */
const TURN_MS = 1;

/**
 * What all organizations share in the gateway is the time of one thread. When more calls come at once than fit in a turn of its event loop, the
 * others wait, and organizations take turns: whoever sends few does not stand behind those who send many. It never idles while
 * somebody waits, and bounds nothing but how many begin together: how long functions take is no concern of it.
 */
export class FairQueue {
  /** Those that have calls in their lines, the one whose turn is next first. */
  readonly #orgs = new Set<OrganizationRuntime>();
  #beganMs = 0;
  #begun = 0;

  /** Goes on now, or when its turn comes. */
  enter(exchange: Exchange, org: OrganizationRuntime): void {
    if (this.#orgs.size === 0) {
      if (exchange.arrived - this.#beganMs > TURN_MS) {
        this.#beganMs = exchange.arrived;
        this.#begun = 0;
      }
      if (this.#begun < A_TURN) {
        this.#begun++;
        exchange.proceed();
        return;
      }
      setImmediate(this.#go);
    }
    org.line.join(exchange);
    this.#orgs.add(org);
  }

  /** One of each organization after the other; the one that had its turn comes last. */
  readonly #go = () => {
    this.#beganMs = performance.now();
    this.#begun = 0;
    // What is added again is visited again.
    for (const org of this.#orgs) {
      const exchange = org.line.shift() as Exchange;
      this.#orgs.delete(org);
      if (org.line.length > 0) this.#orgs.add(org);
      // Its client may have gone.
      if (exchange.finished) continue;
      exchange.proceed();
      if (++this.#begun >= A_TURN) break;
    }
    if (this.#orgs.size > 0) setImmediate(this.#go);
  };
}

/** Lets organizations take turns when more calls come than can be begun at once. */
export function queueFairly(turns: FairQueue): Stage {
  return (exchange) => turns.enter(exchange, (exchange.endpoint as ServedEndpoint).org);
}
