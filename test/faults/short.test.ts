import { describe } from "node:test";
import type { FaultOptions, Run } from "./part.ts";
import { run as badDisk } from "./parts/bad-disk.ts";
import { killOn } from "./parts/kill-replicas.ts";
import { run as killServer } from "./parts/kill-server.ts";
import { run as queue } from "./parts/queue.ts";
import { rollOn } from "./parts/roll.ts";
import { testShortForm } from "./short.ts";

const rowsOf = (run: Run) => async (options: FaultOptions) => (await run(options)).rows;

describe("faults, in short", { concurrency: 2 }, () => {
  testShortForm("kill -9 of the server loses no acknowledged change", rowsOf(killServer), 10);
  testShortForm("kill -9 of a server whose disk fails or is full loses no acknowledged change", rowsOf(badDisk), 20);
  testShortForm("kill -9 of a process loses no acknowledged change of its queue", rowsOf(queue), 10);
  testShortForm(
    "the death of a replica fails no repeatable call and runs no POST twice",
    (options) => killOn("embedded", options),
    50,
  );
  testShortForm("deployments, scaling and idle timeouts fail no call", (options) => rollOn("embedded", options), 4);
});
