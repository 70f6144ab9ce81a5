import type { EndpointLoad, EndpointRegistry, GatewayHello, GatewayMember } from "@faas/gateway";
import { ReportedLoad } from "./reported-load.ts";
import type { GatewaySession } from "./session.ts";
import type { GatewayInfo } from "./session-info.ts";

/** A gateway that is linked, or was linked and may still serve calls. */
export class Member {
  readonly name: string;
  readonly load: ReportedLoad;
  /** Its latest link, open or lost; undefined for one that is only expected. */
  session: GatewaySession | undefined;
  isDraining = false;
  /** True after the first report on its present link, which has all of its calls. */
  #hasReported = false;
  #hello: GatewayHello | undefined;
  readonly #expectedAddress: string | undefined;
  #cancelExpiry: (() => void) | undefined;

  /** @param expectedAddress address for other gateways, of one that is only expected */
  constructor(name: string, registry: EndpointRegistry, expectedAddress?: string) {
    this.name = name;
    this.load = new ReportedLoad(registry);
    this.#expectedAddress = expectedAddress;
  }

  /** True while all of its calls are in its reports. */
  get isCounted(): boolean {
    return this.#hasReported && this.session?.isSilent === false;
  }

  /** The gateway as others need to know it; undefined if it does not share the calls with them. */
  get member(): GatewayMember | undefined {
    const address = this.#hello === undefined ? this.#expectedAddress : this.#hello.peerAddress;
    return this.isDraining || address === undefined ? undefined : { name: this.name, address };
  }

  get info(): GatewayInfo {
    const { version = "", pid = 0, peerAddress } = this.#hello ?? {};
    const isOpen = this.session?.isOpen === true;
    return {
      name: this.name,
      ...{ version, pid },
      ...(peerAddress === undefined ? {} : { peerAddress }),
      state: isOpen ? (this.isDraining ? "draining" : "linked") : "lost",
      viewAgeMs: this.session?.viewAgeMs ?? 0,
      ...this.load.totals,
    };
  }

  /** Takes a new link. What it reported before is replaced by its first report on the new one. */
  join(session: GatewaySession, hello: GatewayHello): void {
    this.#cancelExpiry?.();
    this.session = session;
    this.#hello = hello;
    this.isDraining = hello.stopping === true;
    this.#hasReported = false;
  }

  /** @param nowMs milliseconds since the epoch */
  report(endpoints: readonly EndpointLoad[], nowMs: number): void {
    // The first report of a link has every endpoint with calls.
    if (!this.#hasReported) this.load.clear();
    this.#hasReported = true;
    for (const each of endpoints) this.load.apply(each, nowMs);
  }

  /** Takes note of the loss of its link: its last report stays, and there may be calls that are not in it. */
  lost(): void {
    this.#hasReported = false;
  }

  /** @param cancel stops the timer that forgets it */
  expire(cancel: () => void): void {
    this.#cancelExpiry?.();
    this.#cancelExpiry = cancel;
  }

  /** Takes back what it reported: it is gone. */
  leave(): void {
    this.#cancelExpiry?.();
    this.session?.close();
    this.load.clear();
  }
}
