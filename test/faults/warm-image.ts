import assert from "node:assert/strict";
import { buildImage } from "@faas/builder";
import type { Artifact, Registry } from "@faas/core";

export interface WarmImageOptions {
  readonly org: string;
  readonly registry: Registry;
  /** Address of the control server, which keeps the code for warm pods. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Builds and pushes the image of a folder, and uploads its code, so that warm pods can be given it. */
export async function warmImage(folder: string, options: WarmImageOptions): Promise<Artifact> {
  const { org, registry, url, headers = {} } = options;
  const { reference, warm } = await buildImage(folder, {
    ...{ org, endpoint: "function", registry, push: true },
    uploadCode: async ({ digest, tar }) => {
      const response = await fetch(`${url}/-/bundles/${digest}?org=${org}`, {
        method: "PUT",
        headers: { ...headers, "content-type": "application/x-tar" },
        body: new Uint8Array(tar),
      });
      assert.ok(response.ok, `the upload of the code was answered with ${response.status}`);
    },
  });
  assert.ok(warm, "the image has no warm part");
  return { kind: "image", reference, warm };
}
