import { describe } from "node:test";
import type { FaultOptions, Run } from "./part.ts";
import { run as badDisk } from "./parts/bad-disk.ts";
import { killOn } from "./parts/kill-replicas.ts";
import { run as killServer } from "./parts/kill-server.ts";
import { rollOn } from "./parts/roll.ts";
import { testShortForm } from "./short.ts";

const rowsOf = (run: Run) => async (options: FaultOptions) => (await run(options)).rows ?? [];

describe("faults, in short", { concurrency: 2 }, () => {
  testShortForm("kill -9 of the server: what was acknowledged is so afterwards", rowsOf(killServer), 10);
  testShortForm("the same with a disk that fails, or is full", rowsOf(badDisk), 20);
  testShortForm("a replica is killed under load", (options) => killOn("embedded", options), 50);
  testShortForm("deployed, scaled, idle and woken under load", (options) => rollOn("embedded", options), 4);
});
