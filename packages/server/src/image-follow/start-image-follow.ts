import type { Logger, Platform } from "@faas/core";
import type { CanaryService } from "../canary/canary-service.ts";
import type { DeploymentController } from "../deployments/controller.ts";
import type { AllowedImages } from "../deployments/image-policy.ts";
import type { DisposerStack } from "../lib/disposer-stack.ts";
import type { ServerOptions } from "../options.ts";
import type { Store } from "../state/store.ts";
import { FollowService } from "./follow-service.ts";
import { RegistryHook, readHookToken } from "./registry-hook.ts";

export interface ImageFollowContext {
  readonly options: ServerOptions;
  readonly stack: DisposerStack;
  readonly role: DisposerStack;
  readonly store: Store;
  readonly deployments: DeploymentController;
  readonly canaries: CanaryService;
  readonly platform: Platform;
  readonly images: AllowedImages;
  readonly log: Logger;
}

/**
 * Follows the tags of the stored endpoints, and takes notifications of registries.
 *
 * @throws USAGE
 */
export async function startImageFollow({ options, stack, role, images, ...context }: ImageFollowContext) {
  const { kubernetes, env = {}, registryHookTokenFile } = options;
  const token = await readHookToken(registryHookTokenFile);
  const { platform } = context;
  const registry = {
    ...{ env, registry: kubernetes?.registry, isInCluster: kubernetes?.namespace !== undefined },
    loginOf: platform.readRegistryLogin?.bind(platform),
  };
  const imageFollow = new FollowService({ ...context, registry, allowedImages: images });
  stack.share(imageFollow, role);
  imageFollow.start();
  return { imageFollow, registryHook: new RegistryHook(token, imageFollow) };
}
