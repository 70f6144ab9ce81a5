import { endpointKey, endpointNameProblem, hostnameOf, orgNameProblem } from "@faas/core";

/** Entry of a host that is not an endpoint's: the path names the endpoint. */
const PATH_FORM = "";

/** Parent of `<endpoint>.<org>.localhost`: browsers, curl and resolvers take every name below it for this machine (RFC 6761 section 6.3). */
const LOCALHOST = ".localhost";

/** Hosts that are remembered: clients may send any. */
const MAX_KNOWN = 1_000;
/** Longest name (RFC 1035 section 2.3.4), with a dot at its end and a port. */
const MAX_KNOWN_LENGTH = 253 + 1 + 6;

/** Finds the endpoint that a request's host belongs to. Runs for every request: a host that is known costs one look-up, as it was sent. */
export class HostTable {
  /** Keys of endpoints by hostname. */
  readonly #owners = new Map<string, string>();
  /** Hostnames of endpoints, by key; only of those that have any. */
  readonly #hostnames = new Map<string, readonly string[]>();
  /** Keys of endpoints, or `PATH_FORM`, by host as clients send it. */
  readonly #known = new Map<string, string>();

  /** Returns the key of an endpoint, which may not exist: "org/endpoint", or "org/endpoint@tag" at the host of a tag; `undefined` for any other host. */
  find(host: string): string | undefined {
    return (this.#known.get(host) ?? this.#resolve(host)) || undefined;
  }

  /** Sets the hostnames of an endpoint, which are normalized; `undefined` for none. */
  assign(key: string, hostnames: readonly string[] | undefined): void {
    const before = this.#hostnames.get(key);
    if (hostnames === before) return;
    for (const hostname of before ?? []) if (this.#owners.get(hostname) === key) this.#owners.delete(hostname);
    for (const hostname of hostnames ?? []) this.#owners.set(hostname, key);
    if (hostnames === undefined) this.#hostnames.delete(key);
    else this.#hostnames.set(key, hostnames);
    this.#known.clear();
  }

  #resolve(host: string): string {
    const hostname = hostnameOf(host);
    const key = this.#owners.get(hostname) ?? localEndpoint(hostname) ?? this.#tagged(hostname) ?? PATH_FORM;
    if (host.length <= MAX_KNOWN_LENGTH) {
      if (this.#known.size >= MAX_KNOWN) this.#known.clear();
      this.#known.set(host, key);
    }
    return key;
  }

  /** Returns the endpoint and the tag or revision in `<tag>--<hostname of an endpoint>`. */
  #tagged(hostname: string): string | undefined {
    const dashes = hostname.indexOf("--");
    if (dashes <= 0) return undefined;
    const owner = this.#owners.get(hostname.slice(dashes + 2));
    return owner === undefined ? undefined : `${owner}@${hostname.slice(0, dashes)}`;
  }
}

/** Returns the key of the endpoint in `<endpoint>.<org>.localhost`. */
function localEndpoint(hostname: string): string | undefined {
  if (!hostname.endsWith(LOCALHOST)) return undefined;
  const [endpoint = "", org = "", ...more] = hostname.slice(0, -LOCALHOST.length).split(".");
  if (more.length > 0 || endpointNameProblem(endpoint) !== undefined || orgNameProblem(org) !== undefined)
    return undefined;
  return endpointKey({ org, endpoint });
}
