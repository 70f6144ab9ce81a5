/**
 * Source of a function that loads for `LOAD_MS` and responds with the call's id and the name of its endpoint after `TAKES_MS`. It reports each POST to the
 * server at `COUNTER` first. /fill uses memory until the process is ended, and /exit ends it.
 */
export const NAMED_FUNCTION = `const pause = (ms) => new Promise((done) => setTimeout(done, ms));
await pause(Number(process.env.LOAD_MS ?? 0));
export const handler = async ({ method, path, headers }) => {
  if (path === "/exit") process.reallyExit(9);
  const all = [];
  while (path === "/fill") all.push(Buffer.alloc(2 ** 24, 1));
  const id = headers["x-call"] ?? "";
  if (method === "POST" && process.env.COUNTER) await fetch(process.env.COUNTER + "/" + id);
  await pause(Number(process.env.TAKES_MS ?? 0));
  return id + " " + process.env.NAME;
};
`;
