import assert from "node:assert/strict";
import { test } from "node:test";
import { startFakeRegistry } from "../testing/fake-registry.ts";
import { imageLayers } from "./image-layers.ts";

const digest = `sha256:${"a".repeat(64)}`;

test("lists the layers of an image at the address of its registry for pushes, and nothing for other images", async (t) => {
  const { address } = await startFakeRegistry(t, {
    answer(incoming, response) {
      if (incoming.url !== `/v2/faas/acme/invert/manifests/${digest}`) return false;
      response.end(JSON.stringify({ layers: [{ digest: "sha256:one" }, { digest: "sha256:two" }] }));
      return true;
    },
  });
  const registry = { push: `${address}/faas`, pull: "10.0.0.1:5000/faas" };
  const layers = (image: string) => imageLayers(image, registry, {});
  assert.deepEqual(await layers(`10.0.0.1:5000/faas/acme/invert@${digest}`), ["sha256:one", "sha256:two"]);
  assert.equal(await layers(`10.0.0.1:5000/faas/acme/other@${digest}`), undefined);
  assert.equal(await layers("Not an image"), undefined);
});

test("lists nothing when the registry does not respond", async () => {
  assert.equal(await imageLayers(`127.0.0.1:1/acme/invert@${digest}`, undefined, {}), undefined);
});
