import { copyFile, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { eventually, HttpClient, type HttpResponse, type Random } from "@faas/testing";
import { readState } from "../../packages/server/src/state/recovery.ts";

/** State of an endpoint on disk that the responses allow. */
type Possible = "present" | "absent";

const ORG = "acme";
/** Number of endpoints around which registrations and removals balance. */
const TARGET_SIZE = 50;
/** Value that makes the journal outgrow its minimum size, so that it is compacted in between. */
const LARGE = "x".repeat(30_000);

/**
 * Clients that register and remove endpoints, and remember the responses: an acknowledged change must be on disk; a change without a response may or
 * may not be.
 */
export class Registrations {
  /** Allowed states by name. */
  readonly #possible = new Map<string, Set<Possible>>();
  readonly #random: Random;
  readonly #image: string;
  /** Names of existing endpoints that no client is changing. */
  #existing: string[] = [];
  #names = 0;
  sent = 0;
  acknowledged = 0;
  refused = 0;
  /** Number of calls that ended without a response. */
  cut = 0;
  /** Numbers of refusals by code. */
  readonly codes = new Map<string, number>();
  readonly lost: string[] = [];

  /** @param image name of the artifact of all endpoints, as `POST /add_endpoint` takes it */
  constructor(image: string, random: Random) {
    this.#image = image;
    this.#random = random;
  }

  /** Number of changes with a response. */
  get answered(): number {
    return this.acknowledged + this.refused;
  }

  /** Waits until this many more changes have got a response, however long that takes on a busy machine. */
  async untilMoreAnswers(count: number, onLook: () => Promise<void> = async () => {}): Promise<void> {
    const target = this.answered + count;
    await eventually(`${count} more changes with a response`, async () => {
      await onLook();
      return this.answered >= target;
    });
  }

  /** Runs clients that change endpoints until the server is gone, or until they have sent `limit` changes. */
  async run(url: string, clients: number, limit = Number.POSITIVE_INFINITY): Promise<void> {
    using connection = new HttpClient(url, { timeoutMs: 30_000 });
    const end = this.sent + limit;
    let isGone = false;
    const client = async () => {
      while (!isGone && this.sent < end) if (!(await this.#change(connection))) isGone = true;
    };
    await Promise.all(Array.from({ length: clients }, client));
  }

  /**
   * Compares the state on disk with the responses.
   *
   * @throws FaasError when the state cannot be read
   */
  async check(data: string, when: string): Promise<void> {
    // Reads a copy: the state must stay as it is for the next server.
    const copy = join(data, "../state-copy");
    await rm(copy, { recursive: true, force: true });
    await mkdir(copy);
    for (const name of ["state.journal", "state.json"])
      await copyFile(join(data, name), join(copy, name)).catch((error) => {
        if (error.code !== "ENOENT") throw error;
      });
    const { state } = await readState(join(copy, "state.json"));
    this.compare(new Set(state.endpoints(ORG)?.keys() ?? []), when);
  }

  /** Compares existing endpoints with the responses; from then on exactly these are expected. */
  compare(existing: ReadonlySet<string>, when: string): void {
    for (const [name, possible] of this.#possible) {
      const seen: Possible = existing.has(name) ? "present" : "absent";
      if (!possible.has(seen)) this.lost.push(`${name} is ${seen}, ${when}`);
      this.#possible.set(name, new Set([seen]));
    }
    this.#existing = [...existing].filter((name) => this.#possible.has(name));
    for (const name of existing)
      if (!this.#possible.has(name) && name !== "first") this.lost.push(`${name} exists, ${when}`);
  }

  /** Lists the endpoints that the server reports. */
  async listed(url: string): Promise<Set<string>> {
    using client = new HttpClient(url);
    const response = await client.send("GET", `/-/orgs/${ORG}`);
    if (response.status === 404) return new Set();
    return new Set(response.json<{ endpoints: string[] }>().endpoints);
  }

  /** Sends one change; returns false when the server is gone. */
  async #change(client: HttpClient): Promise<boolean> {
    const own = this.#existing;
    const isRemoval = own.length > 0 && this.#random() < (own.length > TARGET_SIZE ? 0.7 : 0.4);
    const name = isRemoval
      ? (own.splice(Math.floor(this.#random() * own.length), 1)[0] as string)
      : `e${++this.#names}`;
    const next: Possible = isRemoval ? "absent" : "present";
    const env = this.#random() < 0.3 ? { LARGE } : {};
    const before = this.#possible.get(name) ?? new Set(["absent"]);
    this.#possible.set(name, new Set([...before, next]));
    this.sent++;
    try {
      const response = isRemoval
        ? await client.send("DELETE", `/-/orgs/${ORG}/endpoints/${name}`)
        : await client.send("POST", "/add_endpoint", {
            org: ORG,
            endpoint: name,
            image: this.#image,
            replicas: 0,
            env,
          });
      if (response.status < 300) {
        this.acknowledged++;
        this.#possible.set(name, new Set([next]));
        if (!isRemoval) this.#existing.push(name);
      } else {
        this.#onRefused(response, name, before);
        if (isRemoval) this.#existing.push(name);
      }
      return true;
    } catch {
      this.cut++;
      return false;
    }
  }

  #onRefused(response: HttpResponse, name: string, before: Set<Possible>): void {
    this.refused++;
    const { code } = response.json<{ code: string }>();
    this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
    // With this code, nothing was changed.
    if (code === "STORAGE_FULL") this.#possible.set(name, before);
  }
}
