import assert from "node:assert/strict";
import type { Artifact, EndpointView, TrafficView } from "@faas/core";
import { eventually } from "@faas/testing";
import type { Served } from "../served.ts";
import { AllowedRevisions } from "./allowed-revisions.ts";

/** Name of the endpoint. */
export const NAME = "split";
export const STABLE = "@stable";
export const PREVIEW = "@preview";
const WAIT_MS = 90_000;

/** An endpoint with several revisions, and the revisions that its calls may get. */
export class SplitEndpoint {
  readonly allowed = new Map(["", STABLE, PREVIEW].map((at) => [at, new AllowedRevisions()] as const));
  /** Times in which revisions became the serving one. */
  readonly deployed = new AllowedRevisions();
  readonly #served: Served;
  readonly #artifact: Artifact;
  readonly #counter: string;
  /** Names by which the function calls its revisions, by their ids. */
  readonly #names = new Map<string, string>();
  #deployed = 0;

  /** @param counter address to which the function reports each POST */
  constructor(served: Served, artifact: Artifact, counter: string) {
    this.#served = served;
    this.#artifact = artifact;
    this.#counter = counter;
  }

  /** Ids of all revisions, oldest first. */
  get revisions(): readonly string[] {
    return [...this.#names.keys()];
  }

  /** Deploys a new revision; with a tag, as a preview. */
  async deploy(tag?: string): Promise<void> {
    const name = `r${++this.#deployed}`;
    const body = {
      artifact: this.#artifact,
      settings: { replicas: 1, maxReplicas: 2, idleTimeout: "never" },
      variables: { env: { COUNTER: this.#counter, REVISION: name } },
      ...(tag === undefined ? {} : { preview: { tag, expires: "1h" } }),
    };
    await this.change("PUT", "", body, [name], (id) => this.#names.set(id, name));
  }

  view(): Promise<EndpointView> {
    return this.#get<EndpointView>("");
  }

  /**
   * Sends a change, waits until it is done, and notes which revisions calls may get afterwards.
   *
   * @param passing names of revisions that calls may also get meanwhile
   */
  async change(
    method: string,
    path: string,
    body?: object,
    passing: readonly string[] = [],
    onRevision: (id: string) => void = () => {},
  ): Promise<void> {
    const began = performance.now();
    const sent = await this.#send(method, path, body).catch(() => undefined);
    // The gateway that passed it on was killed.
    if (sent === undefined) return this.noteUnknown(began);
    const { status, body: response } = sent;
    assert.ok(status < 300, `${method} ${path}: ${status} ${JSON.stringify(response)}`);
    const { revision } = response as { readonly revision?: string };
    if (revision !== undefined) {
      onRevision(revision);
      await this.#get(`?wait=${revision}&timeout=60s`);
    }
    await this.note(began, passing);
  }

  /** Notes which revisions calls may get, by what the server says. */
  async note(began: number, passing: readonly string[] = []): Promise<void> {
    const { serving, shares = { [serving]: 100 }, tags } = await this.traffic();
    this.deployed.changed([], began, this.#namesOf([serving]));
    const withShare = Object.keys(shares).filter((id) => (shares[id] as number) > 0);
    this.#allowed("").changed(this.#namesOf(withShare), began, passing);
    for (const at of [STABLE, PREVIEW]) {
      const tagged = tags[at.slice(1)];
      if (tagged !== undefined) this.#allowed(at).changed(this.#namesOf([tagged]), began);
    }
  }

  /** Notes which revisions calls may get after a change whose outcome is not known. */
  async noteUnknown(began: number): Promise<void> {
    const isSettled = async () => (await this.view()).deploying === undefined;
    await eventually("no deployment is in progress", isSettled, { timeoutMs: WAIT_MS });
    await this.#learn();
    await this.note(began, [...this.#names.values()]);
  }

  async traffic(): Promise<TrafficView> {
    return this.#get<TrafficView>("/split");
  }

  /** Learns the names of revisions whose deployment was not confirmed. */
  async #learn(): Promise<void> {
    const { revisions } = await this.#get<{ readonly revisions: readonly { revision: string }[] }>("/revisions");
    for (const { revision } of revisions) {
      if (this.#names.has(revision)) continue;
      const { settings } = await this.#get<EndpointView>(`/revisions/${revision}`);
      this.#names.set(revision, settings.env.REVISION as string);
    }
  }

  #allowed(at: string): AllowedRevisions {
    return this.allowed.get(at) as AllowedRevisions;
  }

  #namesOf(ids: readonly string[]): string[] {
    return ids.map((id) => this.#names.get(id) ?? id);
  }

  /** Reads from the control API; again, if the gateway that passes it on was killed. */
  #get<T>(path: string): Promise<T> {
    return eventually(`GET ${path}`, async () => (await this.#send("GET", path)).body as T, { timeoutMs: WAIT_MS });
  }

  #send(method: string, path: string, body?: object) {
    return this.#served.send(method, `/-/orgs/${this.#served.org}/endpoints/${NAME}${path}`, body);
  }
}
