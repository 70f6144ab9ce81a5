import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { controlProxy, parseControlAddress } from "@faas/gateway";
import { tempDir } from "@faas/testing";
import { sign as signForGitHub } from "@octokit/webhooks-methods";
import { Webhook } from "standardwebhooks";
import { startServer } from "../../server.ts";
import { sendControl } from "../../testing/linked-gateway.ts";
import { checkResponse } from "../../testing/response-check.ts";
import { digestOf, functionBundle, testControl } from "../../testing/test-control.ts";

/** Webhooks through the HTTP interface, from a sender's request to the function. */

const server = await testControl({ auth: true });
const CODE = `
export const handler = ({ method, path, query, headers, rawBody, body }) => ({
  method, path, query, headers, body: Buffer.from(rawBody ?? body ?? "").toString("base64"),
});`;
const bundle = await functionBundle(CODE);
assert.equal((await server.upload(bundle)).status, 201);
const artifact = { kind: "bundle", digest: digestOf(bundle) };
const SECRET = `whsec_${Buffer.from("a secret of 24 characters").toString("base64")}`;
await server.send("PUT", "/-/orgs/acme", {});
assert.equal((await server.send("PUT", "/-/orgs/acme/secrets/HOOK", { value: SECRET })).status, 201);

const hook = (name: string, provider: string, path?: string) => ({
  name,
  provider,
  secret: "HOOK",
  ...(path && { path }),
});

async function register(endpoint: string, hooks: readonly object[], settings: object = {}) {
  return server.send("PUT", `/-/orgs/acme/endpoints/${endpoint}`, {
    artifact,
    settings: { replicas: 0, hooks, ...settings },
  });
}

const created = await register("hooks", [
  hook("code", "github", "/pushed?from=github"),
  hook("payments", "stripe"),
  hook("chat", "slack"),
  hook("mail", "standard"),
  hook("lab", "token"),
]);
assert.equal(created.status, 201, JSON.stringify(created.body));

/** Sends a request as a service does: without a key of the server. */
async function deliver(path: string, headers: Record<string, string>, body: string | Buffer) {
  const response = await fetch(`${server.url}/-/hooks/${path}`, {
    method: "POST",
    headers,
    body: typeof body === "string" ? body : new Uint8Array(body),
  });
  const text = await response.text();
  const contentType = response.headers.get("content-type") ?? "";
  checkResponse({ method: "POST", path: `/-/hooks/${path}`, status: response.status, contentType, text });
  // biome-ignore lint/suspicious/noExplicitAny: each test knows its fields
  const json: any = text.startsWith("{") ? JSON.parse(text) : undefined;
  return { status: response.status, text, json, retryAfter: response.headers.get("retry-after") };
}

/** Waits for the call, and returns the request that the function got. */
async function received(id: string) {
  const { body } = await server.send("GET", `/-/orgs/acme/calls/${id}?wait=30s`);
  assert.equal(body.state, "completed", JSON.stringify(body));
  const response = await fetch(`${server.url}/-/orgs/acme/calls/${id}/response`, {
    headers: { authorization: `Bearer ${server.adminToken}` },
  });
  // biome-ignore lint/suspicious/noExplicitAny: each test knows its fields
  const request: any = await response.json();
  return { ...request, body: Buffer.from(request.body, "base64").toString() };
}

const hmac = (text: string) => createHmac("sha256", SECRET).update(text).digest("hex");
const seconds = (ms = Date.now()) => String(Math.floor(ms / 1_000));
// Whitespace and escapes that a parser would not keep.
const BODY = '{ "id" : "evt_1", "n": 1.50, "s": "\\u00e9 🎈" }\n';

const gitHub = async (body: string, more: Record<string, string> = {}) => ({
  "Content-Type": "application/json",
  "X-GitHub-Event": "push",
  "X-Hub-Signature-256": await signForGitHub(SECRET, body),
  ...more,
});

const slack = (body: string, time = seconds()) => ({
  "Content-Type": "application/json",
  "X-Slack-Request-Timestamp": time,
  "X-Slack-Signature": `v0=${hmac(`v0:${time}:${body}`)}`,
});

