import { createHash } from "node:crypto";
import { readdir, readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { WRAPPER_FILES } from "@faas/core";

/** Size of the payloads that are kept in memory. */
const CACHE_BYTES = 32 * 2 ** 20;
const EXECUTABLE = 0o755;
const READABLE = 0o644;
/** Wrappers are in the warm image. */
const WRAPPERS: ReadonlySet<string> = new Set(Object.values(WRAPPER_FILES));

/** An entry of a function's code, as a claim lists it (docs/wrapper-protocol.md, "Warm mode"). */
type CodeFile =
  | { readonly path: string; readonly mode: number; readonly size: number }
  | { readonly path: string; readonly link: string }
  | { readonly path: string; readonly mode: number; readonly type: "folder" };

/** A function's code, ready to be sent. */
export interface CodePayload {
  readonly files: readonly CodeFile[];
  /** Content of all files, in their order. */
  readonly content: Buffer;
  /** `sha256:…` of the content. */
  readonly digest: string;
}

interface CachedPayload {
  readonly payload: Promise<CodePayload>;
  /** Size of the content; 0 until it was read. */
  bytes: number;
}

/** Payloads of bundles, those used last in memory. */
export class CodePayloads {
  readonly #folderOf: (digest: string) => Promise<string>;
  /** By the digest of the bundle; the one used last is the last. */
  readonly #cached = new Map<string, CachedPayload>();

  /** @param folderOf returns the folder of an unpacked bundle */
  constructor(folderOf: (digest: string) => Promise<string>) {
    this.#folderOf = folderOf;
  }

  /**
   * Returns the payload of a bundle.
   *
   * @throws BUNDLE_NOT_FOUND
   */
  get(bundle: string): Promise<CodePayload> {
    const cached = this.#cached.get(bundle) ?? this.#read(bundle);
    this.#cached.delete(bundle);
    this.#cached.set(bundle, cached);
    return cached.payload;
  }

  #read(bundle: string): CachedPayload {
    const cached = { payload: this.#folderOf(bundle).then(readPayload), bytes: 0 };
    cached.payload.then(
      ({ content }) => {
        cached.bytes = content.length;
        this.#trim();
      },
      () => this.#cached.delete(bundle),
    );
    return cached;
  }

  #trim(): void {
    let total = [...this.#cached.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    for (const [bundle, { bytes }] of this.#cached) {
      if (total <= CACHE_BYTES) return;
      this.#cached.delete(bundle);
      total -= bytes;
    }
  }
}

/** Reads a folder. Symbolic links are kept, folders come before their content. */
async function readPayload(folder: string): Promise<CodePayload> {
  const files: CodeFile[] = [];
  const contents: Buffer[] = [];
  const add = async (path: string): Promise<void> => {
    const entries = await readdir(join(folder, path), { withFileTypes: true });
    for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
      const name = path === "" ? entry.name : `${path}/${entry.name}`;
      if (entry.isSymbolicLink()) files.push({ path: name, link: await readlink(join(folder, name)) });
      else if (entry.isDirectory()) {
        files.push({ path: name, mode: EXECUTABLE, type: "folder" });
        await add(name);
      } else if (!WRAPPERS.has(name)) {
        const [content, { mode }] = await Promise.all([readFile(join(folder, name)), stat(join(folder, name))]);
        files.push({ path: name, mode: mode & 0o111 ? EXECUTABLE : READABLE, size: content.length });
        contents.push(content);
      }
    }
  };
  await add("");
  const content = Buffer.concat(contents);
  return { files, content, digest: `sha256:${createHash("sha256").update(content).digest("hex")}` };
}
