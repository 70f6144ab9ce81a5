import { FaasError, hostnameOf } from "@faas/core";

const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/**
 * Rejects requests for a domain. A server without keys accepts every request from its own machine, which includes those that web pages in a browser send
 * when their domain resolves to 127.0.0.1 (DNS rebinding): for the browser these have the same origin. Such requests have the domain in `Host`.
 * @throws HOST_REFUSED
 */
export function checkLocalHost(host: string): void {
  const name = hostnameOf(host);
  // Domains have dots. Nobody can register names under localhost (RFC 6761 section 6.3).
  if (!name.includes(".") || name.startsWith("[") || IPV4.test(name) || name.endsWith(".localhost")) return;
  throw new FaasError(
    "HOST_REFUSED",
    `Expected the header "Host" to be localhost or an address, got "${host.slice(0, 200)}": this server requires no keys and serves its own machine only; "faas up --auth on" accepts requests for any name`,
  );
}
