import { request } from "node:http";
import type { ReadyResponse } from "../../common/ready-probe.ts";
import { PORT } from "../reconcile/manifests/labels.ts";
import type { CodePayload } from "./code-payload.ts";

/** Folder of the code in a pod. */
const FOLDER = "/app";
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

/** The pod did not take the function: it is gone, or was claimed before. */
class ClaimRefused extends Error {}

/**
 * Gives a warm pod its function. Resolves when the function has loaded, or failed to (docs/wrapper-protocol.md, "Warm mode").
 *
 * @throws ClaimRefused
 */
export function sendClaim({ host, token, code, env }: Claim, signal: AbortSignal): Promise<ReadyResponse> {
  const { files, content, digest } = code;
  const head = Buffer.from(`${JSON.stringify({ folder: FOLDER, env, digest, files })}\n`);
  const headers = {
    Authorization: `Bearer ${token}`,
    "Content-Type": "application/octet-stream",
    "Content-Length": head.length + content.length,
  };
  return new Promise((resolve, reject) => {
    const refuse = (reason: string, cause?: unknown) => reject(new ClaimRefused(reason, { cause }));
    const outgoing = request({ host, port: PORT, method: "POST", path: "/-/claim", headers, agent: false, signal });
    const connecting = setTimeout(() => outgoing.destroy(new Error("the pod does not accept connections")), CONNECT_MS);
    outgoing.once("socket", (socket) => {
      socket.setNoDelay();
      socket.once("connect", () => clearTimeout(connecting));
    });
    outgoing.once("close", () => clearTimeout(connecting));
    outgoing.once("error", (error) => refuse(error.message, error));
    outgoing.once("response", (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (text += chunk));
      response.once("error", (error) => refuse(error.message, error));
      response.once("end", () => {
        const { statusCode: status = 0 } = response;
        if (status === 200) return resolve({ ready: true, status, isWrapper: true });
        const { code: problem, detail = text } = parse(text);
        if (problem !== "FUNCTION_LOAD_FAILED") return refuse(`it responded with status ${status}: ${detail}`);
        resolve({ ready: false, status, isWrapper: true, detail });
      });
    });
    // One write: the pod needs both.
    outgoing.end(Buffer.concat([head, content]));
  });
}

function parse(text: string): { readonly code?: string; readonly detail?: string } {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
