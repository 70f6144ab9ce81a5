import { exec } from "node:child_process";
import { promisify } from "node:util";
import { kubectl } from "./kubectl.ts";

const shell = promisify(exec);

/** Ways to lose a node, and to get it back. */
export type NodeLoss = "unplug" | "kill";

/** A node of the cluster that tests may disconnect or turn off: its name, and the shell commands that do so. */
export class SecondNode {
  readonly name: string;
  readonly #commands: Readonly<Record<string, string>>;

  private constructor({ name = "", ...commands }: Readonly<Record<string, string>>) {
    this.name = name;
    this.#commands = commands;
  }

  /** Reads `FAAS_FAULTS_SECOND_NODE`; `undefined` if it is not set. */
  static fromEnvironment(): SecondNode | undefined {
    const text = process.env.FAAS_FAULTS_SECOND_NODE;
    return text === undefined ? undefined : new SecondNode(JSON.parse(text));
  }

  /** Cuts the node's network (`unplug`) or its power (`kill`). The returned object gives it back. */
  async lose(loss: NodeLoss): Promise<AsyncDisposable> {
    await this.#run(loss);
    return { [Symbol.asyncDispose]: () => this.#run(loss === "unplug" ? "plug" : "start") };
  }

  async isReady(): Promise<boolean> {
    const path = '{.status.conditions[?(@.type=="Ready")].status}';
    return (await kubectl("get", "node", this.name, `--output=jsonpath=${path}`)) === "True";
  }

  async #run(action: string): Promise<void> {
    const command = this.#commands[action];
    if (command === undefined) throw new Error(`FAAS_FAULTS_SECOND_NODE has no command "${action}"`);
    await shell(command);
  }
}
