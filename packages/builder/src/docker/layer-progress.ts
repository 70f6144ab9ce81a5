import type { DockerEvent } from "./events.ts";

/** Progress of a push or a pull. */
export interface ImageProgress {
  readonly layers: number;
  /** Number of transferred layers, including those that already existed. */
  readonly layersDone: number;
  /** Bytes of layers that did not exist yet: uncompressed in a push, compressed in a pull. */
  readonly movedBytes: number;
  readonly totalBytes: number;
}

const DONE = /^(Pushed|Layer already exists|Mounted from |Pull complete|Already exists)/;
/** Stages whose bytes count; other stages, such as extracting, count their own bytes. */
const MOVING = /^(Pushing|Downloading)$/;

/** Adds up the engine's progress reports per layer. */
export class LayerProgress {
  readonly #layers = new Map<string, { moved: number; total: number; done: boolean }>();

  /** Updates the sum by an event and returns it; undefined when the event is not about a layer. */
  after({ id, status = "", progressDetail }: DockerEvent): ImageProgress | undefined {
    if (!id || !/^[0-9a-f]{12}$/.test(id)) return undefined;
    const layer = this.#layers.get(id) ?? { moved: 0, total: 0, done: false };
    this.#layers.set(id, layer);
    const { current, total } = progressDetail ?? {};
    if (MOVING.test(status)) {
      layer.moved = current ?? layer.moved;
      layer.total = Math.max(total ?? layer.total, layer.moved);
    }
    layer.done ||= DONE.test(status);
    if (layer.done) layer.moved = layer.total;
    return this.#sum();
  }

  #sum(): ImageProgress {
    const layers = [...this.#layers.values()];
    return {
      layers: layers.length,
      layersDone: layers.filter(({ done }) => done).length,
      movedBytes: layers.reduce((sum, { moved }) => sum + moved, 0),
      totalBytes: layers.reduce((sum, { total }) => sum + total, 0),
    };
  }
}
