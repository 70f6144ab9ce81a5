import { spawn } from "node:child_process";
import { once } from "node:events";
import { kubectl } from "./kubectl.ts";

const PREFIX = "faas-faults-";
let cuts = 0;

/** A cut in the network of this machine, which is a node of the cluster: packets are dropped without a response until it is disposed of. */
export class NetworkCut implements AsyncDisposable {
  /** Name of the table with its rules. */
  readonly #table: string;

  private constructor(table: string) {
    this.#table = table;
  }

  /** Drops packets between two groups of addresses, in both directions. */
  static async between(some: readonly string[], others: readonly string[]): Promise<NetworkCut> {
    const [left, right] = [setOf(some), setOf(others)];
    return NetworkCut.#by([`ip saddr ${left} ip daddr ${right} drop`, `ip saddr ${right} ip daddr ${left} drop`]);
  }

  /** Drops packets from these addresses to the API server. */
  static async fromApiServer(addresses: readonly string[]): Promise<NetworkCut> {
    // The port of its endpoints: the Service's address has been translated when a packet gets here.
    const slices = ["get", "endpointslices", "--namespace=default", "--selector=kubernetes.io/service-name=kubernetes"];
    const port = await kubectl(...slices, "--output=jsonpath={.items[0].ports[0].port}");
    return NetworkCut.#by([`ip saddr ${setOf(addresses)} tcp dport ${port} drop`]);
  }

  static async #by(rules: readonly string[]): Promise<NetworkCut> {
    for (const left of await leftTables()) await nft(`delete table ip ${left}`);
    const table = `${PREFIX}${process.pid}-${++cuts}`;
    await nft(tableOf(table, rules));
    return new NetworkCut(table);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await nft(`delete table ip ${this.#table}`);
  }
}

const setOf = (addresses: readonly string[]) => `{ ${addresses.join(", ")} }`;

/** Returns a table whose rules come first, so that they end established connections too. */
function tableOf(table: string, rules: readonly string[]): string {
  const chain = (hook: string) => `chain ${hook} {\n type filter hook ${hook} priority -300\n ${rules.join("\n ")}\n}`;
  return `table ip ${table} {\n${chain("forward")}\n${chain("input")}\n}\n`;
}

/** Lists the tables of processes that were killed before they removed them. */
async function leftTables(): Promise<string[]> {
  const names = [...(await nft("list tables ip")).matchAll(/^table ip (\S+)$/gm)].map(([, name]) => name as string);
  return names.filter((name) => name.startsWith(PREFIX) && !isRunning(Number(name.slice(PREFIX.length).split("-")[0])));
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Runs commands of nft, and returns the output. */
async function nft(commands: string): Promise<string> {
  const child = spawn("nft", ["-f", "-"]);
  const output = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const)
    child[stream].setEncoding("utf8").on("data", (chunk) => (output[stream] += chunk));
  child.stdin.end(commands);
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`nft ended with ${code}: ${output.stderr}`);
  return output.stdout;
}
