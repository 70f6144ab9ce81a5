import type { KubernetesObject } from "@faas/platforms/kubernetes-client";
import type { V1Ingress } from "@kubernetes/client-node";
import { metadataOf, SERVER } from "../labels.ts";
import type { ServerManifestOptions } from "../settings.ts";
import { hostsOf } from "./route-settings.ts";

/** Objects that lead clients to the server's Service: an Ingress, or those of the Gateway API (docs/decisions/0061-ingress-and-gateway-api.md). */

/** Secret that cert-manager fills. */
const CERTIFICATE = "faas-tls";
const ISSUER = "cert-manager.io/cluster-issuer";

/** Gateway and HTTPRoute of the Gateway API, as far as they are built here. */
export interface GatewayObject extends KubernetesObject {
  readonly spec: Readonly<Record<string, unknown>>;
}

/** Builds the objects for `expose: ingress` or `gateway`; none for others. */
export function routeManifests(options: ServerManifestOptions): readonly (V1Ingress | GatewayObject)[] {
  if (options.expose === "ingress") return [ingress(options)];
  return options.expose === "gateway" ? gatewayRoutes(options) : [];
}

/** Returns the Secret with the certificate; `undefined` for HTTP, and for an existing Gateway. */
const certificateOf = ({ tlsSecret, certIssuer }: ServerManifestOptions) =>
  certIssuer === undefined ? tlsSecret : CERTIFICATE;

/** Returns the metadata of an object for which cert-manager may order a certificate. */
const certifiedMetadata = ({ namespace, certIssuer }: ServerManifestOptions) => ({
  ...metadataOf(SERVER.route, namespace),
  ...(certIssuer === undefined ? {} : { annotations: { [ISSUER]: certIssuer } }),
});

function ingress(options: ServerManifestOptions): V1Ingress {
  const { ingressClass } = options;
  const secretName = certificateOf(options);
  const hosts = [...hostsOf(options)];
  const backend = { service: { name: SERVER.service, port: { name: "http" } } };
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: certifiedMetadata(options),
    spec: {
      ...(ingressClass === undefined ? {} : { ingressClassName: ingressClass }),
      rules: hosts.map((host) => ({ host, http: { paths: [{ path: "/", pathType: "Prefix", backend }] } })),
      ...(secretName === undefined ? {} : { tls: [{ hosts, secretName }] }),
    },
  };
}

function gatewayRoutes(options: ServerManifestOptions): GatewayObject[] {
  const { namespace, gateway } = options;
  if (gateway !== undefined) {
    const [name, within] = gateway.split("/");
    return [route(options, [{ name, ...(within === undefined ? {} : { namespace: within }) }])];
  }
  const certificate = certificateOf(options);
  if (certificate === undefined)
    return [ownGateway(options, [HTTP_LISTENER]), route(options, [{ name: SERVER.route }])];
  const listeners = hostsOf(options).map((hostname, index) => ({
    ...{ name: index === 0 ? "https" : `https-${index + 1}`, protocol: "HTTPS", port: 443, hostname },
    tls: { mode: "Terminate", certificateRefs: [{ name: certificate }] },
  }));
  const secure = listeners.map(({ name: sectionName }) => ({ name: SERVER.route, sectionName }));
  return [
    ownGateway(options, [HTTP_LISTENER, ...listeners]),
    route(options, secure),
    redirect(namespace, hostsOf(options)),
  ];
}

const API_VERSION = "gateway.networking.k8s.io/v1";
const HTTP_LISTENER = { name: "http", protocol: "HTTP", port: 80 };

const ownGateway = (options: ServerManifestOptions, listeners: readonly object[]): GatewayObject => ({
  apiVersion: API_VERSION,
  kind: "Gateway",
  metadata: certifiedMetadata(options),
  spec: { gatewayClassName: options.gatewayClass, listeners },
});

const route = (options: ServerManifestOptions, parentRefs: readonly object[]): GatewayObject => ({
  apiVersion: API_VERSION,
  kind: "HTTPRoute",
  metadata: metadataOf(SERVER.route, options.namespace),
  spec: {
    parentRefs,
    hostnames: hostsOf(options),
    rules: [
      {
        backendRefs: [{ name: SERVER.service, port: SERVER.port }],
        // No limit: the endpoint's own timeout ends a call, and streams and WebSockets last.
        timeouts: { request: "0s" },
      },
    ],
  },
});

/** Builds the route that sends clients of HTTP to HTTPS. */
const redirect = (namespace: string, hostnames: readonly string[]): GatewayObject => ({
  apiVersion: API_VERSION,
  kind: "HTTPRoute",
  metadata: metadataOf(SERVER.redirect, namespace),
  spec: {
    parentRefs: [{ name: SERVER.route, sectionName: HTTP_LISTENER.name }],
    hostnames,
    rules: [{ filters: [{ type: "RequestRedirect", requestRedirect: { scheme: "https", statusCode: 301 } }] }],
  },
});
