import { FaasProcess, type RunningServer, type UpOptions } from "@faas/testing";
import { runHere } from "../../packages/cli/src/testing/test-cli.ts";

/** A server process. Commands run in this process, which is faster than a process for each. */
export class ServerUnderTest implements AsyncDisposable {
  readonly faas: FaasProcess;
  readonly server: RunningServer;

  private constructor(faas: FaasProcess, server: RunningServer) {
    this.faas = faas;
    this.server = server;
  }

  /** Starts a server in an environment that may exist already. */
  static async start(options: UpOptions = {}, faas = new FaasProcess()): Promise<ServerUnderTest> {
    return new ServerUnderTest(faas, await faas.up(options));
  }

  get url(): string {
    return this.server.url;
  }

  run(...argv: readonly string[]) {
    const { folder, env } = this.faas;
    return runHere({ after: () => {} }, argv, {
      cwd: folder,
      env: { HOME: env.HOME as string, FAAS_SERVER: this.url },
    });
  }

  /** Writes a folder with these files, and deploys it as `acme/<name>`. */
  async deploy(name: string, files: Readonly<Record<string, string>>, ...settings: readonly string[]) {
    const folder = await this.faas.source(name, files);
    return this.run("deploy", folder, "--org", "acme", "--endpoint", name, ...settings);
  }

  /** Calls `acme/<name>`. */
  call(name: string, path = "", init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}/acme/${name}${path}`, { signal: AbortSignal.timeout(120_000), ...init });
  }

  /** Calls `acme/<name>` and returns the body. */
  async text(name: string): Promise<string> {
    return (await this.call(name)).text();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.faas[Symbol.asyncDispose]();
  }
}
