import type { EndpointSpec } from "@faas/core";
import { maxReplicas, type ServedEndpoint as Served } from "@faas/gateway";
import { type WarmFloor, warmFloor } from "./warm-floor.ts";

type ServedEndpoint = Served<EndpointSpec>;

/** Time between two attempts to start the first replica of an endpoint. */
const RETRY_MS = 10_000;

/** An endpoint with warm windows. */
interface Followed {
  readonly windows: EndpointSpec["warm"];
  /** Floor at the time of the last look, which holds from then on until `untilMs`. */
  floor: WarmFloor;
  atMs: number;
  /** Last attempt to start a first replica. */
  triedMs: number;
}

/** Follows the warm windows of all endpoints. After disposal, endpoints keep the replicas that they have, and another server starts those of windows. */
export class WarmSchedule implements Disposable {
  readonly #followed = new Map<ServedEndpoint, Followed>();
  #isDisposed = false;

  /** Takes over the windows of an endpoint's spec. Returns true if it has any. */
  follow(endpoint: ServedEndpoint): boolean {
    const { warm: windows } = endpoint.spec;
    if (windows === undefined) {
      this.#followed.delete(endpoint);
      return false;
    }
    if (this.#followed.get(endpoint)?.windows !== windows)
      this.#followed.set(endpoint, { windows, ...NOT_LOOKED, triedMs: Number.NEGATIVE_INFINITY });
    return true;
  }

  forget(endpoint: ServedEndpoint): void {
    this.#followed.delete(endpoint);
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
  }

  /** Returns the minimum number of replicas of an endpoint now; 0 while no window is open. */
  floorOf(endpoint: ServedEndpoint, now: number): number {
    if (endpoint.spec.warm === undefined) return 0;
    const followed = this.#followed.get(endpoint);
    return followed === undefined ? 0 : Math.min(floorAt(followed, now).replicas, maxReplicas(endpoint.spec));
  }

  /** Lists the endpoints that have no replicas and need some now. If its replicas cannot be started, an endpoint is listed every ten seconds. */
  takeDue(now: number): ServedEndpoint[] {
    const due: ServedEndpoint[] = [];
    if (this.#isDisposed) return due;
    for (const [endpoint, followed] of this.#followed) {
      if (endpoint.desired > 0 || floorAt(followed, now).replicas === 0) continue;
      if (now >= followed.triedMs && now - followed.triedMs < RETRY_MS) continue;
      followed.triedMs = now;
      due.push(endpoint);
    }
    return due;
  }

  /** Returns when a floor changes next, or a first replica is tried again; undefined if neither will happen. */
  nextMs(now: number): number | undefined {
    if (this.#isDisposed) return undefined;
    let next: number | undefined;
    for (const [endpoint, followed] of this.#followed) {
      const { replicas, untilMs } = floorAt(followed, now);
      const isWaiting = replicas > 0 && endpoint.desired === 0;
      const changeMs = isWaiting ? Math.min(untilMs, Math.max(now, followed.triedMs + RETRY_MS)) : untilMs;
      if (next === undefined || changeMs < next) next = changeMs;
    }
    return next;
  }
}

const NOT_LOOKED = { floor: { replicas: 0, untilMs: Number.NEGATIVE_INFINITY }, atMs: Number.NEGATIVE_INFINITY };

/** Returns the floor at a time, computed again when it may have changed: also after the clock was put back. */
function floorAt(followed: Followed, now: number): WarmFloor {
  if (now < followed.atMs || now >= followed.floor.untilMs) followed.floor = warmFloor(followed.windows ?? [], now);
  followed.atMs = now;
  return followed.floor;
}
