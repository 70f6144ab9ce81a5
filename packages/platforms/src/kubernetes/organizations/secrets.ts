import { FaasError, type SecretVersion } from "@faas/core";
import { ClusterError, type KubernetesApi, type KubernetesObject, pathOf } from "../client/api-client.ts";
import { type ManifestOptions, namespaceOf, SECRETS, secretKey, secretsManifest } from "../reconcile/manifests.ts";

/** Of the answers: the object without what is in it. A patch would else bring back all values that the organization has. */
const METADATA_ALONE = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const MANAGER = "faas-secrets";

/**
 * Values of an organization's secrets: keys of one Secret in its namespace, whose name is fixed, so that rights can be given for it alone. Values are
 * added and taken away by patches; nothing is read (docs/decisions/0021-versioned-secrets.md).
 */
export class KubernetesSecrets {
  readonly #api: KubernetesApi;
  readonly #manifests: ManifestOptions;

  constructor(api: KubernetesApi, manifests: ManifestOptions) {
    this.#api = api;
    this.#manifests = manifests;
  }

  /** The namespace is there. Rejects with SECRETS_FULL and CLUSTER_*. */
  async put(org: string, secret: SecretVersion, value: string, signal?: AbortSignal): Promise<void> {
    const manifest = secretsManifest(org, this.#manifests) as KubernetesObject;
    await this.#api.apply(manifest, signal, METADATA_ALONE);
    const data = { [secretKey(secret)]: Buffer.from(value).toString("base64") };
    await this.#patch(org, { data }, signal).catch((error) => {
      // What the cluster says of it may have the object in it.
      if (!(error instanceof ClusterError) || error.httpStatus !== 422) throw error;
      throw new FaasError(
        "SECRETS_FULL",
        `There is no room for the secret "${secret.name}": in a cluster all secrets of an organization take 1 MiB at most, with the former values of those that are just being changed. Remove some, or make them smaller`,
      );
    });
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
      accept: METADATA_ALONE,
      query: { fieldManager: MANAGER },
      signal,
    });
  }
}
