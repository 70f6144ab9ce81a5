import type { WarmWindow } from "./warm-windows.ts";

/** Returns the largest number of replicas of all windows. In a file of its own: gateways use it, and need no schemas. */
export const warmest = (windows: readonly Pick<WarmWindow, "replicas">[]): number =>
  windows.reduce((most, { replicas }) => Math.max(most, replicas), 0);
