import type { DockerEvent } from "./events.ts";

/** How far a push or a pull is. */
export interface ImageProgress {
  readonly layers: number;
  /** Layers that have arrived, those that were there before included. */
  readonly layersDone: number;
  /** Of the layers that were not there: pushed before they are compressed, pulled compressed. */
  readonly movedBytes: number;
  readonly totalBytes: number;
}

const DONE = /^(Pushed|Layer already exists|Mounted from |Pull complete|Already exists)/;
/** What is counted; other stages of a layer (extracting) have bytes of their own. */
const MOVING = /^(Pushing|Downloading)$/;

/** Adds up what an engine says of each layer. */
export class LayerProgress {
  readonly #layers = new Map<string, { moved: number; total: number; done: boolean }>();

  /** The sum after an event; undefined when it is of no layer. */
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
