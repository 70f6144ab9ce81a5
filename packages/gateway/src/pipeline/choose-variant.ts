import { revisionNotFound } from "../endpoints/not-found.ts";
import type { EndpointRegistry } from "../endpoints/registry.ts";
import type { ServedEndpoint } from "../endpoints/served-endpoint.ts";
import type { SplitChooser } from "../split/split-chooser.ts";
import { stickyCookieLine, stickyKeyOf } from "../split/sticky-key.ts";
import type { Exchange, RoutedExchange, Stage } from "./exchange.ts";

type Endpoints = Pick<EndpointRegistry, "get">;

/**
 * Chooses the revision of a request, once: the one that its address names, or one of the endpoint's split. All later stages see it as an endpoint of its own,
 * and retries stay with it. Endpoints without a split pass.
 * @throws REVISION_NOT_FOUND
 */
export function chooseVariant(endpoints: Endpoints): Stage {
  return (exchange) => {
    if (exchange.revisionName !== undefined || exchange.endpoint.split !== undefined) choose(exchange, endpoints);
    exchange.proceed();
  };
}

/**
 * Chooses again for a request that waits for a variant that no longer exists. Returns false if the request is not for a variant.
 * @throws REVISION_NOT_FOUND
 */
export function chooseAgain(exchange: RoutedExchange, endpoints: Endpoints): boolean {
  const { main } = exchange;
  if (main === undefined || main.removed) return false;
  setEndpoint(exchange, main);
  choose(exchange, endpoints);
  return true;
}

function choose(exchange: RoutedExchange, endpoints: Endpoints): void {
  const main = exchange.endpoint;
  const variant =
    exchange.revisionName === undefined
      ? bySplit(exchange, main, endpoints)
      : byName(main, exchange.revisionName, endpoints);
  if (variant === main) return;
  exchange.main = main;
  setEndpoint(exchange, variant);
}

const setEndpoint = (exchange: Exchange, endpoint: ServedEndpoint) => {
  exchange.endpoint = endpoint;
};

function bySplit(exchange: RoutedExchange, main: ServedEndpoint, endpoints: Endpoints): ServedEndpoint {
  const { split } = main;
  if (split === undefined) return main;
  const { sticky } = split.split;
  const revision = sticky === undefined ? split.next() : bySticky(exchange, split, sticky);
  // A revision that is not served here is about to be, or was until a moment ago.
  return (revision === undefined ? undefined : variantOf(main, revision, endpoints)) ?? main;
}

function bySticky(exchange: RoutedExchange, split: SplitChooser, sticky: string): string | undefined {
  const { request, prefix } = exchange;
  const key = stickyKeyOf(sticky, request.endToEndLines());
  if (key !== undefined) return split.chooseFor(key);
  if (sticky !== "cookie") return split.next();
  const newKey = split.newKey();
  const proto = request.headers["x-forwarded-proto"] ?? request.caller.proto;
  exchange.ownLines = stickyCookieLine(newKey, prefix === "" ? "/" : prefix, proto === "https");
  return split.chooseFor(newKey);
}

function byName(main: ServedEndpoint, name: string, endpoints: Endpoints): ServedEndpoint {
  const { tags = {} } = main.spec;
  const revision = Object.hasOwn(tags, name) ? (tags[name] as string) : name;
  const variant = variantOf(main, revision, endpoints);
  if (variant === undefined) throw revisionNotFound(main.key, name);
  return variant;
}

/** Returns what serves a revision; undefined if nothing does. */
function variantOf(main: ServedEndpoint, revision: string, endpoints: Endpoints): ServedEndpoint | undefined {
  return revision === main.spec.revision ? main : endpoints.get(`${main.key}.${revision}`);
}
