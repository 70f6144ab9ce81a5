import type { EndpointSpec, ReservedOnNode } from "@faas/core";
import { minReplicas, type ServedEndpoint as Served } from "@faas/gateway";
import { chooseVictims, type Offer } from "./choose-victims.ts";

type ServedEndpoint = Served<EndpointSpec>;

/** Idle time after which replicas give way to an endpoint that has none. */
const IDLE_MS = 500;
/** The longer time for an endpoint that has replicas, and needs more of them. */
const IDLE_FOR_MORE_MS = 10_000;
/** Time in which replicas that give way have ended, and others have got their room. After it, more give way. */
const GIVING_WAY_MS = 8_000;

/** Time for the platform to end what it keeps ready for cold starts, which reserves memory and pods, but hardly any CPU. */
const PREWARMED_MS = 3_000;
/** Time after which a lack of room counts as another one. */
const PAUSE_MS = 1_000;

/** An endpoint that gives up replicas for another one. */
export interface Victim extends Offer {
  readonly endpoint: ServedEndpoint;
}

/** Room that is being made for an endpoint. */
interface Promised {
  readonly replicas: number;
  readonly untilMs: number;
}

/** Time in which an endpoint has lacked room without a pause. */
interface Lack {
  readonly sinceMs: number;
  lastMs: number;
}

/** Returns the number of replicas that an endpoint keeps now although it is idle. */
type FloorOf = (endpoint: ServedEndpoint, now: number) => number;

/** Decides which idle replicas give way to others that find no room in the cluster. */
export class RoomMaker {
  readonly #promised = new WeakMap<ServedEndpoint, Promised>();
  readonly #lacks = new WeakMap<ServedEndpoint, Lack>();
  readonly #floorOf: FloorOf;

  constructor(floorOf: FloorOf = () => 0) {
    this.#floorOf = floorOf;
  }

  /**
   * Chooses what gives way to an endpoint whose status says that it lacks room. To be called until it no longer does; the number of replicas of the victims
   * is to be set before the next call.
   *
   * @param awake endpoints with replicas
   */
  victimsFor(needy: ServedEndpoint, awake: Iterable<ServedEndpoint>, now: number): readonly Victim[] {
    const need = needy.status?.lacksRoom;
    if (need === undefined) return [];
    const lackedMs = this.#lackedMs(needy, now);
    if (!need.resources.includes("cpu") && lackedMs < PREWARMED_MS) return [];
    const promised = this.#promised.get(needy);
    const isPromised = promised !== undefined && now < promised.untilMs;
    let missing = need.replicas - (isPromised ? promised.replicas : 0);
    if (missing <= 0) return [];
    let offers = this.#offersFor(needy, awake, now);
    const victims: Victim[] = [];
    for (; missing > 0; missing--) {
      const chosen = chooseVictims(need, offers);
      if (chosen.length === 0) break;
      victims.push(...chosen);
      offers = offers.filter((offer) => !chosen.includes(offer));
    }
    if (victims.length > 0)
      this.#promised.set(needy, { replicas: need.replicas - missing, untilMs: now + GIVING_WAY_MS });
    return victims;
  }

  /** Lists the replicas that may give way to an endpoint: those of endpoints without a request whose last one was before its own. */
  #offersFor(needy: ServedEndpoint, awake: Iterable<ServedEndpoint>, now: number): Victim[] {
    const needyIdleMs = idleMsOf(needy, now);
    const minIdleMs = needy.replicas.length > 0 ? IDLE_FOR_MORE_MS : IDLE_MS;
    const offers: Victim[] = [];
    for (const endpoint of awake) {
      const idleMs = idleMsOf(endpoint, now);
      if (endpoint === needy || idleMs < minIdleMs || idleMs <= needyIdleMs || !mayGiveWay(endpoint)) continue;
      const reserved = reservedBy(endpoint);
      const floor = this.#floorOf(endpoint, now);
      const min = Math.max(minReplicas(endpoint.spec), floor);
      const isScaled = endpoint.spec.scaler === "concurrency" && endpoint.desired > min;
      if (isScaled) offers.push({ endpoint, keep: min, idleMs, frees: reserved.slice(min) });
      if (floor === 0) offers.push({ endpoint, keep: 0, idleMs, frees: isScaled ? reserved.slice(0, min) : reserved });
    }
    return offers;
  }

  /** Returns how long the endpoint has lacked room. */
  #lackedMs(needy: ServedEndpoint, now: number): number {
    let lack = this.#lacks.get(needy);
    if (lack === undefined || now - lack.lastMs > PAUSE_MS) {
      lack = { sinceMs: now, lastMs: now };
      this.#lacks.set(needy, lack);
    }
    lack.lastMs = now;
    return now - lack.sinceMs;
  }
}

/** Endpoints that are never idle keep their replicas, because that is what their setting is for. */
const mayGiveWay = ({ desired, deploying, spec }: ServedEndpoint) =>
  desired > 0 && !deploying && spec.idleTimeoutMs !== Number.POSITIVE_INFINITY;

const idleMsOf = ({ totalInFlight, totalWaiting, deploying, lastRequestMs }: ServedEndpoint, now: number) =>
  totalInFlight + totalWaiting > 0 || deploying ? 0 : now - lastRequestMs;

const reservedBy = ({ status }: ServedEndpoint): readonly ReservedOnNode[] =>
  (status?.replicas ?? []).flatMap(({ reserved }) => reserved ?? []);
