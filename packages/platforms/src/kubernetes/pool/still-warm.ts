import { request } from "node:http";
import { PORT } from "../reconcile/manifests/labels.ts";

const TIMEOUT_MS = 2_000;

/** Asks a warm pod whether it still waits for a function. False if it does not, or does not respond. */
export function isStillWarm(host: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
    const outgoing = request({ host, port: PORT, path: "/-/ready", agent: false, signal: limit }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (text += chunk));
      response.once("error", () => resolve(false));
      response.once("end", () => resolve(response.statusCode === 200 && text.includes('"warm"')));
    });
    outgoing.once("error", () => resolve(false));
    outgoing.end();
  });
}
