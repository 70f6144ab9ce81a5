import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { runProgram, tempDir } from "@faas/testing";

/** Folders with programs of the system, such as npm, sh and perl. */
const SYSTEM = ["/usr/local/bin", "/usr/bin", "/bin"];

/** A release that is installed into an empty folder for one Node version, with a home and a data folder of its own. */
export class InstalledProgram implements AsyncDisposable {
  readonly folder = tempDir("release");
  readonly env: NodeJS.ProcessEnv;
  #hasServer = false;

  /** @param node path of the Node that runs the program */
  constructor(node: string) {
    const path = [join(this.folder, "global/bin"), dirname(node), ...SYSTEM].join(":");
    const home = join(this.folder, "home");
    this.env = { PATH: path, HOME: home, FAAS_DATA: join(this.folder, "data"), NO_COLOR: "1" };
  }

  /** Installs a tarball as users do, without a registry. */
  async install(tarball: string): Promise<void> {
    await mkdir(this.env.HOME as string);
    const flags = ["--offline", "--no-audit", "--no-fund", "--loglevel", "error"];
    await this.#succeed("npm", ["install", "--global", "--prefix", join(this.folder, "global"), ...flags, tarball]);
  }

  /** Starts a server, which later commands use. */
  async up(): Promise<void> {
    const output = await this.faas(["up", "--detach", "--port", "0"]);
    this.#hasServer = true;
    this.env.FAAS_SERVER = /^http:\S+/m.exec(output)?.[0];
  }

  /** Stops the server. */
  async down(): Promise<void> {
    this.#hasServer = false;
    await this.faas(["down"]);
  }

  /**
   * Runs `faas`, as found on the PATH, and returns its output.
   *
   * @throws Error when the exit code is not 0
   */
  faas(args: readonly string[], cwd = this.folder): Promise<string> {
    return this.#succeed("faas", args, cwd);
  }

  async #succeed(program: string, args: readonly string[], cwd = this.folder): Promise<string> {
    const { code, output } = await runProgram(program, args, { cwd, env: this.env });
    if (code !== 0) throw new Error(`${program} ${args.join(" ")} ended with exit code ${code}: ${output}`);
    return output;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#hasServer) await this.down();
  }
}
