/** Deliveries of all organizations at the same time: each holds the bodies of a request and a response in memory. */
const MAX_DELIVERIES = 256;

interface Usage {
  inFlight: number;
  paused: number;
}

/** Limits how many asynchronous calls are delivered at the same time: of an endpoint, of an organization, and altogether. */
export class DeliveryWindows {
  readonly #windowOf: (topic: string) => number;
  readonly #orgWindowOf: (org: string) => number;
  readonly #onRoom: (topic: string) => void;
  readonly #topics = new Map<string, Usage>();
  readonly #orgs = new Map<string, number>();
  /** Topics that found no room, in the order of their turns. */
  readonly #waiting = new Set<string>();
  #inFlight = 0;
  #scheduled = false;

  /** @param onRoom called for a topic that found no room, when there may be some */
  constructor(
    windowOf: (topic: string) => number,
    orgWindowOf: (org: string) => number,
    onRoom: (topic: string) => void,
  ) {
    this.#windowOf = windowOf;
    this.#orgWindowOf = orgWindowOf;
    this.#onRoom = onRoom;
  }

  /** Reserves room for at most `count` deliveries; returns for how many there is some. */
  reserve(topic: string, count: number): number {
    const usage = this.#topics.get(topic) ?? { inFlight: 0, paused: 0 };
    const org = orgOf(topic);
    const orgInFlight = this.#orgs.get(org) ?? 0;
    const room = Math.min(
      count,
      this.#windowOf(topic) - usage.inFlight,
      this.#orgWindowOf(org) - orgInFlight,
      MAX_DELIVERIES - this.#inFlight,
    );
    if (usage.paused > 0 || room <= 0) {
      this.#waiting.add(topic);
      return 0;
    }
    this.#topics.set(topic, usage);
    usage.inFlight += room;
    this.#orgs.set(org, orgInFlight + room);
    this.#inFlight += room;
    return room;
  }

  /**
   * Gives room back.
   *
   * @param hasMore the topic may have further calls: it gets another turn
   */
  release(topic: string, count: number, hasMore: boolean): void {
    const usage = this.#topics.get(topic);
    const org = orgOf(topic);
    const orgInFlight = (this.#orgs.get(org) ?? 0) - count;
    if (orgInFlight > 0) this.#orgs.set(org, orgInFlight);
    else this.#orgs.delete(org);
    this.#inFlight -= count;
    if (usage !== undefined) {
      usage.inFlight -= count;
      if (usage.inFlight === 0 && usage.paused === 0) this.#topics.delete(topic);
    }
    if (hasMore) this.#waiting.add(topic);
    this.#schedule();
  }

  /** Lets a topic find no room until as many calls of `resume`. */
  pause(topic: string): void {
    const usage = this.#topics.get(topic) ?? { inFlight: 0, paused: 0 };
    this.#topics.set(topic, usage);
    usage.paused++;
  }

  resume(topic: string): void {
    const usage = this.#topics.get(topic);
    if (usage === undefined) return;
    usage.paused--;
    if (usage.inFlight === 0 && usage.paused === 0) this.#topics.delete(topic);
    this.#waiting.add(topic);
    this.#schedule();
  }

  /** Gives topics that wait their turns, after the other work of this iteration of the event loop. */
  #schedule(): void {
    if (this.#scheduled || this.#waiting.size === 0) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      // Those that find no room are added again, at the end: they are not visited twice.
      let left = this.#waiting.size;
      for (const topic of this.#waiting) {
        if (left-- === 0 || this.#inFlight >= MAX_DELIVERIES) break;
        this.#waiting.delete(topic);
        this.#onRoom(topic);
      }
    });
  }
}

const orgOf = (topic: string) => topic.slice(0, topic.indexOf("/"));
