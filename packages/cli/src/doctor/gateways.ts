import type { GatewayInfo, ServerStatus } from "@faas/core";
import { fetch } from "undici";
import { agentFor, type Check } from "./checks.ts";

const TIMEOUT_MS = 2_000;
/** Age of a view from which on a gateway is not just about to confirm the latest change. */
const OLD_VIEW_MS = 2_000;

/**
 * Checks the gateways of a control server that run in processes of their own. Returns nothing without such gateways, without an admin key, and for a server
 * that does not respond.
 */
export async function checkGateways(
  url: string,
  version: string,
  token: string | undefined,
  ca: string | undefined,
): Promise<readonly Check[]> {
  const status = await readStatus(url, token, ca);
  return status === undefined || status.gateways.length === 0 ? [] : [gatewayCheck(status.gateways, version)];
}

/** Sums up the states of gateways. Pure. */
export function gatewayCheck(gateways: readonly GatewayInfo[], version: string): Check {
  const name = "gateways";
  const troubles = gateways.flatMap((gateway) => {
    const trouble = troubleOf(gateway, version);
    return trouble === undefined ? [] : [`${gateway.name} ${trouble}`];
  });
  const count = `${gateways.length} gateway${gateways.length === 1 ? "" : "s"}`;
  if (troubles.length === 0) return { name, status: "ok", found: `${count}, version ${version}, all views current` };
  return {
    ...{ name, status: "warning", found: `${count}: ${troubles.join("; ")}` },
    advice: "See faas status, and docs/operations.md",
  };
}

function troubleOf({ state, viewAgeMs, version }: GatewayInfo, expected: string): string | undefined {
  if (state === "lost") return "has no link to the control server";
  if (viewAgeMs >= OLD_VIEW_MS) return `has a view that is ${Math.round(viewAgeMs / 1000)} s old`;
  return version === expected ? undefined : `has version ${version}`;
}

async function readStatus(url: string, token?: string, ca?: string): Promise<ServerStatus | undefined> {
  try {
    const response = await fetch(new URL("/-/status", url), {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      dispatcher: agentFor(ca),
    });
    const status = (await response.json()) as Partial<ServerStatus>;
    return response.ok && Array.isArray(status.gateways) ? (status as ServerStatus) : undefined;
  } catch {
    return undefined; // `checkServer` reports it.
  }
}
