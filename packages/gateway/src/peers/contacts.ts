import type { GatewayMember } from "../protocol/messages.ts";

interface Contact {
  readonly address: string;
  /** Time since when it is awaited. */
  readonly sinceMs: number;
  /** True if it was connected since then. */
  met: boolean;
}

/** The gateways that the control server lists. */
export class Contacts {
  #byName: ReadonlyMap<string, Contact> = new Map();
  #areKnown = false;
  /** Names that the control server listed once, and no longer does. */
  readonly #dropped = new Set<string>();

  /** False before the first complete list. */
  get areKnown(): boolean {
    return this.#areKnown;
  }

  /**
   * Takes over a list.
   * @param isPartial there may be others, which the list before had
   */
  set(
    members: readonly GatewayMember[],
    isPartial: boolean,
    isConnected: (name: string) => boolean,
    nowMs: number,
  ): void {
    const before = this.#byName;
    const now = members.map(({ name, address }): [string, Contact] => {
      const known = before.get(name);
      return [name, known?.address === address ? known : { address, sinceMs: nowMs, met: isConnected(name) }];
    });
    this.#byName = new Map(isPartial ? [...before, ...now] : now);
    for (const { name } of members) this.#dropped.delete(name);
    if (isPartial) return;
    this.#areKnown = true;
    for (const name of before.keys()) if (!this.#byName.has(name)) this.#dropped.add(name);
  }

  /** Tells whether the control server has removed a gateway from its list. One that it has not listed yet may be new. */
  wasDropped(name: string): boolean {
    return this.#dropped.has(name);
  }

  *addresses(): Iterable<readonly [name: string, address: string]> {
    for (const [name, { address }] of this.#byName) yield [name, address];
  }

  /** A gateway was connected. */
  met(name: string): void {
    const contact = this.#byName.get(name);
    if (contact) contact.met = true;
  }

  /** Awaits all of them again. */
  restart(nowMs: number): void {
    this.#byName = new Map(
      [...this.#byName].map(([name, { address }]) => [name, { address, sinceMs: nowMs, met: false }]),
    );
  }

  /** Tells whether one of them was not connected yet, and may still respond. */
  areAwaited(nowMs: number, timeoutMs: number): boolean {
    for (const { met, sinceMs } of this.#byName.values()) if (!met && nowMs - sinceMs < timeoutMs) return true;
    return false;
  }
}
