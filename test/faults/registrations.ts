import { copyFile, mkdir, rm } from "node:fs/promises";
import { Agent, request } from "node:http";
import { join } from "node:path";
import type { Random } from "@faas/testing";
import { readState } from "../../packages/server/src/state/recovery.ts";

/** What may be on disk of an endpoint. */
type Possible = "present" | "absent";

const ORG = "acme";
/** So many are there at a time. */
const ABOUT = 50;
/** So that the journal outgrows its least size, and is made smaller under way. */
const LARGE = "x".repeat(30_000);

/**
 * Clients that register and remove endpoints, and remember what they were told: what was acknowledged has to be so; what was
 * not may be either.
 */
export class Registrations {
  /** Of each name. */
  readonly #possible = new Map<string, Set<Possible>>();
  readonly #random: Random;
  readonly #image: string;
  readonly #agent = new Agent({ keepAlive: true });
  /** Names that are there and that nobody is changing. */
  #there: string[] = [];
  #names = 0;
  /** Calls that were sent, and how they ended. */
  sent = 0;
  acknowledged = 0;
  refused = 0;
  cut = 0;
  /** Of refusals: the codes, and how often. */
  readonly codes = new Map<string, number>();
  readonly lost: string[] = [];

  /** @param image what `POST /add_endpoint` calls the artifact of all of them */
  constructor(image: string, random: Random) {
    this.#image = image;
    this.#random = random;
  }

  /** So many clients, until the server is gone, or as the signal says. */
  async run(url: string, clients: number, signal: AbortSignal): Promise<void> {
    let isGone = false;
    const client = async () => {
      while (!isGone && !signal.aborted) if (!(await this.#change(url))) isGone = true;
    };
    await Promise.all(Array.from({ length: clients }, client));
  }

  /** Reads what is on disk in the folder, and compares. Rejects where it cannot be read. `what`: when that is. */
  async check(data: string, what: string): Promise<void> {
    // Of a copy: it is read as it is, whatever the next server does.
    const copy = join(data, "../state-copy");
    await rm(copy, { recursive: true, force: true });
    await mkdir(copy);
    for (const name of ["state.journal", "state.json"])
      await copyFile(join(data, name), join(copy, name)).catch((error) => {
        if (error.code !== "ENOENT") throw error;
      });
    const { state } = await readState(join(copy, "state.json"));
    this.compare(new Set(state.endpoints(ORG)?.keys() ?? []), what);
  }

  /** Compares with what there is; from then on that is what there is. */
  compare(there: ReadonlySet<string>, what: string): void {
    for (const [name, possible] of this.#possible) {
      const seen: Possible = there.has(name) ? "present" : "absent";
      if (!possible.has(seen)) this.lost.push(`${name} is ${seen}, ${what}`);
      this.#possible.set(name, new Set([seen]));
    }
    this.#there = [...there].filter((name) => this.#possible.has(name));
    for (const name of there)
      if (!this.#possible.has(name) && name !== "first") this.lost.push(`${name} is there, ${what}`);
  }

  /** Names that the server says it has. */
  async listed(url: string): Promise<Set<string>> {
    const { status, text } = await this.#ask(url, "GET", `/-/orgs/${ORG}`);
    if (status === 404) return new Set();
    return new Set((JSON.parse(text) as { endpoints: string[] }).endpoints);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** False: the server is gone. */
  async #change(url: string): Promise<boolean> {
    const own = this.#there;
    const isRemoval = own.length > 0 && this.#random() < (own.length > ABOUT ? 0.7 : 0.4);
    const name = isRemoval
      ? (own.splice(Math.floor(this.#random() * own.length), 1)[0] as string)
      : `e${++this.#names}`;
    const next: Possible = isRemoval ? "absent" : "present";
    const env = this.#random() < 0.3 ? { LARGE } : {};
    const before = this.#possible.get(name) ?? new Set(["absent"]);
    this.#possible.set(name, new Set([...before, next]));
    this.sent++;
    try {
      const { status, text } = isRemoval
        ? await this.#ask(url, "DELETE", `/-/orgs/${ORG}/endpoints/${name}`)
        : await this.#ask(url, "POST", "/add_endpoint", {
            org: ORG,
            endpoint: name,
            image: this.#image,
            replicas: 0,
            env,
          });
      if (status < 300) {
        this.acknowledged++;
        this.#possible.set(name, new Set([next]));
        if (!isRemoval) this.#there.push(name);
      } else {
        this.refused++;
        const { code } = JSON.parse(text) as { code: string };
        this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
        // It was refused, and so nothing was changed.
        if (code === "STORAGE_FULL") this.#possible.set(name, before);
        if (isRemoval) this.#there.push(name);
      }
      return true;
    } catch {
      this.cut++;
      return false;
    }
  }

  #ask(url: string, method: string, path: string, body?: object): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const headers = body === undefined ? {} : { "content-type": "application/json" };
      const sent = request(url + path, { method, headers, agent: this.#agent, timeout: 30_000 }, (response) => {
        let text = "";
        response.setEncoding("utf8").on("data", (piece) => (text += piece));
        response.on("error", reject).on("end", () => resolve({ status: response.statusCode as number, text }));
      });
      sent.on("timeout", () => sent.destroy(new Error(`${method} ${path}: nothing for 30 s`)));
      sent.on("error", reject).end(body && JSON.stringify(body));
    });
  }
}
