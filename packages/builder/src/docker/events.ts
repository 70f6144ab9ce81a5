import type { Readable } from "node:stream";

/** A line of the JSON stream in the engine's responses to builds, pulls, loads and pushes. */
export interface DockerEvent {
  readonly stream?: string;
  readonly status?: string;
  /** Id of a layer. */
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
  readonly aux?: unknown;
  readonly error?: string;
}

/** Parses the events of a response of the engine, until it ends or the signal aborts. */
export async function* events(stream: NodeJS.ReadableStream, signal?: AbortSignal): AsyncGenerator<DockerEvent> {
  const readable = stream as Readable;
  const stop = () => readable.destroy(signal?.reason);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    signal?.throwIfAborted();
    const decoder = new TextDecoder();
    let rest = "";
    for await (const piece of readable) {
      const lines = (rest + decoder.decode(piece as Buffer, { stream: true })).split("\n");
      rest = lines.pop() as string;
      for (const line of lines) if (line.trim() !== "") yield JSON.parse(line);
    }
    if (rest.trim() !== "") yield JSON.parse(rest);
  } finally {
    signal?.removeEventListener("abort", stop);
    readable.destroy();
  }
}
