import assert from "node:assert/strict";
import { test } from "node:test";
import { LayerProgress } from "./layer-progress.ts";

test("a push counts the bytes of sent layers, and all layers that the registry has", () => {
  const layers = new LayerProgress();
  assert.equal(layers.after({ status: "The push refers to repository [x]" }), undefined);
  const [sent, known] = ["0123456789ab", "ba9876543210"] as const;
  for (const id of [sent, known]) layers.after({ id, status: "Preparing", progressDetail: {} });
  layers.after({ id: known, status: "Layer already exists" });
  assert.deepEqual(layers.after({ id: sent, status: "Pushing", progressDetail: { current: 512, total: 2048 } }), {
    ...{ layers: 2, layersDone: 1, movedBytes: 512, totalBytes: 2048 },
  });
  // A tar is slightly larger than the engine's estimate.
  layers.after({ id: sent, status: "Pushing", progressDetail: { current: 2560 } });
  assert.deepEqual(layers.after({ id: sent, status: "Pushed" }), {
    ...{ layers: 2, layersDone: 2, movedBytes: 2560, totalBytes: 2560 },
  });
});

test("a pull does not count extracting, and does not count the tag as a layer", () => {
  const layers = new LayerProgress();
  const id = "0123456789ab";
  assert.equal(layers.after({ id: "24-slim", status: "Pulling from library/node" }), undefined);
  layers.after({ id, status: "Downloading", progressDetail: { current: 100, total: 100 } });
  const progress = layers.after({ id, status: "Extracting", progressDetail: { current: 7, total: 100 } });
  assert.deepEqual(progress, { layers: 1, layersDone: 0, movedBytes: 100, totalBytes: 100 });
  assert.equal(layers.after({ id, status: "Pull complete" })?.layersDone, 1);
});
