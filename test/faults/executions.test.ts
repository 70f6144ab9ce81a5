import assert from "node:assert/strict";
import { test } from "node:test";
import { SteadyLoad } from "./availability/steady-load.ts";
import { Executions } from "./executions.ts";

/** Reports an execution, as the function does. */
const report = async ({ port }: Executions, id: string) => {
  await (await fetch(`http://127.0.0.1:${port}/${encodeURIComponent(id)}`)).text();
};

test("an execution that is reported after its load has ended is not one of the next load", async () => {
  await using executions = await Executions.start();
  const ids: string[] = [];
  const run = async () => {
    const load = new SteadyLoad(`http://127.0.0.1:${executions.port}/`, { perSecond: 1_000 });
    await load.stop();
    return load;
  };
  const [first, second] = [await run(), await run()];
  for (const load of [first, second]) {
    const own = Array.from({ length: 20 }, (_, n) => `POST l${n}-7`).filter((id) => load.isOwn(id));
    assert.equal(own.length, 1);
    ids.push(own[0] as string);
  }
  const [early = "", late = ""] = ids;
  for (const id of [late, early, early]) await report(executions, id);
  assert.deepEqual(
    executions.repeated((id) => second.isOwn(id)),
    [],
  );
  await report(executions, late);
  assert.deepEqual(
    executions.repeated((id) => second.isOwn(id)),
    [late],
  );
});
