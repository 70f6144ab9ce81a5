import type { Call } from "../call.ts";

/** Function of another platform. It answers a call by itself, or its result is sent like that of a handler. */
export type Responder = (call: Call) => unknown;
