import assert from "node:assert/strict";
import { test } from "node:test";
import { tempDir } from "@faas/testing";
import { runHere } from "../testing/test-cli.ts";

/** Wrong usage, which is reported before a build or a request. */

const cwd = tempDir("deploy");
const NO_SERVER = { FAAS_SERVER: "http://127.0.0.1:1" };

const ref = ["--org", "acme", "--endpoint", "x"];
for (const [argv, expected] of [
  [[], /Expected --org ORG and --endpoint ENDPOINT, or "org" and "endpoint" in faas\.json/],
  [["--org", "acme"], /Expected --endpoint ENDPOINT, or "endpoint" in faas\.json/],
  [["--org", "Acme!", "--endpoint", "x"], /organization name .* got "Acme!"/],
  [["--org", "system", "--endpoint", "x"], /reserved/],
  [[...ref, "--timeout", "5"], /Expected the `--timeout` option to be a duration such as 300ms, 30s or 5m, got "5"/],
  [
    [...ref, "--idle-timeout", "1ms"],
    /Expected the `--idle-timeout` option to be a duration from 100ms to 30d, got "1ms"/,
  ],
  [[...ref, "--memory", "1Ki"], /Expected the `--memory` option to be a size from 32Mi to 1024Gi, got "1Ki"/],
  [[...ref, "--cpu", "fast"], /Expected the `--cpu` option to be a CPU quantity such as 100m or 0\.5, got "fast"/],
  [[...ref, "--replicas", "-1"], /Expected the `--replicas` option to be a whole number from 0 to 1000, got "-1"/],
  [[...ref, "--handler", "index"], /Expected the `--handler` option to be "file\.export".* got "index"/],
  [[...ref, "--scaler", "magic"], /Expected the `--scaler` option to be one of concurrency, cpu, fixed, got "magic"/],
  [[...ref, "--env", "A"], /Expected the `--env` option to be NAME=value, got "A"/],
  [[...ref, "--env", "PORT=1"], /PORT and names that begin with FAAS_ are set by faas/],
  [[...ref, "--env-file", "gone.env"], /Expected the `--env-file` option to name a file: .*gone\.env/],
  [[...ref, "--image", "a:1"], /`--image` deploys an existing image: omit the folder/],
  [[...ref, "--image", "a b"], /Expected the `--image` option to be an image such as .* got "a b"/],
  [[...ref, "--replicas", "5", "--max-replicas", "2"], /"maxReplicas" to be at least "replicas" \(5\), got 2/],
] as const) {
  test(`wrong usage: deploy ${argv.join(" ")}`, async (t) => {
    const { code, stdout, stderr } = await runHere(t, ["deploy", ".", ...argv], { cwd, env: NO_SERVER });
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, expected);
    assert.match(stderr, /\(USAGE\)/);
  });
}
