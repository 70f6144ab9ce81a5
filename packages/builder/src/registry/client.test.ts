import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { refuse, registryStandIn, wantsLogin } from "../testing/test-registry.ts";
import { findManifest, type RegistryAccess } from "./client.ts";

const manifest = JSON.stringify({ schemaVersion: 2, config: { digest: "sha256:c0" } });
const digest = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;

/** `acme/invert:1`, and nothing else. */
function answer(incoming: IncomingMessage, response: ServerResponse): boolean {
  if (incoming.url !== "/v2/acme/invert/manifests/1") return false;
  response.setHeader("Content-Type", "application/vnd.oci.image.manifest.v1+json").end(manifest);
  return true;
}

function at(host: string, login?: string): RegistryAccess {
  const [username = "", password = ""] = login?.split(":") ?? [];
  return { host, repository: "acme/invert", credentials: login ? { username, password } : undefined, env: {} };
}

test("a manifest that is there, by its digest and its configuration's; one that is not", async (t) => {
  const { address } = await registryStandIn(t, { answer });
  assert.deepEqual(await findManifest(at(address), "1"), { digest, configDigest: "sha256:c0" });
  assert.equal(await findManifest(at(address), "2"), undefined);
});

test("a password: without one it is said what to do; with the right one it is found; a wrong one is the push's business", async (t) => {
  const login = wantsLogin("ann", "secret");
  const { address } = await registryStandIn(t, { answer: (...each) => login(...each) || answer(...each) });
  await assert.rejects(findManifest(at(address), "1"), {
    code: "REGISTRY_DENIED",
    message: `The registry ${address} wants a login for acme/invert (authentication required), and Docker has none. Log in: docker login ${address}`,
  });
  const found = await findManifest(at(address, "ann:secret"), "1");
  assert.equal(found?.digest, digest);
  assert.equal(await findManifest(at(address, "ann:wrong"), "1"), undefined);
});

test("a token: asked for where the registry says, for what it says, with the login", async (t) => {
  const tokens: (string | undefined)[] = [];
  const { address, requests } = await registryStandIn(t, {
    answer(incoming, response) {
      if (incoming.url?.startsWith("/token?")) {
        tokens.push(incoming.headers.authorization);
        response.setHeader("Content-Type", "application/json").end('{"token":"t0k3n"}');
        return true;
      }
      if (incoming.headers.authorization === "Bearer t0k3n") return answer(incoming, response);
      const scope = 'scope="repository:acme/invert:pull"';
      const challenge = `Bearer realm="http://${address}/token",service="stand-in",${scope}`;
      refuse(response, 401, "UNAUTHORIZED", "authentication required", { "WWW-Authenticate": challenge });
      return true;
    },
  });
  const found = await findManifest(at(address, "ann:secret"), "1");
  assert.equal(found?.digest, digest);
  assert.deepEqual(tokens, [`Basic ${Buffer.from("ann:secret").toString("base64")}`]);
  assert.equal(requests[1], "GET /token?service=stand-in&scope=repository%3Aacme%2Finvert%3Apull");
});

test("403, 500 and a connection that breaks leave it to the push", async (t) => {
  const { address } = await registryStandIn(t, {
    answer(incoming, response) {
      if (incoming.url?.includes("broken")) incoming.socket.destroy();
      else refuse(response, incoming.url?.includes("denied") ? 403 : 500, "DENIED", "no");
      return true;
    },
  });
  for (const repository of ["denied", "failed", "broken"])
    assert.equal(await findManifest({ ...at(address), repository }, "1"), undefined);
});

test("an abort ends a question that is not answered", async (t) => {
  const { address } = await registryStandIn(t, { answer: () => true });
  const aborting = new AbortController();
  const asked = findManifest({ ...at(address), signal: aborting.signal }, "1");
  setImmediate(() => aborting.abort(new Error("enough")));
  await assert.rejects(asked, /enough/);
});
