import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { eventually } from "@faas/testing";
import { parse } from "yaml";
import { testServer } from "../testing/test-server.ts";

const empty = await testServer();
const server = await testServer();

before(async () => {
  await server.deploy("beta/two", "export const handler = () => 2;\n");
  await server.deploy("acme/one", "export const handler = () => 1;\n");
});

describe("list", () => {
  test("prints a status line and an empty stdout without endpoints", async (t) => {
    const { code, stdout, stderr } = await empty.run(t, ["list"]);
    assert.deepEqual([code, stdout], [0, ""]);
    assert.match(stderr, /No endpoints yet/);
  });

  test("prints an empty list as JSON without endpoints", async (t) => {
    assert.deepEqual(JSON.parse((await empty.run(t, ["list", "--output", "json"])).stdout), []);
  });

  test("prints an aligned table, sorted by name", async (t) => {
    const { stdout, stderr } = await server.run(t, ["list"]);
    assert.equal(stderr, "");
    const [head = "", one = "", two = "", ...rest] = stdout.trimEnd().split("\n");
    assert.deepEqual(rest, []);
    assert.match(one, /^acme +one +ready +1\/10 +node +[0-9a-f]{12} +http/);
    assert.match(two, /^beta +two/);
    assert.equal(head.indexOf("URL"), one.indexOf("http"));
    assert.equal(head.indexOf("URL"), two.indexOf("http"));
  });

  test("prints the endpoints of one organization", async (t) => {
    const { stdout } = await server.run(t, ["list", "acme", "--output", "json"]);
    assert.deepEqual(
      JSON.parse(stdout).map(({ endpoint }: { endpoint: string }) => endpoint),
      ["one"],
    );
  });

  test("prints the same data as JSON and YAML", async (t) => {
    const [json, yaml] = await Promise.all(["json", "yaml"].map((format) => server.run(t, ["list", "-o", format])));
    assert.deepEqual(parse(yaml?.stdout ?? ""), JSON.parse(json?.stdout ?? ""));
  });

  test("suggests an organization for a mistyped one", async (t) => {
    const { code, stdout, stderr } = await server.run(t, ["list", "acne"]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /\(ORG_NOT_FOUND\)\nhint: did you mean "acme"\?/);
  });
});

describe("ps", () => {
  test("prints a line per running replica", async (t) => {
    const { code, stdout } = await server.run(t, ["ps"]);
    assert.equal(code, 0);
    const [head = "", ...rows] = stdout.trimEnd().split("\n");
    assert.match(head, /^ORG +ENDPOINT +REPLICA +READY +REVISION +IN FLIGHT +CPU LIMIT$/);
    assert.deepEqual(
      rows.map((row) =>
        row
          .replace(/ +/g, " ")
          .replace(/[0-9a-f]{12}/, "REVISION")
          .replace(/-[0-9a-f]{8}/, "-ID"),
      ),
      ["acme one one-ID yes REVISION 0", "beta two two-ID yes REVISION 0"],
    );
  });

  test("prints the replicas of an organization or an endpoint", async (t) => {
    for (const target of ["beta", "beta/two"]) {
      const { stdout } = await server.run(t, ["ps", target, "-o", "json"]);
      const replicas = JSON.parse(stdout);
      assert.deepEqual([replicas.length, replicas[0].endpoint, replicas[0].ready], [1, "two", true]);
    }
  });

  test("explains that no replica runs", async (t) => {
    const { code, stdout, stderr } = await empty.run(t, ["ps"]);
    assert.deepEqual([code, stdout], [0, ""]);
    assert.match(stderr, /No replicas are running/);
  });
});

describe("open", () => {
  /** Writes a program as the browser. It writes its arguments to a file. */
  async function browser() {
    const [program, opened] = ["browser", "opened"].map((name) => join(server.folder, name)) as [string, string];
    await rm(opened, { force: true });
    await writeFile(program, `#!/bin/sh\necho "$@" > "${opened}.tmp" && mv "${opened}.tmp" "${opened}"\n`, {
      mode: 0o755,
    });
    const seen = () => eventually("the browser has started", () => readFile(opened, "utf8").catch(() => undefined));
    return { env: { BROWSER: program }, seen };
  }

  for (const [target, path] of [
    ["acme/one", "/acme/one"],
    ["acme/one/a/b?c=d e", "/acme/one/a/b?c=d%20e"],
  ] as const) {
    test(`opens and prints the address of ${target}`, async (t) => {
      const { env, seen } = await browser();
      const { code, stdout, stderr } = await server.run(t, ["open", target], { env });
      assert.deepEqual([code, stdout, stderr], [0, `${server.url}${path}\n`, ""]);
      assert.equal(await seen(), `${server.url}${path}\n`);
    });
  }

  test("prints the address where no browser can be started", async (t) => {
    const { code, stdout, stderr } = await server.run(t, ["open", "acme/one"], { env: { BROWSER: "/no/browser" } });
    assert.deepEqual([code, stdout], [0, `${server.url}/acme/one\n`]);
    assert.match(stderr, /^Cannot start a browser with "\/no\/browser"/);
  });

  test("fails for an endpoint that does not exist", async (t) => {
    const { code, stdout } = await server.run(t, ["open", "acme/none"], { env: { BROWSER: "/no/browser" } });
    assert.deepEqual([code, stdout], [1, ""]);
  });
});

describe("describe", () => {
  test("prints a line per setting and replica", async (t) => {
    const { code, stdout } = await server.run(t, ["describe", "acme/one"]);
    assert.equal(code, 0);
    for (const line of [/^endpoint +acme\/one$/m, /^phase +ready$/m, /^timeout +30s$/m, /^\S+ +yes +[0-9a-f]{12} +0$/m])
      assert.match(stdout, line);
  });

  test("prints the failure of the newest deployment", async (t) => {
    const folder = await server.source("acme-one", 'console.log("trying");\nthrow new Error("no database");\n');
    await server.run(t, ["deploy", folder, "--org", "acme", "--endpoint", "one"]);
    const { stdout } = await server.run(t, ["describe", "acme/one"]);
    assert.match(stdout, /^phase +ready$/m);
    assert.match(stdout, /failure of revision [0-9a-f]{12}: FUNCTION_LOAD_FAILED\n.*no database/);
    assert.match(stdout, /^ {2}trying$/m);
  });

  test("suggests an endpoint for a mistyped one, and exits 1", async (t) => {
    const { code, stdout, stderr } = await server.run(t, ["describe", "acme/on"]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /did you mean "acme\/one"/);
  });
});
