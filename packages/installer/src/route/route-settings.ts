import { FaasError } from "@faas/core";
import { type InstallSettings, isRouted, ROUTE_SETTINGS } from "../settings.ts";

/** Settings of an Ingress, or of a route of the Gateway API, in front of the server. */

/** Returns the names of the Secrets with the certificates of the server's own listener. Behind an Ingress or a Gateway it uses HTTP. */
export const listenerSecrets = (settings: Pick<InstallSettings, "expose" | "tlsSecret">): string | undefined =>
  isRouted(settings) ? undefined : settings.tlsSecret;

/** Returns the hostnames of the server, its own first. */
export const hostsOf = ({ host = "" }: Pick<InstallSettings, "host">): readonly string[] =>
  host.split(",").filter((each) => each !== "");

/**
 * Checks that the settings of an Ingress or a Gateway belong together.
 *
 * @throws USAGE
 */
export function checkRoute(settings: InstallSettings): void {
  const { expose, ingressClass, gateway, gatewayClass, certIssuer, tlsSecret } = settings;
  const hosts = hostsOf(settings);
  const fail = (message: string) => {
    throw new FaasError("USAGE", message);
  };
  if (!isRouted(settings)) {
    const given = ROUTE_SETTINGS.find((name) => settings[name] !== undefined);
    if (given !== undefined)
      fail(`${OPTIONS[given]} is for --expose ingress or --expose gateway, got --expose ${expose}`);
    return;
  }
  if (hosts.length === 0)
    fail(`Expected --host with --expose ${expose}: the hostname of the server, such as faas.example.com`);
  if (hosts[0]?.startsWith("*")) fail(`Expected the first --host to be the server's own hostname, got "${hosts[0]}"`);
  if (expose === "ingress" && (gateway ?? gatewayClass) !== undefined)
    fail("--gateway and --gateway-class are for --expose gateway, got --expose ingress");
  if (expose === "gateway" && ingressClass !== undefined)
    fail("--ingress-class is for --expose ingress, got --expose gateway");
  if (expose === "gateway" && (gateway === undefined) === (gatewayClass === undefined))
    fail(
      "Expected --gateway NAME[/NAMESPACE] for an existing Gateway, or --gateway-class NAME for one of its own, with --expose gateway",
    );
  if (certIssuer !== undefined && tlsSecret !== undefined)
    fail("Expected --tls-secret or --cert-issuer, got both: cert-manager fills a Secret of its own");
  if (tlsSecret?.includes(",")) fail(`Expected one --tls-secret with --expose ${expose}, got "${tlsSecret}"`);
  if (gateway !== undefined && (certIssuer ?? tlsSecret) !== undefined)
    fail("--tls-secret and --cert-issuer are not for --gateway: an existing Gateway has certificates of its own");
}

const OPTIONS = {
  host: "--host",
  certIssuer: "--cert-issuer",
  ingressClass: "--ingress-class",
  gateway: "--gateway",
  gatewayClass: "--gateway-class",
} as const satisfies Record<(typeof ROUTE_SETTINGS)[number], string>;
