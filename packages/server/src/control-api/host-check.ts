import { FaasError } from "@faas/core";

const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/**
 * A server that lets in everybody on its own machine would let in the pages of a browser there too, when somebody's domain is made to lead to 127.0.0.1
 * (DNS rebinding): to the browser they are then of one origin. Such a request says the domain in `Host`. HOST_REFUSED.
 */
export function checkLocalHost(host: string): void {
  const name = host.replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase();
  // Domains have dots; addresses are no domains, and names under localhost are nobody's (RFC 6761 section 6.3).
  if (!name.includes(".") || name.startsWith("[") || IPV4.test(name) || name.endsWith(".localhost")) return;
  throw new FaasError(
    "HOST_REFUSED",
    `Expected the header "Host" to be localhost or an address, got "${host.slice(0, 200)}": this server wants no keys, and is for its own machine; "faas up --auth on" takes requests by any name`,
  );
}
