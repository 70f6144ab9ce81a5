import assert from "node:assert/strict";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { z } from "zod";
import { settingsProblem, withDefaults } from "../endpoints/settings.ts";
import { postAdminKeySchema, postOrgKeySchema } from "../organizations/key-requests.ts";
import { limitsProblem } from "../organizations/limits.ts";
import {
  addEndpointSchema,
  putEndpointSchema,
  putOrgSchema,
  sinceSchema,
  tailSchema,
  waitTimeoutSchema,
} from "./requests.ts";

/** JSON Schemas of the API accept exactly what the server accepts: a client that validates by the OpenAPI document gets neither surprise. */

const ajv = new Ajv2020({ strict: false });
const validator = (schema: z.ZodType) =>
  ajv.compile(z.toJSONSchema(schema, { io: "input", override: ({ jsonSchema }) => void delete jsonSchema.id }));

const digest = `sha256:${"a1".repeat(32)}`;
const quantities = [
  "1",
  "0",
  "100m",
  "0.5",
  "0.009",
  "9m",
  "300ms",
  "99ms",
  "1.5h",
  "31d",
  "30d",
  "24h",
  "25h",
  "3650d",
  "3651d",
  "0s",
  "1Ki",
];
const sizes = [
  "128Mi",
  "31Mi",
  "32Mi",
  "1024Gi",
  "1025Gi",
  "0",
  "6Mi",
  "33.5M",
  "33.6M",
  "1099.6G",
  "",
  "1e3",
  "auto",
  "never",
  "-1",
  "1 s",
];
const names = [
  "a",
  "acme",
  "system",
  "",
  "-a",
  "a-",
  "A",
  "a_b",
  "a".repeat(58),
  "a".repeat(59),
  "a".repeat(63),
  "a".repeat(64),
  "a\n",
  "TOKEN",
  "PORT",
  "PORTS",
  "FAAS_X",
  "FAAS",
  "_x",
  "1x",
  "x".repeat(129),
];
const texts = [
  "index.handler",
  "handler",
  "a b.c",
  "a.b.c",
  "x\0.y",
  "\0",
  "a\0b",
  "public",
  "private",
  "none",
  "open",
  "node",
  "fixed",
  "cpu",
  "deploy",
  "admin",
  "two words",
  "ü",
  "x@y.z/w-1",
];
const hostnames = [
  "api.example.com",
  "API.Example.com.",
  "intranet",
  "*.example.com",
  "*.*.com",
  "a.*.com",
  "*",
  "-a.example",
  "a_b.example",
  "a..b",
  "1.2.3.4",
  "1.example",
  "example.1",
  "1-1",
  "x.acme.localhost",
  "LocalHost.",
  "localhosts",
  "xn--bcher-kva.example",
  "b\u00fccher.example",
  "api.example.com:80",
  `${"a".repeat(63)}.example`,
  `${"a".repeat(64)}.example`,
  `${"a.".repeat(126)}a`,
  `${"a.".repeat(127)}a`,
  "",
  "a\n",
];
const destinations = [
  "alerts",
  "alerts/a?b=c",
  "alerts/../x",
  "alerts/%2E%2e?x",
  "alerts/%",
  "alerts/%4",
  "a b",
  "a/#b",
  "a/\n",
  "A",
  "https://a.example",
  "https://a.example:8443/x?y=z",
  "http://[::1]/",
  "https://user:pass@a.example",
  "https://a.example/..",
  "ftp://a.example",
  "",
];
const destinationHosts = [
  "a.example",
  "*.example.com:8443",
  "*.*.com",
  "http://10.0.0.5:8080",
  "private:a.internal",
  "private:",
  "[fd00::1]:1",
  "a.example/x",
  "ftp://a.example",
  "user@a.example",
  "",
];
const images = [`bundle@${digest}`, `bundle@${digest}0`, "bundle@", "bundle@x", "registry.example/x:1", digest];
const text = fc.constantFrom(...quantities, ...sizes, ...names, ...texts, ...images);
const number = fc.constantFrom(0, 1, -1, 10, 80, 1000, 1001, 10_001, 0.5, 0.01, 0.009, 1e6, 1e6 + 1, 1e7 + 1);
const leaf = fc.oneof(text, number, fc.constantFrom(null, true, [], {}));
const record = fc.dictionary(text, fc.oneof({ weight: 5, arbitrary: text }, { weight: 1, arbitrary: leaf }), {
  maxKeys: 2,
});

/** Objects with the required fields and up to three others, mostly with plausible values, and seldom with a field that is not known. */
function objects(
  fields: Record<string, fc.Arbitrary<unknown>>,
  required: readonly string[] = [],
): fc.Arbitrary<Record<string, unknown>> {
  const optional = Object.keys(fields).filter((name) => !required.includes(name));
  const plausible = (name: string) =>
    fc.oneof({ weight: 40, arbitrary: fields[name] as fc.Arbitrary<unknown> }, { weight: 1, arbitrary: leaf });
  const rare = (value: object) =>
    fc.oneof({ weight: 40, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: fc.constant(value) });
  return fc
    .tuple(
      fc.subarray(optional, { maxLength: Math.min(3, optional.length) }),
      fc.oneof({ weight: 40, arbitrary: fc.constant(required) }, { weight: 1, arbitrary: fc.subarray([...required]) }),
    )
    .chain(([some, all]) =>
      fc.tuple(
        fc.record(Object.fromEntries([...some, ...all].map((name) => [name, plausible(name)]))),
        rare({ other: 1 }),
      ),
    )
    .map(([known, other]) => ({ ...known, ...other }));
}

