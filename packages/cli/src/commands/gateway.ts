import type { Command } from "commander";
import { addGatewayOptions, type GatewayOptions } from "../gateway-process/options.ts";
import type { Io } from "../terminal/io.ts";

export function define(command: Command, io: Io): void {
  addGatewayOptions(command)
    .addHelpText(
      "after",
      "\nfaas up --gateways and faas install --gateways start gateways; this command is for other setups.",
    )
    .action(async () => {
      const { runGateway } = await import("../gateway-process/run-gateway.ts");
      await runGateway(command.optsWithGlobals<GatewayOptions>(), io);
    });
}
