import type { Option } from "commander";
import { optionWithLaterDefault } from "./value-parsers.ts";

/** Values of the options about the endpoints' logs. */
export interface LogSettings {
  readonly accessLog?: "on" | "off";
  readonly logRequestIds?: "on" | "off";
}

/** Creates the options about the endpoints' logs, for `faas up` and `faas install`. */
export const logOptions = (): readonly Option[] => [
  onOff("--access-log <on|off>", "Record a line for each call in the log of its endpoint"),
  onOff("--log-request-ids <on|off>", "Store with each printed line the id of the call that printed it"),
];

const onOff = (flags: string, description: string) =>
  optionWithLaterDefault(flags, description, "on").choices(["on", "off"]);