const settings = {
  runtime: fc.constantFrom("node", "typescript", "python", "binary", "dockerfile"),
  handler: fc.constantFrom(...texts),
  replicas: number,
  maxReplicas: number,
  scaler: fc.constantFrom("concurrency", "cpu", "fixed"),
  concurrency: number,
  idleTimeout: fc.constantFrom("never", "auto", ...quantities),
  timeout: fc.constantFrom(...quantities),
  cpu: fc.constantFrom(...quantities),
  memory: fc.constantFrom(...sizes),
  bodyLimit: fc.constantFrom(...sizes),
  egress: fc.constantFrom("open", "none"),
  visibility: fc.constantFrom("private", "public"),
  hostnames: fc.array(fc.constantFrom(...hostnames), { maxLength: 2 }),
  env: record,
  secrets: record,
  async: objects({
    attempts: number,
    backoff: fc.constantFrom(...quantities),
    onSuccess: fc.constantFrom(...destinations),
    onFailure: fc.constantFrom(...destinations),
  }),
};
const change = fc.constantFrom(null, 0, 1, 5, 0.5, "1", "500m", "1Ki", "x");
const limits = Object.fromEntries([
  ...[
    "endpoints",
    "replicas",
    "cpu",
    "memory",
    "requestsPerSecond",
    "burst",
    "concurrentRequests",
    "waitingCalls",
    "waitingBytes",
    "bodySize",
    "bundleBytes",
    "warmPods",
  ].map((name) => [name, change]),
  ["hostnames", fc.array(fc.constantFrom(...hostnames), { maxLength: 2 })],
  ["destinations", fc.array(fc.constantFrom(...destinationHosts), { maxLength: 2 })],
]);
const warm = objects({ image: text, code: fc.constantFrom(digest, ...images), hasDependencies: fc.boolean() }, [
  "image",
  "code",
]);
const key = { name: text, expires: fc.constantFrom(...quantities) };

for (const [name, schema, values] of [
  [
    "PUT endpoint",
    putEndpointSchema,
    objects(
      {
        artifact: fc.oneof(
          objects({ kind: fc.constant("bundle"), digest: fc.constantFrom(digest, ...images) }, ["kind", "digest"]),
          objects({ kind: fc.constant("image"), reference: text, warm }, ["kind", "reference"]),
        ),
        settings: objects(settings),
        variables: objects({ env: record, secrets: record }),
        detected: objects({ runtime: settings.runtime, handler: settings.handler, env: record }),
        reset: fc.boolean(),
        dryRun: fc.boolean(),
      },
      ["artifact"],
    ),
  ],
  [
    "POST /add_endpoint",
    addEndpointSchema,
    objects(
      {
        ...settings,
        org: fc.constantFrom(...names),
        endpoint: fc.constantFrom(...names),
        image: fc.constantFrom(...images),
        replicas: number,
        reset: fc.boolean(),
        dryRun: fc.boolean(),
      },
      ["org", "endpoint", "image", "replicas"],
    ),
  ],
  [
    "POST /-/orgs/{org}/keys",
    postOrgKeySchema,
    objects({ ...key, scope: fc.constantFrom("deploy", "invoke", "read", "admin") }, ["scope"]),
  ],
  ["POST /-/keys", postAdminKeySchema, objects(key)],
  ["tail", tailSchema, fc.oneof(text, fc.nat().map(String))],
  ["timeout", waitTimeoutSchema, fc.constantFrom(...quantities, "10m", "11m", "0.166h", "0.17h", "600s", "601s")],
  [
    "since",
    sinceSchema,
    fc.constantFrom(
      ...quantities,
      "2026-01-02T03:04:05Z",
      "2026-01-02T03:04:05.678+01:00",
      "2026-13-02T03:04:05Z",
      "yesterday",
      "0.5",
      "",
    ),
  ],
] as const) {
  test(`${name}: the JSON Schema accepts what the server accepts`, () => {
    const isValid = validator(schema);
    let accepted = 0;
    fc.assert(
      fc.property(values, (value) => {
        const result = schema.safeParse(value);
        if (result.success) accepted++;
        assert.equal(
          isValid(value),
          isAccepted(schema, value),
          `${JSON.stringify(value)} ${result.error ?? JSON.stringify(isValid.errors)}`,
        );
      }),
      { numRuns: 3000 },
    );
    // The values are random: a few dozen are accepted on average.
    assert.ok(accepted >= 3, `${accepted} values were accepted`);
  });
}

/** The server parses the digest in an image after the body. */
function isAccepted(schema: z.ZodType, value: unknown): boolean {
  if (!schema.safeParse(value).success) return false;
  return schema !== addEndpointSchema || !/^bundle@(?!sha256:[0-9a-f]{64}$)/.test((value as { image: string }).image);
}

test("PUT /-/orgs/{org}: the JSON Schema accepts what the server accepts", () => {
  const isValid = validator(putOrgSchema);
  fc.assert(
    fc.property(objects({ limits: objects(limits) }), (value) => {
      const result = putOrgSchema.safeParse(value);
      const change = result.data?.limits ?? {};
      const isAccepted = result.success && limitsProblem(change) === undefined;
      assert.equal(isValid(value), isAccepted, JSON.stringify(value));
    }),
    { numRuns: 3000 },
  );
});

test("settings that the JSON Schema accepts contradict each other only in replicas and in variables", () => {
  for (const [input, expected] of [
    [{ replicas: 2, maxReplicas: 1 }, /maxReplicas/],
    [{ env: { A: "1" }, secrets: { A: "TOKEN" } }, /"env" or in "secrets"/],
  ] as const)
    assert.match(settingsProblem(withDefaults(input)) ?? "", expected);
});
