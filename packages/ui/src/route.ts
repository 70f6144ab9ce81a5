import { useEffect, useState } from "preact/hooks";

/** Place within the page, from the fragment of the URL. */
export type Route =
  | { readonly page: "overview" }
  | { readonly page: "calls" }
  | { readonly page: "server" }
  | { readonly page: "endpoint"; readonly org: string; readonly endpoint: string }
  | { readonly page: "call"; readonly org: string; readonly endpoint: string; readonly requestId: string };

/** URL of a place within the page. */
export function hrefOf(route: Route): string {
  if (route.page === "overview") return "#/";
  if (route.page === "calls" || route.page === "server") return `#/${route.page}`;
  const endpoint = `#/endpoints/${route.org}/${route.endpoint}`;
  return route.page === "endpoint" ? endpoint : `${endpoint}/calls/${encodeURIComponent(route.requestId)}`;
}

function parse(hash: string): Route {
  const [, page, org, endpoint, part, requestId] = hash.split("/");
  if (page === "server" || page === "calls") return { page };
  if (page !== "endpoints" || !org || !endpoint) return { page: "overview" };
  if (part !== "calls" || !requestId) return { page: "endpoint", org, endpoint };
  return { page: "call", org, endpoint, requestId: decoded(requestId) };
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