describe("a webhook of GitHub", () => {
  test("reaches the function as it was sent, at the hook's path", async () => {
    const { status, json } = await deliver("acme/code?a=b", await gitHub(BODY, { "X-GitHub-Delivery": "d-1" }), BODY);
    assert.equal(status, 202);
    const request = await received(json.id);
    assert.deepEqual([request.method, request.path, request.body], ["POST", "/pushed", BODY]);
    assert.deepEqual({ ...request.query }, { from: "github", a: "b" });
    const { headers } = request;
    assert.equal(headers["x-github-event"], "push");
    assert.equal(headers["x-github-delivery"], "d-1");
    assert.equal(headers["content-type"], "application/json");
    // A function that verifies the signature itself still can.
    assert.equal(headers["x-hub-signature-256"], await signForGitHub(SECRET, BODY));
  });

  test("that is sent again is not delivered again", async () => {
    const headers = await gitHub(BODY, { "X-GitHub-Delivery": "d-2" });
    const first = await deliver("acme/code", headers, BODY);
    const second = await deliver("acme/code", headers, BODY);
    assert.deepEqual([second.status, second.json], [202, { id: first.json.id, duplicate: true }]);
  });

  test("with a ping is answered, and not delivered", async () => {
    const before = (await server.send("GET", "/-/orgs/acme/calls")).body.calls.length;
    const ping = await deliver("acme/code", await gitHub("{}", { "X-GitHub-Event": "ping" }), "{}");
    assert.deepEqual([ping.status, ping.text], [200, "pong\n"]);
    assert.equal((await server.send("GET", "/-/orgs/acme/calls")).body.calls.length, before);
  });

  test("with a wrong signature is rejected", async () => {
    const { status, json } = await deliver("acme/code", await gitHub(`${BODY} `), BODY);
    assert.deepEqual([status, json.code], [401, "HOOK_SIGNATURE_INVALID"]);
  });
});

test("a webhook of Stripe is delivered once for each event", async () => {
  const send = (body: string, time = seconds()) =>
    deliver("acme/payments", { "Stripe-Signature": `t=${time},v1=${hmac(`${time}.${body}`)}` }, body);
  const first = await send(BODY);
  assert.equal(first.status, 202);
  assert.equal((await received(first.json.id)).body, BODY);
  // Each attempt of Stripe has another time and signature.
  assert.equal((await send(BODY, seconds(Date.now() - 2_000))).json.duplicate, true);
  assert.equal((await send(BODY.replace("evt_1", "evt_2"))).json.duplicate, undefined);
  const old = await send(BODY, seconds(Date.now() - 400_000));
  assert.deepEqual([old.status, old.json.code], [401, "HOOK_SIGNATURE_INVALID"]);
  assert.match(old.json.detail, /seconds old/);
});

describe("a webhook of Slack", () => {
  test("with the question for the URL gets its challenge", async () => {
    const body = JSON.stringify({ type: "url_verification", challenge: "3eZbrw1a" });
    const { status, text } = await deliver("acme/chat", slack(body), body);
    assert.deepEqual([status, text], [200, "3eZbrw1a"]);
    const forged = await deliver("acme/chat", { ...slack(body), "X-Slack-Signature": `v0=${hmac("other")}` }, body);
    assert.equal(forged.status, 401);
  });

  test("gets an empty response, and reaches the function once", async () => {
    const body = JSON.stringify({ type: "event_callback", event_id: "Ev1" });
    assert.deepEqual(Object.values(await deliver("acme/chat", slack(body), body)).slice(0, 2), [200, ""]);
    await deliver("acme/chat", slack(body, seconds(Date.now() - 1_000)), body);
    // A command has no id: only its signature.
    const command = { ...slack("command=%2Fdeploy"), "Content-Type": "application/x-www-form-urlencoded" };
    await deliver("acme/chat", command, "command=%2Fdeploy");
    await deliver("acme/chat", command, "command=%2Fdeploy");
    const { calls } = (await server.send("GET", "/-/orgs/acme/calls?endpoint=hooks")).body;
    const bodies = await Promise.all(calls.map(async ({ id }: { id: string }) => (await received(id)).body));
    assert.equal(bodies.filter((each) => each === body).length, 1);
    assert.equal(bodies.filter((each) => each === "command=%2Fdeploy").length, 1);
  });
});

test("a webhook of the Standard Webhooks library is delivered, and recognized by its id", async () => {
  const now = new Date();
  const headers = (id: string) => ({
    "webhook-id": id,
    "webhook-timestamp": seconds(now.getTime()),
    "webhook-signature": new Webhook(SECRET).sign(id, now, BODY),
  });
  const first = await deliver("acme/mail", headers("msg_1"), BODY);
  assert.equal((await received(first.json.id)).body, BODY);
  assert.equal((await deliver("acme/mail", headers("msg_1"), BODY)).json.duplicate, true);
  assert.equal((await deliver("acme/mail", headers("msg_2"), BODY)).json.duplicate, undefined);
  const swapped = { ...headers("msg_3"), "webhook-id": "msg_4" };
  assert.equal((await deliver("acme/mail", swapped, BODY)).status, 401);
});

test("a token does not reach the function", async () => {
  const { status, json } = await deliver("acme/lab", { "X-Gitlab-Token": SECRET, "X-Gitlab-Event": "Push Hook" }, BODY);
  assert.equal(status, 202);
  const { headers, body } = await received(json.id);
  assert.deepEqual([headers["x-gitlab-event"], headers["x-gitlab-token"], body], ["Push Hook", undefined, BODY]);
  assert.equal((await deliver("acme/lab", { Authorization: "Bearer wrong" }, BODY)).status, 401);
});

