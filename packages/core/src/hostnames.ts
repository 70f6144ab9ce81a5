/** Returns the name in a `Host` header: in lower case, without the port and the dot of a fully qualified name. */
export function hostnameOf(host: string): string {
  return host.replace(/:\d*$/, "").replace(/\.$/, "").toLowerCase();
}

/** Returns a hostname, or a pattern, with its non-ASCII labels in the form of DNS (RFC 5891: `xn--…`), if it has any. */
export function asciiHostname(name: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ASCII begins with NUL
  if (/^[\x00-\x7f]*$/.test(name)) return name;
  const star = name.startsWith("*.") ? "*." : "";
  const url = `http://${name.slice(star.length)}`;
  return URL.canParse(url) && !/[/?#@:\\\s]/.test(name) ? star + new URL(url).hostname : name;
}

/** Returns hostnames, which are valid, in the form in which they are compared: sorted, without duplicates. */
export function normalizedHostnames(names: readonly string[]): string[] {
  return [...new Set(names.map(hostnameOf))].sort();
}

/** Tells whether a normalized hostname matches an entry of the list: `*.example.com` stands for one label, so neither example.com nor a.b.example.com matches. */
export function isHostnameAllowed(hostname: string, patterns: readonly string[]): boolean {
  const parent = hostname.slice(hostname.indexOf(".") + 1);
  return patterns.some((pattern) => {
    const allowed = hostnameOf(pattern);
    return allowed === hostname || (hostname.includes(".") && allowed === `*.${parent}`);
  });
}
