import type { EndpointSpec } from "@faas/core";
import { PORT } from "./labels.ts";

/**
 * Shell that runs a command and sends SIGTERM to all processes of the container. Process 1 ignores signals that it does not handle, and neither a shell nor
 * a package manager passes them on. These end at once; the container has to outlive them, because its end kills the server below them.
 */
const FORWARD = [
  "trap 'term=1; kill -TERM -1' TERM",
  '"$@" & child=$!',
  'wait "$child"; code=$?',
  'if [ "$term" ]; then',
  // A signal interrupts the wait.
  '  while [ "$term" ]; do term=; wait "$child"; code=$?; done',
  "  while kill -0 -1 2> /dev/null; do sleep 0.1; done",
  "fi",
  'exit "$code"',
].join("\n");

/** Returns the container's command for a server; undefined to run that of the image. */
export function serverCommand({ app, command, runtime }: EndpointSpec): string[] | undefined {
  if (app !== "server" || command === undefined) return undefined;
  // The image of a Dockerfile may have no shell.
  return runtime === "dockerfile" ? [...command] : ["/bin/sh", "-c", FORWARD, "faas", ...command];
}

/**
 * Returns the shell command that waits, before SIGTERM, until all connections to a server are closed: it knows nothing of draining. The gateway closes idle
 * ones at once, and the others when their calls have ended.
 *
 * @param firstSeconds time in which a call may still arrive
 * @param maxSeconds longest time for the calls after that
 */
export function drainCommand(firstSeconds: number, maxSeconds: number): string[] {
  const port = PORT.toString(16).toUpperCase().padStart(4, "0");
  // proc_net_tcp: number, local and remote address, state 01 of established connections.
  const isConnected = `grep -qE '^ *[0-9]+: [0-9A-F]+:${port} [0-9A-F]+:[0-9A-F]+ 01 ' /proc/net/tcp /proc/net/tcp6`;
  const script = `sleep ${firstSeconds}; i=0; while [ $i -lt ${maxSeconds * 5} ] && ${isConnected}; do sleep 0.2; i=$((i+1)); done`;
  return ["/bin/sh", "-c", script];
}
