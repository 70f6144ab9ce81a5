import type { NodeResource } from "@faas/core";
import type { Failure } from "../pods/pod-failures.ts";
import { lackedResources } from "./lacked-resources.ts";

/** Time for other pods to end by themselves, when none can give way. */
const TRANSIENT_MS = 5_000;
/** Time for idle replicas to give way: they become idle after their calls, and take seconds to end. */
const GIVING_WAY_MS = 30_000;

/** The time that a pod waits for a node that accepts it. */
export class RoomWait {
  readonly #onFailure: (failure: Failure) => void;
  /** The scheduler's message; undefined while the pod does not wait. */
  #message: string | undefined;
  #resources: readonly NodeResource[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param onFailure called when the pod has waited for too long; again each time, if the failure passes */
  constructor(onFailure: (failure: Failure) => void) {
    this.#onFailure = onFailure;
  }

  /** Resources that the pod waits for, and may get when others give way. */
  get resources(): readonly NodeResource[] {
    return this.#resources;
  }

  /** @param message the scheduler's message; undefined if the pod does not wait */
  observe(message: string | undefined): void {
    if (message === this.#message) return;
    const wasWaiting = this.#message !== undefined;
    const couldGetRoom = this.#resources.length > 0;
    this.#message = message;
    this.#resources = message === undefined ? [] : lackedResources(message);
    const isSameWait = wasWaiting && message !== undefined && couldGetRoom === this.#resources.length > 0;
    if (!isSameWait) this.restart();
  }

  /** Starts the time to wait again. */
  restart(): void {
    clearTimeout(this.#timer);
    if (this.#message === undefined) return;
    this.#timer = setTimeout(() => this.#fail(), this.#resources.length > 0 ? GIVING_WAY_MS : TRANSIENT_MS).unref();
  }

  stop(): void {
    this.observe(undefined);
  }

  #fail(): void {
    const code = "UNSCHEDULABLE";
    const detail = `No node accepts the replica: ${this.#message}`;
    if (this.#resources.length === 0) {
      this.#onFailure({ code, detail });
      return;
    }
    const waited = `It waited ${GIVING_WAY_MS / 1000} s for room, and the replicas that have it were not idle`;
    this.#onFailure({ code, detail: `${detail.replace(/\.$/, "")}. ${waited}`, passes: true });
    this.restart();
  }
}
