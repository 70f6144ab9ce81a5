import type { FaultOptions } from "../faults/part.ts";
import { run } from "../faults/parts/queue-nats.ts";
import { testShortForm } from "../faults/short.ts";

testShortForm(
  "kill -9 of a process and of the NATS server loses no acknowledged change of the queue",
  async (options: FaultOptions) => (await run(options)).rows,
  10,
);
