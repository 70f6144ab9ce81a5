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

/** Payloads of bundles, the latest in memory. */
export class CodePayloads {
  readonly #folderOf: (digest: string) => Promise<string>;
  readonly #payloads = new Map<string, Promise<CodePayload>>();
  #bytes = 0;

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
    const known = this.#payloads.get(bundle);
    if (known) {
      // The least recently used is the first.
      this.#payloads.delete(bundle);
      this.#payloads.set(bundle, known);
      return known;
    }
    const payload = this.#folderOf(bundle).then(readPayload);
    this.#payloads.set(bundle, payload);
    payload.then(
      ({ content }) => this.#added(content.length),
      () => this.#payloads.delete(bundle),
    );
    return payload;
  }

  #added(bytes: number): void {
    this.#bytes += bytes;
    for (const [bundle, payload] of this.#payloads) {
      if (this.#bytes <= CACHE_BYTES || this.#payloads.size === 1) break;
      this.#payloads.delete(bundle);
      void payload.then(({ content }) => (this.#bytes -= content.length));
      break;
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
