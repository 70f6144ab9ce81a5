import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after } from "node:test";

/** A server that functions under test wait for, so that a test decides when a call ends instead of guessing how long it takes. */
export interface Gate {
  /** For the function's environment: `await fetch(process.env.GATE)` waits until the gate is open. */
  readonly url: string;
  /** Resolves when at least this many calls wait at the gate. */
  waiting(count: number): Promise<void>;
  /** Ends all waiting calls, and lets later ones pass. */
  open(): void;
  /** Makes later calls wait again. */
  shut(): void;
}

/** Starts a gate that is shut; it is stopped after the tests of the file. */
export async function startGate(): Promise<Gate> {
  const held = new Set<ServerResponse>();
  const listeners = new Set<() => void>();
  let isOpen = false;
  const server = createServer((_, response) => {
    if (isOpen) return void response.end();
    held.add(response);
    response.once("close", () => held.delete(response));
    for (const listener of listeners) listener();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    waiting(count) {
      return new Promise((resolve) => {
        const check = () => {
          if (held.size < count) return;
          listeners.delete(check);
          resolve();
        };
        listeners.add(check);
        check();
      });
    },
    open() {
      isOpen = true;
      for (const response of held) response.end();
    },
    shut() {
      isOpen = false;
    },
  };
}
