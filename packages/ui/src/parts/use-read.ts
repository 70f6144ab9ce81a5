import { useEffect, useState } from "preact/hooks";

/**
 * Reads a value, and again when a dependency changes. The last one stays while the server does not respond.
 *
 * @param reloadMs time after which it is read again, while the page is visible; absent: only when a dependency changes
 */
export function useRead<T>(read: () => Promise<T>, dependencies: readonly unknown[], reloadMs?: number): T | undefined {
  const [value, setValue] = useState<T>();
  useEffect(() => {
    let isCurrent = true;
    const load = () =>
      read().then(
        (found) => isCurrent && setValue(found),
        () => {},
      );
    void load();
    const reload = () => document.visibilityState === "visible" && void load();
    const timer = reloadMs === undefined ? undefined : setInterval(reload, reloadMs);
    return () => {
      isCurrent = false;
      clearInterval(timer);
    };
  }, [...dependencies]);
  return value;
}
