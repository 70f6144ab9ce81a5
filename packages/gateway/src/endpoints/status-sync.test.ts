import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointStatus } from "@faas/core";
import { StatusSync } from "./status-sync.ts";

const status = (endpoint: string): EndpointStatus => ({ org: "acme", endpoint, revision: "r", replicas: [] });

/** A platform whose watch delivers the lists that the test pushes. */
class ScriptedWatch {
  #lists: (readonly EndpointStatus[])[] = [];
  #wake = () => {};
  ended = false;

  push(list: readonly EndpointStatus[]): void {
    this.#lists.push(list);
    this.#wake();
  }

  async *watch(signal: AbortSignal): AsyncGenerator<readonly EndpointStatus[]> {
    signal.addEventListener("abort", () => this.#wake());
    try {
      while (!signal.aborted || this.#lists.length > 0) {
        const next = this.#lists.shift();
        if (next) yield next;
        else await new Promise<void>((resolve) => (this.#wake = resolve));
      }
    } finally {
      this.ended = true;
    }
  }
}

function synced() {
  const platform = new ScriptedWatch();
  const calls: string[] = [];
  const registry = {
    observe: (list: readonly EndpointStatus[]) => {
      calls.push(`observe ${list.map(({ endpoint }) => endpoint)}`);
      return list.slice(-1);
    },
  };
  const sync = new StatusSync({
    platform,
    registry,
    subscribers: [
      {
        onFirstList: () => calls.push("first list"),
        onStatuses: (changed) => calls.push(`one ${changed.map(({ endpoint }) => endpoint)}`),
      },
      { onStatuses: (changed) => calls.push(`two ${changed.map(({ endpoint }) => endpoint)}`) },
    ],
  });
  return { platform, calls, sync };
}

const nextTurn = () => new Promise((done) => setImmediate(done));

test("the registry takes over each list before subscribers get the changes; the first list is announced once", async () => {
  const { platform, calls, sync } = synced();
  platform.push([status("a"), status("b")]);
  platform.push([status("c")]);
  await using _ = sync;
  sync.start();
  await nextTurn();
  assert.deepEqual(calls, ["observe a,b", "first list", "one b", "two b", "observe c", "one c", "two c"]);
});

test("nothing is delivered after the sync was disposed of, and the watch has ended", async () => {
  const { platform, calls, sync } = synced();
  sync.start();
  await nextTurn();
  const disposed = sync[Symbol.asyncDispose]();
  platform.push([status("late")]);
  await disposed;
  assert.deepEqual(calls, []);
  assert.ok(platform.ended);
});
