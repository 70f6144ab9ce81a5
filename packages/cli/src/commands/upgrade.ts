import type { Command } from "commander";
import type { Io } from "../terminal/io.ts";
import { defineInstall } from "./install.ts";

/** The same as `faas install`, where an installation has to be there. */
export const define = (command: Command, io: Io): void => defineInstall(command, io, true);
