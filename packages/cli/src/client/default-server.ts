import { DEFAULT_PORT } from "@faas/core/default-port";

/** URL of the control server when neither an option, the environment nor `faas.json` has one. */
export const DEFAULT_SERVER = `http://127.0.0.1:${DEFAULT_PORT}`;
