/** Returns the name in a `Host` header: in lower case, without the port and the dot of a fully qualified name. */
export function hostnameOf(host: string): string {
  return host.replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase();
}
