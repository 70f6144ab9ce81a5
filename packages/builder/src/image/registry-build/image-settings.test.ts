import assert from "node:assert/strict";
import { test } from "node:test";
import type { BaseFacts } from "../config.ts";
import type { RegistryBase } from "./base.ts";
import { runtimeVersion } from "./dependency-layer.ts";
import { applyInstructions } from "./image-settings.ts";

test("the first stage of a Dockerfile changes the base's variables in place and sets user and command", () => {
  const base = { Env: ["PATH=/bin", "HOME=/root"], Entrypoint: ["entry"], Cmd: ["sh"] } as BaseFacts["Config"];
  const dockerfile = `ARG BASE
FROM \${BASE} AS environment
RUN true
ENV HOME=/tmp PORT=8080
USER 65532:65532
EXPOSE 8080
ENTRYPOINT []
CMD ["node", "x.mjs"]
FROM environment
ENV PORT=1
`;
  const { Env, Entrypoint, Cmd, User, ExposedPorts } = applyInstructions(base, dockerfile);
  assert.deepEqual(
    { Env, Entrypoint, Cmd, User, ExposedPorts },
    {
      Env: ["PATH=/bin", "HOME=/tmp", "PORT=8080"],
      Entrypoint: undefined,
      Cmd: ["node", "x.mjs"],
      User: "65532:65532",
      ExposedPorts: { "8080/tcp": {} },
    },
  );
});

const versionOf = (runtime: "node" | "python", name: string, Env: string[]) =>
  runtimeVersion(runtime, { name, info: { Config: { Env } } as unknown as RegistryBase["info"] });

test("the version of the runtime is that of the base's variable, else that of its tag", () => {
  assert.equal(versionOf("node", "node:24-slim", ["NODE_VERSION=24.1.0"]), "24.1.0");
  assert.equal(versionOf("node", "registry:5000/team/node:22.3-slim", []), "22.3");
  assert.equal(versionOf("python", "python:3.12-slim@sha256:0", []), "3.12");
  assert.equal(versionOf("python", "registry:5000/own", []), "3.11");
});
