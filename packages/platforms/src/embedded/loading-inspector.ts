import { randomBytes } from "node:crypto";
import { request } from "node:http";
import type { Duplex } from "node:stream";
import type { EndpointSpec } from "@faas/core";
import { runtimeCommand } from "../common/runtime-command.ts";

/** Lines that Node prints about its debugger. */
const DEBUGGER_LINE =
  /^(?:Debugger (?:listening on|ending on|attached)|For help, see: https?:\/\/nodejs\.org\/|Waiting for the debugger to disconnect)/;
const ADDRESS = /^Debugger listening on ws:\/\/127\.0\.0\.1:(\d+)(\/[-0-9a-f]+)$/;
/** Frame of a stack: a name or nothing, and a file with its line. */
const FRAME = /^ +at (?:async )?(?:(.+?) \()?(?:file:\/\/)?(\/.+?):(\d+)(?::\d+)?\)?$/;
const WRAPPER = "/.interface.mjs";
const TIMEOUT_MS = 10_000;
/** Maximum size of a response: the function's process is not trusted. */
const MAX_RESPONSE_BYTES = 64 * 1024;

/**
 * Finds where a Node process is, also in an endless loop: SIGUSR1 starts its inspector, which interrupts JavaScript to evaluate an expression. Costs
 * nothing before, in contrast to anything that the process itself could do.
 */
export class LoadingInspector {
  readonly #onLocation: (location: string) => void;
  #isConnecting = false;

  /** @param onLocation receives the user's innermost line; not called if no user's code is running */
  constructor(pid: number, onLocation: (location: string) => void) {
    this.#onLocation = onLocation;
    try {
      process.kill(pid, "SIGUSR1");
    } catch {} // It has ended.
  }

  /** Returns true for a line that Node prints because of the inspection, which does not belong to the function's log. */
  handles(line: string): boolean {
    const [, port, path = ""] = ADDRESS.exec(line) ?? [];
    if (port !== undefined && !this.#isConnecting) this.#evaluate(Number(port), path);
    return DEBUGGER_LINE.test(line);
  }

  #evaluate(port: number, path: string): void {
    this.#isConnecting = true;
    const headers = {
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
      "Sec-WebSocket-Version": "13",
    };
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const outgoing = request({ host: "127.0.0.1", port, path, headers, signal, agent: false });
    outgoing.on("upgrade", (_, socket) => this.#converse(socket));
    outgoing.on("error", () => {}); // The process has ended.
    outgoing.end();
  }

  #converse(socket: Duplex): void {
    let received = Buffer.alloc(0);
    socket.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      const text = messageIn(received);
      if (text === undefined && received.length < MAX_RESPONSE_BYTES) return;
      const location = locationIn(text ?? "");
      if (location !== undefined) this.#onLocation(location);
      // Closes the inspector when the loop ends, if it ever does.
      socket.end(message("setImmediate(() => process._debugEnd?.()), 0"));
      socket.removeAllListeners("data").resume();
    });
    socket.write(message("JSON.stringify([process.cwd(), new Error().stack])"));
  }
}

/**
 * Inspects a wrapper that has not finished loading. Returns undefined for a runtime without an inspector: SIGUSR1 would end its process, and the Python
 * wrapper finds the line itself.
 */
export function inspectLoading(
  { runtime }: EndpointSpec,
  pid: number,
  onLocation: (location: string) => void,
): LoadingInspector | undefined {
  return runtimeCommand(runtime).hasInspector ? new LoadingInspector(pid, onLocation) : undefined;
}

/** Builds a WebSocket message (RFC 6455) that evaluates an expression. The mask that a client has to use is zero. */
function message(expression: string): Buffer {
  const payload = Buffer.from(JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression } }));
  const length = Buffer.alloc(2);
  length.writeUInt16BE(payload.length);
  return Buffer.concat([Buffer.of(0x81, 0x80 | 126), length, Buffer.alloc(4), payload]);
}

/** Returns the text of a received message; undefined until it is complete. */
function messageIn(data: Buffer): string | undefined {
  if (data.length < 4) return undefined;
  const short = (data[1] as number) & 0x7f;
  const [start, length] = short === 126 ? [4, data.readUInt16BE(2)] : [2, short];
  return short === 127 || data.length < start + length ? undefined : data.toString("utf8", start, start + length);
}

/** Finds the innermost line of the user's own code, or else of a package, in the response to the evaluation. */
function locationIn(response: string): string | undefined {
  try {
    const [folder, stack] = JSON.parse(JSON.parse(response).result.result.value) as [string, string];
    const frames = stack.split("\n").filter((line) => line.includes(`${folder}/`) && !line.includes(WRAPPER));
    const frame = frames.find((line) => !line.includes("/node_modules/")) ?? frames[0];
    const [, name, file, line] = FRAME.exec(frame ?? "") ?? [];
    if (file === undefined) return undefined;
    return `${decodeURI(file).slice(folder.length + 1)}:${line}${name === undefined ? "" : ` (${name})`}`;
  } catch {
    return undefined;
  }
}
