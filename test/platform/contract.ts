import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import {
  type EndpointSpec,
  type EndpointStatus,
  endpointSpec,
  FaasError,
  type Language,
  type LogLine,
  type LogSink,
  type Platform,
  type Replica,
  revisionId,
  type SettingsInput,
  withDefaults,
} from "@faas/core";
import { Agent, request } from "undici";

/** A platform under test. */
export interface PlatformUnderTest extends AsyncDisposable {
  readonly platform: Platform;
  /** Logs that the platform writes to. */
  readonly logs: LogSink;
  /** An artifact whose function is this source (the text of index.mjs, index.ts or main.py). */
  artifact(source: string, language?: Language): Promise<EndpointSpec["artifact"]>;
  /** Organization that is this test's alone. */
  readonly org: string;
  /** Ends the process of a replica, as a crash would. */
  kill(replica: string): Promise<void>;
  /** Resolves when the next replica can take a process that waits; absent where none does. */
  prewarmed?(): Promise<void>;
}

interface Sources {
  /** Prints "loaded <text>" and, called, "called <text>"; answers with the text. */
  answers(text: string): string;
  /** Prints "trying" and throws on its second line. */
  readonly broken: string;
  readonly brokenDetail: RegExp;
  /** Answers with the values of these variables, separated by commas. */
  variables(...names: string[]): string;
}

const NODE: Sources = {
  answers: (text) =>
    `console.log("loaded ${text}"); export const handler = () => { console.log("called ${text}"); return "${text}"; };`,
  broken: 'console.log("trying");\nthrow new Error("no luck");',
  brokenDetail: /index\.mjs:2: Error: no luck/,
  variables: (...names) =>
    `export const handler = () => [${names.map((name) => `process.env.${name}`).join(", ")}].join();`,
};

const SOURCES: Readonly<Record<Language, Sources>> = {
  node: NODE,
  typescript: { ...NODE, brokenDetail: /index\.ts:2: Error: no luck/ },
  python: {
    answers: (text) =>
      `print("loaded ${text}")\ndef handler(event, context):\n    print("called ${text}")\n    return "${text}"\n`,
    broken: 'print("trying")\nraise ValueError("no luck")\n',
    brokenDetail: /main\.py:2: ValueError: no luck/,
    variables: (...names) =>
      `import os\ndef handler(event, context): return ",".join(os.environ.get(name, "") for name in ${JSON.stringify(names)})\n`,
  },
};

const LIMIT_MS = 60_000;
const cpuOf = (replica: Replica | undefined) =>
  replica?.cpuMillis === undefined ? {} : { cpuMillis: replica.cpuMillis };

