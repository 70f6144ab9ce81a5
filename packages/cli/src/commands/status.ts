import type { GatewayInfo, ServerStatus } from "@faas/core";
import type { Command } from "commander";
import { connect } from "../client/connect.ts";
import type { GlobalOptions, Io } from "../terminal/io.ts";
import { columns, type OutputFormat, outputOption, print } from "../terminal/output.ts";

interface Options extends GlobalOptions {
  readonly output: OutputFormat;
}

export function define(command: Command, io: Io): void {
  command.addOption(outputOption()).action(async () => {
    const options = command.optsWithGlobals<Options>();
    const client = await connect(options, io);
    await print(await client.status(), options.output, io, (status) => table(client.url, status));
  });
}

function table(server: string, { version, platform, upSeconds, gateways }: ServerStatus): string {
  const rows = [
    ["server", server],
    ["version", version],
    ["platform", platform],
    ["up", durationOf(upSeconds)],
    ["gateways", gateways.length === 0 ? "in the server's process" : String(gateways.length)],
  ];
  const head = rows.map(([name = "", value]) => `${name.padEnd(8)}  ${value}\n`).join("");
  return gateways.length === 0 ? head : `${head}\n${gatewayTable(gateways)}`;
}

function gatewayTable(gateways: readonly GatewayInfo[]): string {
  const rows = gateways.map(({ name, version, state, viewAgeMs, inFlight, waiting }) => [
    ...[name, version, state],
    viewAgeMs === 0 ? "current" : `${(viewAgeMs / 1000).toFixed(1)} s old`,
    ...[String(inFlight), String(waiting)],
  ]);
  return columns(["GATEWAY", "VERSION", "STATE", "VIEW", "IN FLIGHT", "WAITING"], rows);
}

/** Formats a number of seconds with its two largest units. */
function durationOf(seconds: number): string {
  const units: readonly (readonly [string, number])[] = [
    ["d", 86_400],
    ["h", 3_600],
    ["min", 60],
    ["s", 1],
  ];
  const first = Math.max(
    units.findIndex(([, size]) => seconds >= size),
    0,
  );
  let rest = seconds;
  const parts = units.slice(seconds < 1 ? units.length - 1 : first).map(([unit, size]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return `${count} ${unit}`;
  });
  return parts.slice(0, 2).join(" ");
}
