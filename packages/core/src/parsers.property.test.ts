import assert from "node:assert/strict";
import { test } from "node:test";
import { anyText } from "@faas/testing/arbitraries";
import fc from "fast-check";
import { artifactSchema, endpointSpec, formatArtifact, parseArtifact, revisionId } from "./endpoints/endpoint.ts";
import { settingsInputSchema, withDefaults } from "./endpoints/settings.ts";
import { FaasError } from "./errors.ts";
import { endpointName, orgName } from "./name-schemas.ts";
import { endpointNameProblem, orgNameProblem } from "./names.ts";
import {
  formatVerifier,
  isTokenOf,
  keyIdOf,
  keyScopes,
  newKey,
  parseVerifier,
  verifierOf,
} from "./organizations/keys.ts";
import { projectSchema } from "./project/project.ts";
import { parseCpu, parseDuration, parseSize } from "./units.ts";
import { validate } from "./validate.ts";

/** Properties of this package's parsers that hold for any input. */

/** Generates text that is almost valid, and arbitrary text. */
const nearly = (pattern: RegExp) =>
  fc.oneof(
    fc.stringMatching(pattern),
    anyText({ maxLength: 80 }),
    fc.tuple(fc.stringMatching(pattern), fc.string({ maxLength: 2 })).map((parts) => parts.join("")),
  );

test("a quantity parses to a finite number that is not negative, or is rejected", () => {
  const text = nearly(/^\d{0,30}\.?\d{0,4}(?:ms|s|m|h|d|Ki|Mi|Gi|k|M|G|)$/);
  for (const parse of [parseDuration, parseSize, parseCpu])
    fc.assert(
      fc.property(text, (each) => {
        const value = parse(each);
        assert.ok(value === undefined || (Number.isFinite(value) && value >= 0), `${value}`);
      }),
    );
});

test("a name is a DNS label or has a problem, and the schema agrees", () => {
  for (const [schema, problem] of [
    [orgName, orgNameProblem],
    [endpointName, endpointNameProblem],
  ] as const)
    fc.assert(
      fc.property(nearly(/^[a-z0-9-]{0,70}$/), (name) => {
        const reason = problem(name);
        assert.equal(schema.safeParse(name).success, reason === undefined);
        if (reason === undefined) assert.match(name, /^(?!-)[a-z0-9-]{1,63}(?<!-)$/);
      }),
    );
});

test("a token has its key's id, and has none after any change", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...keyScopes),
      fc.nat(),
      fc.string({ minLength: 1, maxLength: 1, unit: "binary-ascii" }),
      (scope, at, other) => {
        const { id, token, hash } = newKey(scope);
        assert.equal(keyIdOf(token), id);
        assert.ok(isTokenOf(token, hash));
        assert.equal(verifierOf(token), formatVerifier({ id, hash }));
        assert.deepEqual(parseVerifier(`${id}:${hash}\n`), { id, hash });
        const position = at % token.length;
        const changed = token.slice(0, position) + other + token.slice(position + 1);
        if (changed === token) return;
        assert.equal(keyIdOf(changed), undefined);
        assert.equal(isTokenOf(changed, hash), false);
      },
    ),
  );
});

test("rejects malformed tokens and verifiers with any hash", () => {
  fc.assert(
    fc.property(nearly(/^faas_(?:admin|read)_[0-9A-Za-z]{10}_[0-9A-Za-z]{49}$/), fc.string(), (text, hash) => {
      assert.equal(keyIdOf(text), undefined);
      assert.equal(verifierOf(text), undefined);
      assert.equal(isTokenOf(text, hash), false);
      assert.equal(parseVerifier(text), undefined);
    }),
  );
});

test("formatting a parsed artifact gives the same text", () => {
  fc.assert(
    fc.property(nearly(/^bundle@sha256:[0-9a-f]{64}$/), (text) => {
      const artifact = parseArtifact(text);
      if (artifact) assert.equal(formatArtifact(artifact), text);
      if (artifact?.kind === "bundle") assert.ok(artifactSchema.safeParse(artifact).success);
    }),
  );
});

/** Generates mostly valid values: with more invalid ones, hardly any settings as a whole would be valid. */
const mostly = <T, U>(valid: fc.Arbitrary<T>, other: fc.Arbitrary<U>) =>
  fc.oneof({ weight: 15, arbitrary: valid }, { weight: 1, arbitrary: other });
const some = anyText({ maxLength: 10 });

const settings = fc.record(
  {
    runtime: fc.constantFrom("node", "python", "typescript", "binary", "dockerfile"),
    handler: mostly(fc.constantFrom("index.handler", "a/b.c.$d", "../x.y"), some),
    replicas: mostly(fc.nat(20), fc.double()),
    maxReplicas: mostly(fc.integer({ min: 1, max: 1000 }), fc.integer()),
    concurrency: mostly(fc.integer({ min: 1, max: 10_000 }), fc.nat()),
    idleTimeout: mostly(fc.constantFrom("never", "auto", "100ms", "1.5h"), some),
    timeout: mostly(fc.constantFrom("1ms", "0.5s", "24h", "0.1ms", "0s"), some),
    cpu: mostly(fc.constantFrom("10m", "0.5", "256", "10.4m"), some),
    memory: mostly(fc.constantFrom("32Mi", "1Gi", "1024Gi", "33.3M", "50000000.4"), some),
    bodyLimit: mostly(fc.constantFrom("0", "1", "1.5Ki", "1024Gi"), some),
    env: mostly(
      fc.dictionary(fc.constantFrom("A", "_b", "__proto__", "toString"), some, { maxKeys: 2 }),
      fc.dictionary(some, some, { maxKeys: 2 }),
    ),
  },
  { requiredKeys: [] },
);

test("valid settings give a spec whose numbers a platform can use", () => {
  let accepted = 0;
  fc.assert(
    fc.property(settings, (input) => {
      const read = settingsInputSchema.safeParse(input);
      if (!read.success) return;
      accepted++;
      const full = withDefaults(read.data);
      const artifact = { kind: "image", reference: "a" } as const;
      const spec = endpointSpec(
        { org: "a", endpoint: "b" },
        { id: revisionId(artifact, full), createdAt: "", artifact, settings: full },
      );
      for (const value of [
        spec.replicas,
        spec.maxReplicas,
        spec.timeoutMs,
        spec.cpuMillis,
        spec.memoryBytes,
        spec.bodyLimitBytes,
      ])
        assert.ok(Number.isSafeInteger(value) && value >= 0, `${value}`);
      assert.ok(spec.timeoutMs > 0 && spec.idleTimeoutMs !== 0);
      if (spec.handler !== undefined) assert.match(spec.handler, /^[^\s\0:]+\.[\w$]+$/);
      // No process can have it in its environment.
      for (const value of Object.values(spec.env)) assert.ok(!value.includes("\0"));
    }),
    { numRuns: 1_000 },
  );
  assert.ok(accepted > 50, `${accepted}`);
});

test("rejects invalid input with a code and the invalid fields", () => {
  for (const schema of [settingsInputSchema, projectSchema])
    fc.assert(
      fc.property(
        fc.oneof(fc.jsonValue(), fc.record({ env: fc.jsonValue(), replicas: fc.jsonValue(), handler: fc.jsonValue() })),
        (value) => {
          try {
            validate(schema, value, "it");
          } catch (error) {
            assert.ok(error instanceof FaasError && error.code === "INVALID_REQUEST");
            assert.ok((error.extensions.issues as unknown[]).length > 0);
            assert.doesNotMatch(error.message, /undefined|\[object/);
          }
        },
      ),
    );
});
