import { type EndpointRef, endpointKey, FaasError, hookPath, type Settings, toolAddress, toolName } from "@faas/core";
import { checkHostnamesFree } from "./hostname-policy.ts";

/**
 * Checks that no other endpoint has a hostname, or the name of a webhook or tool: these names are unique in an organization. A name belongs to an endpoint
 * as long as its serving revision has it, or the one that is being deployed.
 *
 * @param canSee tells whether the caller can see an organization
 * @throws HOSTNAME_TAKEN, HOOK_NAME_TAKEN, TOOL_NAME_TAKEN
 */
export function checkAddressesFree(
  ref: EndpointRef,
  settings: Pick<Settings, "hostnames" | "hooks" | "tool">,
  ownerOf: (address: string) => EndpointRef | undefined,
  canSee: (org: string) => boolean,
): void {
  checkHostnamesFree(ref, settings, ownerOf, canSee);
  for (const { name } of settings.hooks ?? []) {
    const owner = ownerOf(hookPath(ref.org, name));
    if (owner === undefined || endpointKey(owner) === endpointKey(ref)) continue;
    throw new FaasError(
      "HOOK_NAME_TAKEN",
      `The webhook "${name}" of ${ref.org} belongs to ${endpointKey(owner)}. Choose another name, or first run "faas config ${endpointKey(owner)} hooks=" with the hooks that it keeps`,
      { extensions: { hook: name } },
    );
  }
  if (settings.tool) checkToolNameFree(ref, toolName(settings.tool, ref), ownerOf);
}

function checkToolNameFree(
  ref: EndpointRef,
  name: string,
  ownerOf: (address: string) => EndpointRef | undefined,
): void {
  const owner = ownerOf(toolAddress(ref.org, name));
  if (owner === undefined || endpointKey(owner) === endpointKey(ref)) return;
  throw new FaasError(
    "TOOL_NAME_TAKEN",
    `The tool "${name}" of ${ref.org} belongs to ${endpointKey(owner)}. Choose another "name" in "tool", or first run "faas config ${endpointKey(owner)} --unset tool"`,
    { extensions: { tool: name } },
  );
}
