import { spawn } from "node:child_process";
import { once } from "node:events";
import { kubectl } from "./kubectl.ts";

const TABLE = "faas-faults";

/** A cut in the network of this machine, which is a node of the cluster: packets are dropped without a response until it is disposed of. */
export class NetworkCut implements AsyncDisposable {
  private constructor() {}

  /** Drops packets between two groups of addresses, in both directions. */
  static async between(some: readonly string[], others: readonly string[]): Promise<NetworkCut> {
    const [left, right] = [setOf(some), setOf(others)];
    await nft(tableOf([`ip saddr ${left} ip daddr ${right} drop`, `ip saddr ${right} ip daddr ${left} drop`]));
    return new NetworkCut();
  }

  /** Drops packets from these addresses to the API server. */
  static async fromApiServer(addresses: readonly string[]): Promise<NetworkCut> {
    // The port of its endpoints: the Service's address has been translated when a packet gets here.
    const slices = ["get", "endpointslices", "--namespace=default", "--selector=kubernetes.io/service-name=kubernetes"];
    const port = await kubectl(...slices, "--output=jsonpath={.items[0].ports[0].port}");
    await nft(tableOf([`ip saddr ${setOf(addresses)} tcp dport ${port} drop`]));
    return new NetworkCut();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await nft(`delete table ip ${TABLE}`);
  }
}

const setOf = (addresses: readonly string[]) => `{ ${addresses.join(", ")} }`;

/** Returns a table that replaces an earlier one of the same name. Its rules come first, so that they end established connections too. */
function tableOf(rules: readonly string[]): string {
  const chain = (hook: string) => `chain ${hook} {\n type filter hook ${hook} priority -300\n ${rules.join("\n ")}\n}`;
  return `table ip ${TABLE}\ndelete table ip ${TABLE}\ntable ip ${TABLE} {\n${chain("forward")}\n${chain("input")}\n}\n`;
}

async function nft(rules: string): Promise<void> {
  const child = spawn("nft", ["-f", "-"], { stdio: ["pipe", "inherit", "pipe"] });
  let text = "";
  child.stderr.setEncoding("utf8").on("data", (chunk) => (text += chunk));
  child.stdin.end(rules);
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`nft ended with ${code}: ${text}`);
}
