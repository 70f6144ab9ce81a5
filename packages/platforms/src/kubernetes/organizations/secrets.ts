import { FaasError, type SecretVersion } from "@faas/core";
import type { KubernetesApi } from "../client/api-client.ts";
import { ClusterError } from "../client/cluster-error.ts";
import { type KubernetesObject, pathOf } from "../client/objects.ts";
import { type ManifestOptions, namespaceOf, SECRETS, secretKey } from "../reconcile/manifests/labels.ts";
import { secretsManifest } from "../reconcile/manifests/organization.ts";

/** Media type of a response without the data: the response to a patch would otherwise contain all values of the organization. */
const METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const MANAGER = "faas-secrets";

type StoredSecret = KubernetesObject & { readonly data?: Readonly<Record<string, string>> };

/**
 * Store for the values of organizations' secrets: keys of one Secret per namespace. Its name is fixed, so that permissions can be limited to it.
 * Values are added and removed by patches (docs/decisions/0021-versioned-secrets.md). Only those with which webhooks are verified are read
 * (docs/decisions/0052-triggers.md).
 */
export class KubernetesSecrets {
  readonly #api: KubernetesApi;
  readonly #manifests: ManifestOptions;

  constructor(api: KubernetesApi, manifests: ManifestOptions) {
    this.#api = api;
    this.#manifests = manifests;
  }

  /**
   * Adds a value. The namespace must exist.
   *
   * @throws SECRETS_FULL
   * @throws CLUSTER_*
   */
  async put(org: string, secret: SecretVersion, value: string, signal?: AbortSignal): Promise<void> {
    const manifest = secretsManifest(org, this.#manifests) as KubernetesObject;
    await this.#api.apply(manifest, signal, METADATA_ONLY);
    const data = { [secretKey(secret)]: Buffer.from(value).toString("base64") };
    await this.#patch(org, { data }, signal).catch((error) => {
      // The error of the cluster may contain the object.
      if (!(error instanceof ClusterError) || error.httpStatus !== 422) throw error;
      throw new FaasError(
        "SECRETS_FULL",
        `The secret "${secret.name}" does not fit: in a cluster, all secrets of an organization may take at most 1 MiB, including the previous values of those being changed. Remove some, or make them smaller`,
      );
    });
  }

  /**
   * Reads a value.
   *
   * @throws SECRET_UNAVAILABLE
   * @throws CLUSTER_*
   */
  async read(org: string, secret: SecretVersion, signal?: AbortSignal): Promise<string> {
    const stored = await this.#api.get<StoredSecret>("Secret", namespaceOf(org), SECRETS, signal);
    const value = stored?.data?.[secretKey(secret)];
    if (value !== undefined) return Buffer.from(value, "base64").toString();
    throw new FaasError(
      "SECRET_UNAVAILABLE",
      `The value of the secret "${secret.name}" is not in the cluster: set it again with "faas secret set ${org} ${secret.name}"`,
    );
  }

  async remove(org: string, secret: SecretVersion, signal?: AbortSignal): Promise<void> {
    await this.#patch(org, { data: { [secretKey(secret)]: null } }, signal).catch((error) => {
      if (!(error instanceof ClusterError) || error.httpStatus !== 404) throw error;
    });
  }

  async #patch(org: string, body: object, signal: AbortSignal | undefined): Promise<void> {
    await this.#api.call("PATCH", pathOf("Secret", namespaceOf(org), SECRETS), {
      body,
      contentType: "application/merge-patch+json",
      accept: METADATA_ONLY,
      query: { fieldManager: MANAGER },
      signal,
    });
  }
}
