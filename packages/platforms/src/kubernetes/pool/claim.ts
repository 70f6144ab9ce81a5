import { request } from "node:http";
import { type ReadyResponse, readyResponse } from "../../common/ready-probe.ts";
import { untilSilent } from "../pods/silence.ts";
import { PORT } from "../reconcile/manifests/labels.ts";
import { CODE_FOLDER } from "../reconcile/manifests/warm-pod.ts";
import type { CodePayload } from "./code-payload.ts";

/** Time for the pod to accept a connection: it listens already. */
const CONNECT_MS = 2_000;

/** A claim of a warm pod for a function. */
export interface Claim {
  /** Address of the pod. */
  readonly host: string;
  readonly token: string;
  readonly code: CodePayload;
  /** All variables of the function. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Gives a warm pod its function. Resolves when the function has loaded, or failed to (docs/wrapper-protocol.md, "Warm mode"). Rejects if the pod did not take
 * it: the pod is gone, does not respond, or has another one.
 */
export function sendClaim({ host, token, code, env }: Claim, signal: AbortSignal): Promise<ReadyResponse> {
  const { files, content, digest } = code;
  const head = Buffer.from(`${JSON.stringify({ folder: CODE_FOLDER, env, digest, files })}\n`);
  const headers = {
    Authorization: `Bearer ${token}`,
    "Content-Type": "application/octet-stream",
    "Content-Length": head.length + content.length,
  };
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port: PORT, method: "POST", path: "/-/claim", headers, agent: false, signal });
    const connecting = setTimeout(() => outgoing.destroy(new Error("the pod does not accept connections")), CONNECT_MS);
    outgoing.once("socket", (socket) => {
      socket.setNoDelay();
      socket.once("connect", () => clearTimeout(connecting));
    });
    const watching = new AbortController();
    // The loss of its node closes no connection.
    untilSilent({ host, port: PORT }, AbortSignal.any([signal, watching.signal])).then(
      () => outgoing.destroy(new Error("the pod does not respond any more")),
      () => {},
    );
    outgoing.once("close", () => {
      clearTimeout(connecting);
      watching.abort();
    });
    outgoing.once("error", reject);
    outgoing.once("response", (response) => {
      const answered = readyResponse(response, "a claim").then((answer) => {
        if (answer.ready || answer.isWrapper) return answer;
        throw new Error(`it responded with status ${answer.status}: ${answer.detail}`);
      });
      answered.then(resolve, reject);
    });
    // Sent in one piece: the pod cannot begin before it has all of it.
    outgoing.end(Buffer.concat([head, content]));
  });
}
