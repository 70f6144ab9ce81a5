import { type EndpointRef, hostnameOf, isLoopback } from "@faas/core";

/**
 * Returns the addresses at whose root an endpoint answers.
 *
 * @param url address with the endpoint's path
 */
export function rootAddresses(ref: EndpointRef, url: string, hostnames: readonly string[] = []): string[] {
  const { protocol, hostname, port } = new URL(url);
  const isLocal = isLoopback(hostname.replace(/^\[|\]$/g, ""));
  const hosts = isLocal ? [...hostnames, `${ref.endpoint}.${ref.org}.localhost`] : hostnames;
  return hosts.map((host) => `${protocol}//${hostnameOf(host)}${port === "" ? "" : `:${port}`}/`);
}
