import { useEffect, useState } from "preact/hooks";

/** Place within the page, from the fragment of the URL. */
export type Route =
  | { readonly page: "overview" }
  | { readonly page: "server" }
  | { readonly page: "endpoint"; readonly org: string; readonly endpoint: string };

/** URL of a place within the page. */
export const hrefOf = (route: Route): string =>
  route.page === "endpoint"
    ? `#/endpoints/${route.org}/${route.endpoint}`
    : route.page === "server"
      ? "#/server"
      : "#/";

function parse(hash: string): Route {
  const [, page, org, endpoint] = hash.split("/");
  if (page === "server") return { page: "server" };
  if (page === "endpoints" && org && endpoint) return { page: "endpoint", org, endpoint };
  return { page: "overview" };
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
