import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { serverManifests } from "../manifests.ts";
import { type InstallSettings, type ServerManifestOptions, settingsFor } from "../settings.ts";
import { checkRoute } from "./route-settings.ts";

const HOST = { host: "faas.example.com" };
const optionsOf = (settings: Partial<InstallSettings>): ServerManifestOptions => ({
  ...{ namespace: "tools", image: "registry/faas/server@sha256:00", gatewayToken: "token" },
  ...settingsFor(settings),
});
// biome-ignore lint/suspicious/noExplicitAny: objects of several kinds
const objectsOf = (settings: Partial<InstallSettings>): any[] => [...serverManifests(optionsOf(settings))];
const namesOf = (objects: readonly { kind: string; metadata: { name: string } }[]) =>
  objects.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
const find = (settings: Partial<InstallSettings>, kind: string, name = "faas") =>
  objectsOf(settings).find((object) => object.kind === kind && object.metadata.name === name);

describe("an Ingress", () => {
  test("leads each hostname to the Service of the gateways", () => {
    const { spec, metadata } = find({ expose: "ingress", host: "faas.example.com,*.example.com" }, "Ingress");
    assert.deepEqual(
      spec.rules.map(({ host }: { host: string }) => host),
      ["faas.example.com", "*.example.com"],
    );
    const [{ backend, path, pathType }] = spec.rules[0].http.paths;
    const service = find({ expose: "ingress", ...HOST }, "Service");
    assert.deepEqual(backend.service, { name: service.metadata.name, port: { name: service.spec.ports[0].name } });
    assert.deepEqual([path, pathType, service.spec.type], ["/", "Prefix", "ClusterIP"]);
    assert.deepEqual(["tls" in spec, "ingressClassName" in spec, metadata.annotations], [false, false, undefined]);
  });

  test("has a certificate from the given Secret, or from one that cert-manager fills", () => {
    const given = find({ expose: "ingress", ...HOST, tlsSecret: "web", ingressClass: "nginx" }, "Ingress");
    assert.deepEqual(given.spec.tls, [{ hosts: ["faas.example.com"], secretName: "web" }]);
    assert.equal(given.spec.ingressClassName, "nginx");
    const issued = find({ expose: "ingress", ...HOST, certIssuer: "letsencrypt" }, "Ingress");
    assert.deepEqual(issued.metadata.annotations, { "cert-manager.io/cluster-issuer": "letsencrypt" });
    assert.equal(issued.spec.tls[0].secretName, "faas-tls");
  });

  test("ends TLS: the pods behind it listen for HTTP", () => {
    for (const gateways of ["0", "2"]) {
      const text = JSON.stringify(
        objectsOf({ expose: "ingress", ...HOST, tlsSecret: "web", gateways }).filter(
          ({ kind }) => kind === "Deployment",
        ),
      );
      assert.doesNotMatch(text, /--tls-cert|"HTTPS"|"secretName":"web"/);
    }
  });
});

describe("the Gateway API", () => {
  test("has a route at an existing Gateway", () => {
    const objects = objectsOf({ expose: "gateway", ...HOST, gateway: "public/infra" });
    assert.deepEqual(namesOf(objects).slice(-2), ["Service faas", "HTTPRoute faas"]);
    const { spec } = objects.at(-1);
    assert.deepEqual(spec.parentRefs, [{ name: "public", namespace: "infra" }]);
    assert.deepEqual(spec.rules, [{ backendRefs: [{ name: "faas", port: 8887 }], timeouts: { request: "0s" } }]);
  });

  test("has a Gateway of its own that redirects HTTP to HTTPS", () => {
    const settings = { expose: "gateway", host: "faas.example.com,*.example.com", gatewayClass: "envoy" } as const;
    const secure = { ...settings, certIssuer: "letsencrypt" };
    assert.deepEqual(namesOf(objectsOf(secure)).slice(-3), [
      "Gateway faas",
      "HTTPRoute faas",
      "HTTPRoute faas-redirect",
    ]);
    const { spec, metadata } = find(secure, "Gateway");
    assert.equal(metadata.annotations["cert-manager.io/cluster-issuer"], "letsencrypt");
    assert.deepEqual(
      spec.listeners.map(({ name, port, hostname }: Record<string, unknown>) => [name, port, hostname]),
      [
        ["http", 80, undefined],
        ["https", 443, "faas.example.com"],
        ["https-2", 443, "*.example.com"],
      ],
    );
    const sections = find(secure, "HTTPRoute").spec.parentRefs.map((ref: { sectionName: string }) => ref.sectionName);
    assert.deepEqual(sections, ["https", "https-2"]);
    assert.deepEqual(find(secure, "HTTPRoute", "faas-redirect").spec.parentRefs[0].sectionName, "http");
    assert.deepEqual(namesOf(objectsOf(settings)).slice(-2), ["Gateway faas", "HTTPRoute faas"]);
  });
});

