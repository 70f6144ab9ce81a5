import { execFile } from "node:child_process";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { PROGRAMS_FOLDER } from "../sandbox/landlock.ts";

/**
 * Networks that servers of endpoints listen in (docs/decisions/0027-servers-on-one-machine.md). `private`: one of its own, which only its platform reaches.
 * `loopback`: the addresses 127.0.0.1 and ::1, which all programs on this machine reach. `shared`: whatever address a server binds.
 */
export type NetworkMode = "private" | "loopback" | "shared";

/** Numbers for `server.pl`: of the architecture (linux/audit.h), and of bind(2), connect(2), prctl(2), seccomp(2), unshare(2) and sendmsg(2). */
const NUMBERS: Partial<Record<NodeJS.Architecture, readonly number[]>> = {
  x64: [0xc000003e, 49, 42, 157, 317, 272, 46],
  arm64: [0xc00000b7, 200, 203, 167, 277, 97, 211],
};
const SUPERVISOR = join(PROGRAMS_FOLDER, "server.pl");

/** How servers are separated from the machine's network. */
export class ServerNetwork {
  readonly mode: NetworkMode;
  /** Reason why the network is not private. */
  readonly reason: string | undefined;
  readonly #numbers: string;
  /** Ports of servers without a network of their own. */
  readonly #ports = new Set<number>();

  private constructor(mode: NetworkMode, reason: string | undefined, numbers = "") {
    this.mode = mode;
    this.reason = reason;
    this.#numbers = numbers;
  }

  /** Does not separate servers. */
  static shared(reason: string): ServerNetwork {
    return new ServerNetwork("shared", reason);
  }

  /** Finds the best mode of this machine. */
  static async find(): Promise<ServerNetwork> {
    if (process.platform !== "linux") return ServerNetwork.shared("it needs Linux");
    const numbers = NUMBERS[process.arch]?.join();
    if (numbers === undefined) return ServerNetwork.shared(`faas does not support it on ${process.arch}`);
    const [, mode, reason] = /^(private|loopback|none)(?:: (.*))?\n/.exec(await check(numbers)) ?? [];
    if (mode === "private") return new ServerNetwork(mode, undefined, numbers);
    if (mode === "loopback") return new ServerNetwork(mode, reason, numbers);
    return ServerNetwork.shared(reason ?? "it needs Perl, which is not installed");
  }

  /** Describes the mode, for people. */
  get description(): string {
    const modes = {
      private: "a network for each server",
      loopback: "loopback",
      shared: "every address that they bind",
    };
    return `servers listen in ${modes[this.mode]}${this.reason === undefined ? "" : ` (${this.reason})`}`;
  }

  /** Returns the command that runs a program under the supervisor, or the program's own. */
  command(program: readonly [string, ...string[]]): readonly [string, ...string[]] {
    if (this.mode === "shared") return program;
    return ["perl", SUPERVISOR, this.#numbers, this.mode, "--", ...program];
  }

  /** Reserves a port that nothing listens on. Another program can take it before the server does. */
  takePort(): number {
    for (;;) {
      const listener = createServer().unref().listen(0);
      const port = (listener.address() as AddressInfo).port;
      listener.close();
      if (this.#ports.has(port)) continue;
      this.#ports.add(port);
      return port;
    }
  }

  releasePort(port: number): void {
    this.#ports.delete(port);
  }
}

async function check(numbers: string): Promise<string> {
  try {
    return (await promisify(execFile)("perl", [SUPERVISOR, numbers, "check"], { timeout: 10_000 })).stdout;
  } catch {
    return "";
  }
}
