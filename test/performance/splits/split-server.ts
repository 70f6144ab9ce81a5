import { eventually, HttpClient } from "@faas/testing";
import { LocalServer } from "../rig/local-server.ts";

/** Function that responds with its revision. */
const SOURCE = "export const handler = () => process.env.FAAS_REVISION;\n";
const PATH = "/-/orgs/acme/endpoints/split";

/** Fields of an endpoint's view that the measurements read. */
interface View {
  readonly revision: string;
  readonly deploying?: string;
  readonly replicas: readonly { readonly revision: string; readonly ready: boolean }[];
  readonly otherReplicas?: readonly { readonly revision: string; readonly ready: boolean }[];
  readonly traffic?: { readonly shares?: object };
}

/** A server with gateways in processes of their own, and several revisions of one endpoint. */
export class SplitServer implements AsyncDisposable {
  readonly url: string;
  readonly gateways: number;
  /** Ids of the revisions, oldest first. */
  readonly revisions: readonly string[];
  readonly #server: LocalServer;
  readonly #client: HttpClient;

  private constructor(server: LocalServer, client: HttpClient, gateways: number, revisions: readonly string[]) {
    this.#server = server;
    this.#client = client;
    this.url = `${server.url}/acme/split`;
    this.gateways = gateways;
    this.revisions = revisions;
  }

  /** @param keepWarm time for which the previous revision keeps a replica */
  static async start(gateways: number, revisions: number, keepWarm: string): Promise<SplitServer> {
    const server = await LocalServer.start(["--gateways", String(gateways)]);
    const client = new HttpClient(server.url);
    try {
      const ids: string[] = [];
      for (let number = 0; number < revisions; number++) {
        const more = ["--env", `NUMBER=${number}`, "--keep-warm", keepWarm, "--idle-timeout", "never"];
        await server.deploy("split", "index.mjs", SOURCE, ...more);
        ids.push((await client.json<View>("GET", PATH)).revision);
      }
      return new SplitServer(server, client, gateways, ids);
    } catch (error) {
      client[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Divides the calls, and waits until each revision has a replica. */
  async split(shares: Readonly<Record<string, number>>, sticky: string | undefined): Promise<void> {
    await this.#client.json("PUT", `${PATH}/split`, { shares, ...(sticky === undefined ? {} : { sticky }) });
    for (const revision of Object.keys(shares)) await this.#client.send("GET", `/acme/split@${revision}`);
  }

  /** Begins a rollback to the previous revision; returns its id. */
  async rollBack(): Promise<string> {
    return (await this.#client.json<{ revision: string }>("POST", `${PATH}/rollback`, {})).revision;
  }

  /** Waits until a rollback has ended, and with `isKept` until the revision that it replaced is ready for the next one. */
  async settled(isKept: boolean): Promise<void> {
    await eventually("the rollback has ended", async () => {
      const { revision, deploying, replicas, otherReplicas = [], traffic } = await this.#client.json<View>("GET", PATH);
      if (deploying !== undefined || traffic?.shares !== undefined) return false;
      if (replicas.length !== 1 || replicas[0]?.revision !== revision || !replicas[0].ready) return false;
      return isKept ? otherReplicas.some(({ ready }) => ready) : otherReplicas.length === 0;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
    await this.#server[Symbol.asyncDispose]();
  }
}