test("a gateway in another process passes on headers and bytes as they came", async (t) => {
  const dataDir = join(tempDir("hooks"), "data");
  const control = await startServer({ dataDir, port: 0, logLevel: "silent", auth: false, gateways: {} });
  t.after(() => control.stop());
  await sendControl(control, "PUT", `/-/bundles/${artifact.digest}`, bundle);
  await sendControl(control, "PUT", "/-/orgs/acme/secrets/HOOK", { value: SECRET });
  const settings = { replicas: 0, hooks: [hook("code", "github")] };
  await sendControl(control, "PUT", "/-/orgs/acme/endpoints/x", { artifact, settings });
  const address = parseControlAddress(control.gateways?.control ?? "");
  const gateway = createServer(controlProxy({ address })).listen(0, "127.0.0.1");
  t.after(() => gateway.close());
  await once(gateway, "listening");
  const body = Buffer.concat([Buffer.from(BODY.repeat(10_000)), Buffer.from([0, 255, 13, 10])]);
  const digest = createHmac("sha256", SECRET).update(body).digest("hex");
  const response = await fetch(`http://127.0.0.1:${(gateway.address() as AddressInfo).port}/-/hooks/acme/code`, {
    method: "POST",
    headers: { "X-Hub-Signature-256": `sha256=${digest}` },
    body: new Uint8Array(body),
  });
  assert.equal(response.status, 202, await response.text());
});

test("requests with a wrong signature are limited, each hook by itself", async () => {
  await register("flooded", [hook("flooded", "github"), hook("calm", "github")]);
  const forged = { "X-Hub-Signature-256": `sha256=${"0".repeat(64)}` };
  const responses = [];
  for (let count = 0; count < 24; count++) responses.push(await deliver("acme/flooded", forged, BODY));
  const { status, json, retryAfter } = responses.at(-1) ?? {};
  assert.deepEqual([status, json.code, retryAfter], [429, "HOOK_LIMITED", "1"]);
  assert.equal((await deliver("acme/flooded", await gitHub(BODY), BODY)).status, 429, "from the same address");
  assert.equal((await deliver("acme/calm", await gitHub(BODY), BODY)).status, 202);
});

test("hooks, organizations and endpoints that do not exist have one problem", async () => {
  const problems = await Promise.all(
    ["acme/none", "nowhere/none", "acme/hooks"].map(async (path) => {
      const { status, json } = await deliver(path, await gitHub(BODY), BODY);
      return [status, json.code, json.detail.replace(/"\w+"/, "")];
    }),
  );
  assert.deepEqual(problems, Array(3).fill([404, "HOOK_NOT_FOUND", "There is no webhook  here"]));
});

test("a body has the limit of the endpoint, and no key of the server is needed or used", async () => {
  await register("small", [hook("small", "github")], { bodyLimit: "1Ki" });
  const body = "x".repeat(1_025);
  const { status, json } = await deliver("acme/small", await gitHub(body), body);
  assert.deepEqual([status, json.code], [413, "BODY_TOO_LARGE"]);
  const key = await deliver("acme/small", { Authorization: `Bearer ${server.adminToken}` }, "x");
  assert.deepEqual([key.status, key.json.code], [401, "HOOK_SIGNATURE_INVALID"]);
});

test("a name of a hook belongs to one endpoint of the organization", async () => {
  const taken = await register("other", [hook("code", "github")]);
  assert.deepEqual([taken.status, taken.problem.code], [409, "HOOK_NAME_TAKEN"]);
  assert.match(taken.problem.detail ?? "", /acme\/hooks/);
  assert.equal((await register("other", [hook("free", "github")])).status, 201);
  await server.send("DELETE", "/-/orgs/acme/endpoints/other");
  assert.equal((await register("another", [hook("free", "github")])).status, 201);
});

test("the secret of a hook has to exist, stays while it is used, and its newest value counts at once", async () => {
  const missing = await register("rotated", [{ ...hook("rotated", "token"), secret: "ROTATED" }]);
  assert.deepEqual([missing.status, missing.problem.code], [404, "SECRET_NOT_FOUND"]);
  const set = (value: string) => server.send("PUT", "/-/orgs/acme/secrets/ROTATED", { value });
  const send = async (token: string) => (await deliver("acme/rotated", { "X-Gitlab-Token": token }, "{}")).status;
  await set("one");
  assert.equal((await register("rotated", [{ ...hook("rotated", "token"), secret: "ROTATED" }])).status, 201);
  assert.deepEqual([await send("one"), await send("two")], [202, 401]);
  const { body } = await set("two");
  assert.deepEqual(body.rolls, [], "the function does not get the secret");
  assert.deepEqual([await send("one"), await send("two")], [401, 202]);
  const removal = await server.send("DELETE", "/-/orgs/acme/secrets/ROTATED");
  assert.deepEqual([removal.status, removal.problem.code], [409, "SECRET_IN_USE"]);
  assert.match(removal.problem.detail ?? "", /faas config acme\/rotated --unset hooks"/);
});
