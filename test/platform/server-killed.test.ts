import assert from "node:assert/strict";
import { watch } from "node:fs";
import { Readable, Transform } from "node:stream";
import { test } from "node:test";
import { type Bundle, build } from "@faas/builder/bundle";
import type { EndpointView } from "@faas/core";
import { eventually, FaasProcess, type RunningServer } from "@faas/testing";

/** Moments of a deployment at which the server is killed, in order. */
type Moment =
  /** Half of the bundle is sent. */
  | "uploading"
  /** The upload is acknowledged. */
  | "uploaded"
  /** The registration is sent. */
  | "registering"
  /** The server has started to write the registration. */
  | "writing"
  /** The registration is acknowledged; replicas may be starting. */
  | "registered";

/** Endpoint and moment at which the server is killed, per round. */
const ROUNDS: readonly (readonly [endpoint: string, moment: Moment])[] = [
  ["three", "registered"],
  ["one", "uploading"],
  ["two", "registering"],
  ["three", "writing"],
  ["one", "uploaded"],
  ["two", "registered"],
];
const NAMES = ["one", "two", "three"];

test("a server that is killed at any moment of a deployment keeps every acknowledged endpoint, which responds", async () => {
  await using faas = new FaasProcess();
  /** Possible responses: of the latest acknowledged version, and of versions that were on their way when the server was killed. */
  const possible = new Map<string, readonly string[]>();
  let server = await faas.up();
  for (const [round, [endpoint, moment]] of ROUNDS.entries()) {
    for (const name of NAMES) {
      const isLast = name === endpoint;
      const text = `${name} ${round}`;
      const files = { "index.mjs": `export const handler = () => "${text}";\n`, "data.txt": text.repeat(2 ** 14) };
      await using bundle = await build(await faas.source(`source-${name}`, files));
      const deployment = new Deployment(faas, server, name, bundle, isLast ? moment : undefined);
      const isAcknowledged = await deployment.run();
      possible.set(name, isAcknowledged ? [text] : [...(possible.get(name) ?? ["missing"]), text]);
      if (isLast) break;
    }
    assert.equal(server.child.signalCode, "SIGKILL", `round ${round}: the server was not killed`);
    server = await faas.up();
    for (const [name, allowed] of possible) {
      const response = await responseOf(server.url, name);
      assert.ok(allowed.includes(response), `round ${round}: expected one of ${allowed} from ${name}, got ${response}`);
      possible.set(name, [response]);
    }
  }
});

/** A deployment during which the server may be killed. */
class Deployment {
  readonly #faas: FaasProcess;
  readonly #server: RunningServer;
  readonly #name: string;
  readonly #bundle: Bundle;
  readonly #killAt: Moment | undefined;
  #killing: Promise<void> | undefined;

  constructor(faas: FaasProcess, server: RunningServer, name: string, bundle: Bundle, killAt?: Moment) {
    this.#faas = faas;
    this.#server = server;
    this.#name = name;
    this.#bundle = bundle;
    this.#killAt = killAt;
  }

  /** Returns true if the server acknowledged the endpoint. */
  async run(): Promise<boolean> {
    const isAcknowledged = await this.#deploy();
    await this.#killing;
    return isAcknowledged;
  }

  async #deploy(): Promise<boolean> {
    if (!(await this.#upload())) return false;
    await this.#reach("uploaded");
    if (!(await this.#register())) return false;
    await this.#reach("registered");
    return true;
  }

  async #reach(moment: Moment): Promise<void> {
    if (moment === this.#killAt) this.#killing ??= this.#faas.kill(this.#server);
    await this.#killing;
  }

  async #upload(): Promise<boolean> {
    const { digest, sizeBytes, open } = this.#bundle;
    let sentBytes = 0;
    const counted = open().pipe(
      new Transform({
        transform: (chunk: Buffer, _, done) => {
          sentBytes += chunk.length;
          if (sentBytes < sizeBytes / 2 || this.#killAt !== "uploading") return done(null, chunk);
          this.#reach("uploading").then(() => done(null, chunk), done);
        },
      }),
    );
    return this.#send(`/-/bundles/${digest}`, {
      headers: { "Content-Length": String(sizeBytes) },
      body: Readable.toWeb(counted),
      duplex: "half",
    } as RequestInit);
  }

  async #register(): Promise<boolean> {
    const { digest } = this.#bundle;
    const aborter = new AbortController();
    const written = new Promise<void>((resolve) => {
      watch(this.#faas.data, { signal: aborter.signal }, (_, file) => {
        if (file === "state.json" || file === "state.journal") resolve();
      });
    });
    const registered = this.#send(`/-/orgs/acme/endpoints/${this.#name}`, {
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ artifact: { kind: "bundle", digest } }),
    });
    if (this.#killAt === "writing") await written;
    if (this.#killAt === "registering" || this.#killAt === "writing") await this.#reach(this.#killAt);
    aborter.abort();
    return registered;
  }

  /** Returns false if the server was killed before it responded. */
  async #send(path: string, init: RequestInit): Promise<boolean> {
    let response: Response;
    try {
      response = await fetch(`${this.#server.url}${path}`, { method: "PUT", ...init });
    } catch (error) {
      if (this.#killAt === undefined) throw error;
      return false;
    }
    assert.ok(response.ok, `PUT ${path} was answered with ${response.status}`);
    return response.text().then(
      () => true,
      () => false,
    );
  }
}

/** Waits until an endpoint is no longer being deployed, and calls it. Returns "missing" if it does not exist. */
async function responseOf(url: string, name: string): Promise<string> {
  const found = await eventually(`${name} is deployed`, async () => {
    const response = await fetch(`${url}/-/orgs/acme/endpoints/${name}`);
    if (response.status === 404) return "missing";
    const { phase } = (await response.json()) as EndpointView;
    return phase !== "deploying" && "deployed";
  });
  return found === "missing" ? found : (await fetch(`${url}/acme/${name}`)).text();
}
