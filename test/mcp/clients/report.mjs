/** Uses the tools of the test's server through a client, and prints what an agent would see. */
export async function report({ version, list, call }) {
  const { tools } = await list();
  const progress = [];
  const steps = await call("steps", {}, ({ progress: value, message }) => progress.push([value, message ?? null]));
  const { structuredContent: sum } = await call("add", { a: 1, b: 2 });
  const invalid = await call("add", { a: "1", b: 2 });
  const failed = await call("fail", {});
  const job = await call("job", { a: 3, b: 4 }, () => {});
  const unknown = await call("nothing", {}).then(
    () => null,
    ({ code }) => code,
  );
  const result = {
    ...{ version, tools: tools.map(({ name }) => name), progress, steps: steps.content[0].text, sum },
    ...{ invalid: [invalid.isError, invalid.content[0].text], failed: [failed.isError, failed.content[0].text] },
    ...{ job: job.structuredContent, unknown },
  };
  process.stdout.write(JSON.stringify(result));
}
