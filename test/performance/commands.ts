import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { here, LocalServer } from "./rig/local-server.ts";
import { median, type Row, ratio, timed } from "./rig/table.ts";

/** Measures the CLI itself. */
export async function commands(): Promise<Row[]> {
  return [await version(), await list(), await unchangedDeploy()];
}

async function version(): Promise<Row> {
  const ours: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < 15; i++) {
    bare.push(await timed(() => runNode("-e", "0")));
    ours.push(await timed(() => runNode(here.program, "--version")));
  }
  return ratio("`faas --version`", "`node -e 0`", median(ours), median(bare), 1.5);
}

async function list(): Promise<Row> {
  await using server = await LocalServer.start();
  const ours: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i < 15; i++) {
    bare.push(await timed(() => runNode("-e", "0")));
    ours.push(await timed(() => server.faas("list")));
  }
  return ratio("`faas list`", "`node -e 0`", median(ours), median(bare), 5);
}

async function unchangedDeploy(): Promise<Row> {
  await using server = await LocalServer.start();
  const args = ["deploy", join(here.root, "templates/node/demo-invert"), "--org", "acme", "--endpoint", "same"];
  await server.faas(...args);
  const times: number[] = [];
  for (let i = 0; i < 7; i++) times.push(await timed(() => server.faas(...args)));
  const ms = median(times);
  return {
    measure: "`faas deploy` without changes",
    baseline: "",
    ours: `${ms.toFixed(0)} ms`,
    value: ms,
    goal: 1000,
    unit: "ms",
  };
}

/** Runs Node to its end. */
export async function runNode(...args: string[]): Promise<void> {
  const child = spawn(process.execPath, args, { stdio: "ignore" });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`node ${args.join(" ")} ended with exit code ${code}`);
}
