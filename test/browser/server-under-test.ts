import assert from "node:assert/strict";
import type { Artifact, OrgScope } from "@faas/core";
import { eventually } from "@faas/testing";

/** Answer of the control API. */
export interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows its fields
  readonly body: any;
}

/** Control server whose page is tested, with an admin key. */
export interface ServerUnderTest {
  readonly url: string;
  readonly adminToken: string;
  /** Organization of the tests, and another one. */
  readonly org: string;
  readonly otherOrg: string;
  /** Builds an artifact of a function in JavaScript that the server can get at. */
  artifact(code: string): Promise<Artifact>;
  /** Ends the control server. */
  stop(): Promise<void>;
  /** Starts the control server again, at the same address. */
  start(): Promise<void>;
}

/** Answers with the path of the request. */
const WORKING = `export const handler = ({ path, query }) => {
  console.log("handling " + path);
  if (path === "/fail") throw new Error("this call fails");
  if (path === "/html") return { status: 200, headers: { "Content-Type": "text/html" }, body: "<h1>not a heading</h1>" };
  return { path, query };
};
`;
const FIXED = 'export const handler = () => "fixed";\n';
const BROKEN = "throw new Error('no database');\n";

/** Sends requests to a server under test, and deploys functions to it. */
export class Client {
  readonly server: ServerUnderTest;
  #working: Promise<Artifact> | undefined;

  constructor(server: ServerUnderTest) {
    this.server = server;
  }

  /** Name of an endpoint of the organization of the tests. */
  name(endpoint: string): string {
    return `${this.server.org}/${endpoint}`;
  }

  async send(method: string, path: string, body?: unknown, token = this.server.adminToken): Promise<Answer> {
    const headers: Record<string, string> = { Authorization: `Bearer ${token}`, Connection: "close" };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(this.server.url + path, { method, headers, ...sent });
    const text = await response.text();
    return { status: response.status, body: text === "" ? undefined : JSON.parse(text) };
  }

  /** Creates a key of the organization, and returns its token. */
  async key(scope: OrgScope): Promise<string> {
    return (await this.changed("POST", `/-/orgs/${this.server.org}/keys`, { scope })).token;
  }

  /** Deploys a function that answers with the path of its request; resolves with the revision when the deployment is accepted. */
  async deploy(name: string, settings: object = {}, others: object = {}): Promise<string> {
    this.#working ??= this.server.artifact(WORKING);
    return this.#put(name, { artifact: await this.#working, settings, ...others });
  }

  /** Deploys a function that never fails, and waits until it serves. */
  async deployFixed(name: string, settings: object = {}): Promise<void> {
    const revision = await this.#put(name, { artifact: await this.server.artifact(FIXED), settings });
    await eventually(`${name} serves ${revision}`, async () => {
      return (await this.send("GET", pathOf(name))).body.revision === revision;
    });
  }

  /** Deploys a function that does not load. */
  async deployBroken(name: string): Promise<string> {
    return this.#put(name, { artifact: await this.server.artifact(BROKEN) });
  }

  /** Sends a request that changes something, and asserts that it does. */
  async changed(method: string, path: string, body?: unknown): Promise<Answer["body"]> {
    const answer = await this.send(method, path, body);
    assert.ok(answer.status < 300, JSON.stringify(answer.body));
    return answer.body;
  }

  /** Waits until an endpoint has a phase. */
  async untilPhase(name: string, phase: string): Promise<void> {
    await eventually(`${name} is ${phase}`, async () => (await this.send("GET", pathOf(name))).body.phase === phase);
  }

  /** Calls an endpoint of the organization with the admin key. */
  async call(path: string, requestId?: string): Promise<void> {
    const { url, org, adminToken } = this.server;
    const headers = { Authorization: `Bearer ${adminToken}`, ...(requestId && { "X-Request-Id": requestId }) };
    await (await fetch(`${url}/${org}/${path}`, { headers })).text();
  }

  async #put(name: string, body: object): Promise<string> {
    return (await this.changed("PUT", pathOf(name), body)).revision;
  }
}

/** Returns the path of an endpoint in the control API. */
export const pathOf = (name: string): string => `/-/orgs/${name.replace("/", "/endpoints/")}`;

/** Deploys the endpoints that all scenarios expect. */
export async function prepare(client: Client): Promise<void> {
  const { org, otherOrg } = client.server;
  // A bundle can be uploaded once its organization exists.
  for (const name of [org, otherOrg]) await client.changed("PUT", `/-/orgs/${name}`);
  await client.deploy(`${org}/hello`, { replicas: 1 });
  await client.deploy(`${org}/idle`, { replicas: 0 });
  await client.deploy(`${otherOrg}/hidden`, { replicas: 0 });
  await client.deployBroken(`${org}/broken`);
  await client.untilPhase(`${org}/hello`, "ready");
  await client.untilPhase(`${org}/broken`, "failed");
}
