import { tryParseImageReference } from "@faas/builder/registry";

/** An image that a notification says was pushed. Only a hint: the registry is asked what the tag names. */
export interface RegistryPush {
  /** Path of the repository in its registry. */
  readonly repository: string;
  /** Absent: any tag of the repository. */
  readonly tag?: string | undefined;
}

/** Tells whether a push may have moved the tag of an image. The registry's own name for its host is often another one, and is not compared. */
export function isAbout({ repository, tag }: RegistryPush, image: string): boolean {
  const followed = tryParseImageReference(image);
  if (followed === undefined || (tag !== undefined && tag !== (followed.tag ?? "latest"))) return false;
  return followed.repository.toLowerCase() === repository.toLowerCase();
}

/**
 * Reads the pushes in a notification. Its format is recognized by its fields:
 *
 * - the distribution project (also Zot, and the registry of GitLab): https://distribution.github.io/distribution/about/notifications/
 * - Harbor, in its default format: https://goharbor.io/docs/main/working-with-projects/project-configuration/configure-webhooks/
 * - GitHub, events "registry_package" and "package": https://docs.github.com/en/webhooks/webhook-events-and-payloads#registry_package
 *
 * Undefined for another document. A notification of something else, such as a pull, has no pushes.
 */
export function readPushes(document: unknown): readonly RegistryPush[] | undefined {
  const body = fieldsOf(document);
  if (Array.isArray(body.events)) return body.events.flatMap(distributionPush);
  if (typeof body.type === "string" && body.event_data !== undefined) return harborPushes(body);
  const githubPackage = body.registry_package ?? body.package;
  if (githubPackage !== undefined) return githubPushes(body, fieldsOf(githubPackage));
  // GitHub sends this when a webhook is created.
  return typeof body.zen === "string" && body.hook !== undefined ? [] : undefined;
}

function distributionPush(event: unknown): RegistryPush[] {
  const { action, target } = fieldsOf(event);
  const { repository, tag } = fieldsOf(target);
  // Layers and the manifests of a list are pushed without a tag.
  if (action !== "push" || typeof repository !== "string" || typeof tag !== "string") return [];
  return [{ repository, tag }];
}

function harborPushes({ type, event_data }: Fields): RegistryPush[] {
  const { repository, resources } = fieldsOf(event_data);
  const name = fieldsOf(repository).repo_full_name;
  if (type !== "PUSH_ARTIFACT" || typeof name !== "string") return [];
  const tags = (Array.isArray(resources) ? resources : []).map((resource) => fieldsOf(resource).tag);
  return tags.flatMap((tag) => (typeof tag === "string" && tag !== "" ? [{ repository: name, tag }] : []));
}

function githubPushes({ action }: Fields, published: Fields): RegistryPush[] {
  const { package_type, namespace, name, owner, package_version } = published;
  if (String(package_type).toLowerCase() !== "container" || !["published", "updated"].includes(String(action)))
    return [];
  const account = typeof namespace === "string" && namespace !== "" ? namespace : fieldsOf(owner).login;
  if (typeof account !== "string" || typeof name !== "string") return [];
  const tag = fieldsOf(fieldsOf(fieldsOf(package_version).container_metadata).tag).name;
  // A version that is pushed by its digest only has an empty tag.
  if (tag === "") return [];
  return [{ repository: `${account}/${name}`, tag: typeof tag === "string" ? tag : undefined }];
}

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});
