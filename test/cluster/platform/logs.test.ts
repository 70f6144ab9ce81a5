import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Language, LogLine } from "@faas/core";
import { ClusterServer } from "../cluster-server.ts";
import { eventuallyHolds } from "../eventually.ts";

/** Functions that print the path on stdout and a warning on stderr. */
const SOURCES: Partial<Record<Language, string>> = {
  node: `export const handler = ({ path }) => {
  console.log("called", path);
  console.error("something is wrong with", path);
  return path === "/bad" ? { status: 500, body: "bad" } : "fine";
};
`,
  python: `import sys
def handler(event):
    print("called", event["path"])
    print("something is wrong with", event["path"], file=sys.stderr)
    return {"status": 500, "body": "bad"} if event["path"] == "/bad" else "fine"
`,
};

describe("logs of a server with a cluster", { concurrency: 2 }, () => {
  for (const [language, source] of Object.entries(SOURCES) as [Language, string][])
    test(`a call of a ${language} function is found by its X-Request-Id alone, also after a restart of the server`, async () => {
      await using server = await ClusterServer.start();
      const key = `${server.org()}/logged`;
      await server.serve(key, source, { replicas: 1 }, language);
      await server.text(key);
      const response = await server.request(`${key}/bad?token=secret`);
      assert.equal(response.status, 500);
      const requestId = response.headers.get("x-request-id");
      const found = (query: string) => server.logs(key, `?access=true&${query}`);
      const stored = (lines: readonly LogLine[]) => lines.map(({ stream, line, requestId: id }) => [stream, line, id]);
      const lines = await eventuallyHolds(
        "all lines of the call",
        () => found(`requestId=${requestId}`),
        (all) => all.length === 3,
      );
      const access = lines.find(({ stream }) => stream === "access");
      assert.deepEqual([access?.access?.method, access?.access?.path, access?.access?.status], ["GET", "/bad", 500]);
      assert.deepEqual(stored(lines.filter(({ stream }) => stream !== "access")).sort(), [
        ["stderr", "something is wrong with /bad", requestId],
        ["stdout", "called /bad", requestId],
      ]);
      assert.deepEqual(await found("status=5xx"), [access]);
      await server.stop();
      await server.start();
      await server.text(key);
      await eventuallyHolds(
        "the lines of three calls",
        () => found(""),
        (all) => all.length === 9,
      );
      assert.deepEqual(await found(`requestId=${requestId}`), lines);
    });
});
