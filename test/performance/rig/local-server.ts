import { join } from "node:path";
import { FaasProcess, faasProgram, type RunningServer } from "@faas/testing";

/** Tree of the repository, with its build. */
export interface Checkout {
  readonly root: string;
  /** Path of the built CLI. */
  readonly program: string;
}

/** Describes the checkout at a path. */
export const checkoutAt = (root: string): Checkout => ({ root, program: join(root, "packages/cli/bin/faas.js") });

export const root = join(import.meta.dirname, "../../..");

/** The checkout that this file belongs to. */
export const here: Checkout = { root, program: faasProgram };

/** The built `faas up` on a free port, with a data folder of its own. */
export class LocalServer implements AsyncDisposable {
  readonly folder: string;
  readonly url: string;
  readonly pid: number;
  readonly #process: FaasProcess;

  private constructor(process: FaasProcess, { url, pid }: RunningServer) {
    this.#process = process;
    this.folder = process.folder;
    this.url = url;
    this.pid = pid;
  }

  /** @param args additional arguments of `faas up` */
  static async start(args: readonly string[] = [], { program }: Checkout = here): Promise<LocalServer> {
    const process = new FaasProcess({ program });
    try {
      return new LocalServer(process, await process.up({ args }));
    } catch (error) {
      await process[Symbol.asyncDispose]();
      throw error;
    }
  }

  /**
   * Runs a command to its end.
   *
   * @throws Error when the exit code is not 0
   */
  async faas(...args: string[]): Promise<void> {
    await this.#process.succeed(args);
  }

  /** Deploys a function of one file as `acme/<endpoint>`. */
  async deploy(endpoint: string, file: string, source: string, ...settings: string[]): Promise<void> {
    const folder = await this.#process.source(endpoint, { [file]: source });
    await this.faas("deploy", folder, "--org", "acme", "--endpoint", endpoint, ...settings);
  }

  /** Waits until an endpoint has no replica. */
  untilIdle(endpoint: string, org = "acme"): Promise<void> {
    return this.#process.untilIdle(endpoint, org);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