/** What every platform does (packages/core/src/platform.ts); only through the interface and the replicas' own addresses. */
export function platformContract(
  name: string,
  setup: () => Promise<PlatformUnderTest>,
  language: Language = "node",
): void {
  const { answers, broken: brokenSource, brokenDetail, variables } = SOURCES[language];
  describe(`the ${name} platform`, { concurrency: 4 }, () => {
    const property = (what: string, body: (under: Harness) => Promise<void>) =>
      test(what, async () => {
        await using under = await setup();
        const harness = new Harness(under, language);
        try {
          await body(harness);
        } finally {
          harness.end();
        }
      });

    property("an endpoint has no replica until it is scaled, and then one that answers", async (h) => {
      const spec = await h.apply("x", answers("one"));
      assert.deepEqual((await h.until("x", (status) => status.revision === spec.revision)).replicas, []);
      await h.platform.scale(spec, 1);
      assert.equal(await h.call(await h.ready("x", 1)), "one");
    });

    property("it scales up, down, and to zero, and keeps the endpoint", async (h) => {
      const spec = await h.apply("x", answers("one"));
      await h.platform.scale(spec, 3);
      await h.ready("x", 3);
      await h.platform.scale(spec, 1);
      await h.ready("x", 1);
      await h.platform.scale(spec, 0);
      await h.until("x", ({ replicas }) => replicas.length === 0);
      await h.platform.scale(spec, 1);
      assert.equal(await h.call(await h.ready("x", 1)), "one");
    });

    property("a new revision replaces the old one without a failed request", async (h) => {
      const spec = await h.apply("x", answers("one"));
      await h.platform.scale(spec, 2);
      await h.ready("x", 2);
      const seen = new Set<string>();
      let failed = 0;
      let done = false;
      const load = (async () => {
        while (!done) {
          const status = h.status("x") as EndpointStatus;
          await h.call(status).then(
            (text) => seen.add(text),
            () => failed++,
          );
        }
      })();
      const next = await h.apply("x", answers("two"));
      await h.until(
        "x",
        ({ replicas }) =>
          replicas.length === 2 && replicas.every((replica) => replica.ready && replica.revision === next.revision),
      );
      await h.call(h.status("x") as EndpointStatus);
      done = true;
      await load;
      assert.equal(failed, 0);
      assert.ok(seen.has("one"));
      assert.equal(await h.call(h.status("x") as EndpointStatus), "two");
    });

    property(
      "a revision that does not load leaves the old one serving, and says why; the old one applied again gives it up",
      async (h) => {
        const spec = await h.apply("x", answers("one"));
        await h.platform.scale(spec, 1);
        const [before] = (await h.ready("x", 1)).replicas;
        const broken = await h.apply("x", brokenSource);
        const { failure } = await h.until("x", (status) => status.failure?.revision === broken.revision);
        assert.equal(failure?.code, "FUNCTION_LOAD_FAILED");
        assert.match(failure?.detail ?? "", brokenDetail);
        assert.ok(failure?.lastLogLines.includes("trying"));
        assert.equal(await h.call(h.status("x") as EndpointStatus), "one");
        await h.platform.apply(spec);
        const after = await h.until("x", (status) => status.failure === undefined && status.replicas.length === 1);
        // The same one, be it that its CPU limit has come down since it started.
        assert.deepEqual(after.replicas, [{ ...before, ...cpuOf(after.replicas[0]) }]);
      },
    );

    property("a replica that dies is replaced", async (h) => {
      const spec = await h.apply("x", answers("one"));
      await h.platform.scale(spec, 1);
      const [first] = (await h.ready("x", 1)).replicas;
      await h.kill(first?.id as string);
      const replaced = await h.until("x", ({ replicas }) =>
        replicas.some((replica) => replica.ready && replica.id !== first?.id),
      );
      assert.equal(await h.call(replaced), "one");
    });

    property("logs are kept when the replica is gone, and are followed over replicas", async (h) => {
      const spec = await h.apply("x", answers("one"));
      await h.platform.scale(spec, 1);
      await h.call(await h.ready("x", 1));
      await h.platform.scale(spec, 0);
      await h.until("x", ({ replicas }) => replicas.length === 0);
      const lines: LogLine[] = [];
      const following = (async () => {
        for await (const line of h.logs.open(spec).read({ follow: true, signal: h.signal })) {
          lines.push(line);
          if (lines.length === 4) break;
        }
      })();
      await h.platform.scale(spec, 1);
      await h.call(await h.ready("x", 1));
      await following;
      assert.deepEqual(
        lines.map(({ line }) => line),
        ["loaded one", "called one", "loaded one", "called one"],
      );
      assert.notEqual(lines[0]?.replica, lines[2]?.replica);
      const tail: string[] = [];
      for await (const { line } of h.logs.open(spec).read({ tail: 1, replica: lines[0]?.replica as string }))
        tail.push(line);
      assert.deepEqual(tail, ["called one"]);
    });

    property("removing ends the replicas, and succeeds again when all is gone", async (h) => {
      const spec = await h.apply("x", answers("one"));
      await h.platform.scale(spec, 1);
      await h.ready("x", 1);
      await h.platform.remove(spec);
      await h.untilGone("x");
      await h.platform.remove(spec);
    });

    property("removing an organization ends all that it has, and nothing else", async (h) => {
      const specs = await Promise.all(["x", "y"].map((endpoint) => h.apply(endpoint, answers(endpoint))));
      await Promise.all(specs.map((spec) => h.platform.scale(spec, 1)));
      await h.ready("x", 1);
      await h.ready("y", 1);
      await h.platform.removeOrg("another");
      assert.equal(await h.call(h.status("y") as EndpointStatus), "y");
      await h.platform.removeOrg(h.org);
      await h.untilGone("x");
      await h.untilGone("y");
    });

    property(
      "secrets are in the variables that a spec names, by version; another version is another revision",
      async (h) => {
        const source = variables("TOKEN", "OTHER", "PLAIN");
        const settings = { env: { PLAIN: "plain" }, secrets: { TOKEN: "token", OTHER: "other" } };
        await h.platform.applyOrg?.(h.org, {});
        await h.platform.putSecret(h.org, { name: "token", version: "v1" }, "one\n=$PATH $(PLAIN) ä");
        await h.platform.putSecret(h.org, { name: "other", version: "v1" }, "other");
        const first = await h.apply("x", source, settings, { token: "v1", other: "v1" });
        await h.platform.scale(first, 1);
        assert.equal(await h.call(await h.ready("x", 1)), "one\n=$PATH $(PLAIN) ä,other,plain");
        await h.platform.putSecret(h.org, { name: "token", version: "v2" }, "two");
        const second = await h.apply("x", source, settings, { token: "v2", other: "v1" });
        assert.notEqual(second.revision, first.revision);
        const isSecond = ({ replicas }: EndpointStatus) =>
          replicas.length === 1 && replicas.every(({ ready, revision }) => ready && revision === second.revision);
        assert.equal(await h.call(await h.until("x", isSecond)), "two,other,plain");
        // What is taken away is of no use to who runs.
        await h.platform.removeSecret(h.org, { name: "token", version: "v1" });
        await h.platform.removeSecret(h.org, { name: "token", version: "v1" });
        await h.platform.scale(second, 0);
        await h.until("x", ({ replicas }) => replicas.length === 0);
        await h.platform.scale(second, 1);
        assert.equal(await h.call(await h.ready("x", 1)), "two,other,plain");
      },
    );

    property("a secret without a value is the failure's reason, and what serves goes on", async (h) => {
      await h.platform.applyOrg?.(h.org, {});
      await h.platform.putSecret(h.org, { name: "token", version: "v1" }, "one");
      const settings = { secrets: { TOKEN: "token" } };
      const source = variables("TOKEN");
      const first = await h.apply("x", source, settings, { token: "v1" });
      await h.platform.scale(first, 1);
      await h.ready("x", 1);
      const second = await h.apply("x", source, settings, { token: "nothing" });
      const { failure } = await h.until("x", (status) => status.failure?.revision === second.revision);
      assert.equal(failure?.code, "SECRET_UNAVAILABLE");
      assert.match(failure?.detail ?? "", new RegExp(`faas secret set ${h.org} token`));
      assert.equal(await h.call(h.status("x") as EndpointStatus), "one");
    });

    property("scaling what was never applied is refused", async (h) => {
      await assert.rejects(
        h.platform.scale({ org: h.org, endpoint: "nothing" }, 1),
        (error) => error instanceof FaasError && error.code === "ENDPOINT_NOT_FOUND",
      );
    });
  });
}

