import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { test } from "node:test";
import { requireLogin, respondWithError, startFakeRegistry } from "../testing/fake-registry.ts";
import { findManifest, type RegistryAccess } from "./client.ts";

const manifest = JSON.stringify({ schemaVersion: 2, config: { digest: "sha256:c0" } });
const digest = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;

/** Serves the manifest of `acme/invert:1` alone. */
function serveManifest(incoming: IncomingMessage, response: ServerResponse): boolean {
  if (incoming.url !== "/v2/acme/invert/manifests/1") return false;
  response.setHeader("Content-Type", "application/vnd.oci.image.manifest.v1+json").end(manifest);
  return true;
}

function accessTo(host: string, login?: string): RegistryAccess {
  const [username = "", password = ""] = login?.split(":") ?? [];
  return { host, repository: "acme/invert", credentials: login ? { username, password } : undefined, env: {} };
}

test("finds the digests of an existing manifest, and nothing for a missing one", async (t) => {
  const { address } = await startFakeRegistry(t, { answer: serveManifest });
  assert.deepEqual(await findManifest(accessTo(address), "1"), { digest, configDigest: "sha256:c0" });
  assert.equal(await findManifest(accessTo(address), "2"), undefined);
});

test("advises to log in without a password, uses a correct one, and leaves a wrong one to the push", async (t) => {
  const login = requireLogin("ann", "secret");
  const { address } = await startFakeRegistry(t, { answer: (...each) => login(...each) || serveManifest(...each) });
  await assert.rejects(findManifest(accessTo(address), "1"), {
    code: "REGISTRY_DENIED",
    message: `The registry ${address} requires a login for acme/invert (authentication required), but Docker has none. Log in: docker login ${address}`,
  });
  const found = await findManifest(accessTo(address, "ann:secret"), "1");
  assert.equal(found?.digest, digest);
  assert.equal(await findManifest(accessTo(address, "ann:wrong"), "1"), undefined);
});

test("requests a token with the login, at the realm and for the scope that the registry names", async (t) => {
  const tokens: (string | undefined)[] = [];
  const { address, requests } = await startFakeRegistry(t, {
    answer(incoming, response) {
      if (incoming.url?.startsWith("/token?")) {
        tokens.push(incoming.headers.authorization);
        response.setHeader("Content-Type", "application/json").end('{"token":"t0k3n"}');
        return true;
      }
      if (incoming.headers.authorization === "Bearer t0k3n") return serveManifest(incoming, response);
      const scope = 'scope="repository:acme/invert:pull"';
      const challenge = `Bearer realm="http://${address}/token",service="fake",${scope}`;
      respondWithError(response, 401, "UNAUTHORIZED", "authentication required", { "WWW-Authenticate": challenge });
      return true;
    },
  });
  const found = await findManifest(accessTo(address, "ann:secret"), "1");
  assert.equal(found?.digest, digest);
  assert.deepEqual(tokens, [`Basic ${Buffer.from("ann:secret").toString("base64")}`]);
  assert.equal(requests[1], "GET /token?service=fake&scope=repository%3Aacme%2Finvert%3Apull");
});

test("leaves 403, 500 and a broken connection to the push", async (t) => {
  const { address } = await startFakeRegistry(t, {
    answer(incoming, response) {
      if (incoming.url?.includes("broken")) incoming.socket.destroy();
      else respondWithError(response, incoming.url?.includes("denied") ? 403 : 500, "DENIED", "no");
      return true;
    },
  });
  for (const repository of ["denied", "failed", "broken"])
    assert.equal(await findManifest({ ...accessTo(address), repository }, "1"), undefined);
});

test("an abort ends a pending request", async (t) => {
  const { address } = await startFakeRegistry(t, { answer: () => true });
  const aborting = new AbortController();
  const pending = findManifest({ ...accessTo(address), signal: aborting.signal }, "1");
  setImmediate(() => aborting.abort(new Error("enough")));
  await assert.rejects(pending, /enough/);
});
