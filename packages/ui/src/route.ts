import type { AsyncCallState } from "@faas/core";
import { useEffect, useState } from "preact/hooks";

/** Place within the page, from the fragment of the URL. */
export type Route =
  | { readonly page: "overview" }
  | { readonly page: "calls" }
  | { readonly page: "server" }
  | { readonly page: "endpoint"; readonly org: string; readonly endpoint: string }
  | { readonly page: "call"; readonly org: string; readonly endpoint: string; readonly requestId: string }
  | ({ readonly page: "async-calls" } & AsyncCallChoice)
  | { readonly page: "async-call"; readonly org: string; readonly id: string };

/** Choice of asynchronous calls; what is absent does not matter. */
export interface AsyncCallChoice {
  /** Absent: the first organization that the key can see. */
  readonly org?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly state?: AsyncCallState | undefined;
  /** Id of a call: only earlier ones. */
  readonly before?: string | undefined;
}

/** States of an asynchronous call with their names for people. */
export const asyncCallStates: Readonly<Record<AsyncCallState, string>> = {
  waiting: "Waiting",
  running: "Running",
  completed: "Completed",
  failed: "Failed",
};

/** URL of a place within the page. */
export function hrefOf(route: Route): string {
  if (route.page === "overview") return "#/";
  if (route.page === "calls" || route.page === "server") return `#/${route.page}`;
  if (route.page === "async-call") return `#/async-calls/${route.org}/${encodeURIComponent(route.id)}`;
  if (route.page === "async-calls") {
    const { page, ...choice } = route;
    return `#/${page}${queryOf(choice)}`;
  }
  const endpoint = `#/endpoints/${route.org}/${route.endpoint}`;
  return route.page === "endpoint" ? endpoint : `${endpoint}/calls/${encodeURIComponent(route.requestId)}`;
}

/** Formats parameters as a query; without those that are undefined. */
export function queryOf(parameters: { readonly [name: string]: string | undefined }): string {
  const present = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return present.length === 0 ? "" : `?${new URLSearchParams(present)}`;
}

function parse(hash: string): Route {
  const [path = "", query] = hash.split("?", 2);
  const [, page, org, endpoint, part, requestId] = path.split("/");
  if (page === "server" || page === "calls") return { page };
  if (page === "async-calls") {
    if (org && endpoint) return { page: "async-call", org, id: decoded(endpoint) };
    return { page, ...parseChoice(new URLSearchParams(query)) };
  }
  if (page !== "endpoints" || !org || !endpoint) return { page: "overview" };
  if (part !== "calls" || !requestId) return { page: "endpoint", org, endpoint };
  return { page: "call", org, endpoint, requestId: decoded(requestId) };
}

function parseChoice(query: URLSearchParams): AsyncCallChoice {
  const value = (name: string) => query.get(name) || undefined;
  const state = value("state");
  return {
    ...{ org: value("org"), endpoint: value("endpoint"), before: value("before") },
    state: state !== undefined && Object.hasOwn(asyncCallStates, state) ? (state as AsyncCallState) : undefined,
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Follows the fragment of the URL. */
export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const onChange = () => setHash(location.hash);
    addEventListener("hashchange", onChange);
    return () => removeEventListener("hashchange", onChange);
  }, []);
  return parse(hash);
}
