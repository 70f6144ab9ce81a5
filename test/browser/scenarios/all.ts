import { asyncCalls } from "./async-calls.ts";
import { connection } from "./connection.ts";
import { endpoint } from "./endpoint.ts";
import type { Scenarios } from "./scenario.ts";
import { signIn } from "./sign-in.ts";
import { traces } from "./traces.ts";

/** All scenarios, in the order in which they run: the last ones restart the server. */
export const scenarios: Scenarios = { ...signIn, ...endpoint, ...traces, ...asyncCalls, ...connection };