/** Follows the platform's list, and waits for what a test wants to see there. */
class Harness {
  readonly platform: Platform;
  /** Logs that the platform writes to. */
  readonly logs: LogSink;
  readonly org: string;
  readonly kill: (replica: string) => Promise<void>;
  readonly #under: PlatformUnderTest;
  readonly #language: Language;
  readonly #ending = new AbortController();
  readonly #agents = new Map<string, Agent>();
  #list: readonly EndpointStatus[] = [];

  constructor(under: PlatformUnderTest, language: Language) {
    this.#under = under;
    this.#language = language;
    this.platform = under.platform;
    this.logs = under.logs;
    this.org = under.org;
    this.kill = (replica) => under.kill(replica);
    void this.#follow();
  }

  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  /** `secrets`: versions of those that the settings name. */
  async apply(
    endpoint: string,
    source: string,
    settings: SettingsInput = {},
    secrets: Readonly<Record<string, string>> = {},
  ): Promise<EndpointSpec> {
    const artifact = await this.#under.artifact(source, this.#language);
    const full = withDefaults({ ...settings, runtime: this.#language });
    const revision = { id: revisionId(artifact, full, secrets), createdAt: "", artifact, settings: full, secrets };
    const spec = endpointSpec({ org: this.org, endpoint }, revision);
    await this.#under.prewarmed?.();
    await this.platform.apply(spec);
    return spec;
  }

  status(endpoint: string): EndpointStatus | undefined {
    return this.#list.find((status) => status.org === this.org && status.endpoint === endpoint);
  }

  async until(endpoint: string, condition: (status: EndpointStatus) => boolean): Promise<EndpointStatus> {
    return this.#wait(() => {
      const status = this.status(endpoint);
      return status && condition(status) ? status : undefined;
    });
  }

  ready(endpoint: string, count: number): Promise<EndpointStatus> {
    return this.until(
      endpoint,
      ({ replicas }) => replicas.length === count && replicas.every((replica) => replica.ready),
    );
  }

  async untilGone(endpoint: string): Promise<void> {
    await this.#wait(() => (this.status(endpoint) === undefined ? true : undefined));
  }

  /** Calls a ready replica of the list. */
  async call(status: EndpointStatus): Promise<string> {
    const ready = status.replicas.filter((replica) => replica.ready);
    const { address } = ready[Math.floor(Math.random() * ready.length)] as (typeof ready)[number];
    let agent = this.#agents.get(address);
    if (!agent) {
      agent = address.startsWith("unix:") ? new Agent({ connect: { socketPath: address.slice(5) } }) : new Agent();
      this.#agents.set(address, agent);
    }
    const { body } = await request(address.startsWith("unix:") ? "http://replica/" : `http://${address}/`, {
      dispatcher: agent,
    });
    return body.text();
  }

  end(): void {
    this.#ending.abort();
    for (const agent of this.#agents.values()) void agent.destroy();
  }

  async #follow(): Promise<void> {
    for await (const list of this.platform.watch(this.#ending.signal)) this.#list = list;
  }

  async #wait<T>(look: () => T | undefined): Promise<T> {
    const deadline = Date.now() + LIMIT_MS;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      if (Date.now() > deadline)
        throw new Error(`Not seen within ${LIMIT_MS} ms; the list is ${JSON.stringify(this.#list)}`);
      await delay(5);
    }
  }
}