describe("the settings of an Ingress or a Gateway", () => {
  const ingress = settingsFor({ expose: "ingress", ...HOST, certIssuer: "letsencrypt", ingressClass: "nginx" });

  test("stay, and go with it", () => {
    assert.deepEqual(settingsFor({}, ingress), ingress);
    assert.deepEqual(settingsFor({ expose: "none" }, ingress), settingsFor({}));
    const secure = settingsFor({ expose: "ingress", ...HOST, tlsSecret: "web" });
    assert.deepEqual(settingsFor({ expose: "nodeport" }, secure), settingsFor({ expose: "nodeport" }));
    const moved = settingsFor({ expose: "gateway", gatewayClass: "envoy" }, ingress);
    assert.deepEqual(
      moved,
      settingsFor({ expose: "gateway", ...HOST, certIssuer: "letsencrypt", gatewayClass: "envoy" }),
    );
    assert.deepEqual(
      settingsFor({ gateway: "public" }, moved),
      settingsFor({ expose: "gateway", ...HOST, gateway: "public" }),
    );
  });

  test("are replaced by others for the same purpose, and removed by none", () => {
    const { certIssuer: _, ...others } = ingress;
    assert.deepEqual(settingsFor({ tlsSecret: "web" }, ingress), { ...others, tlsSecret: "web" });
    assert.deepEqual(settingsFor({ certIssuer: "none" }, ingress), others);
  });

  const invalid: readonly [settings: Partial<InstallSettings>, message: RegExp][] = [
    [{ expose: "ingress" }, /^Expected --host with --expose ingress/],
    [{ expose: "ingress", host: "*.example.com" }, /the server's own hostname, got "\*\.example\.com"/],
    [{ expose: "nodeport", ...HOST }, /^--host is for --expose ingress or --expose gateway, got --expose nodeport/],
    [{ expose: "ingress", ...HOST, gateway: "public" }, /are for --expose gateway/],
    [{ expose: "gateway", ...HOST, gateway: "a", ingressClass: "b" }, /--ingress-class is for --expose ingress/],
    [{ expose: "gateway", ...HOST }, /^Expected --gateway NAME\[\/NAMESPACE\] .* or --gateway-class/],
    [{ expose: "gateway", ...HOST, gateway: "a", gatewayClass: "b" }, /^Expected --gateway NAME/],
    [{ expose: "gateway", ...HOST, gateway: "a", tlsSecret: "b" }, /certificates of its own/],
    [{ expose: "ingress", ...HOST, certIssuer: "a", tlsSecret: "b" }, /^Expected --tls-secret or --cert-issuer/],
    [{ expose: "ingress", ...HOST, tlsSecret: "a,b" }, /^Expected one --tls-secret/],
  ];
  for (const [settings, message] of invalid)
    test(`are rejected: ${JSON.stringify(settings)}`, () => {
      assert.throws(() => checkRoute(settingsFor(settings)), { code: "USAGE", message });
    });
});
