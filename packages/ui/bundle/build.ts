import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

/**
 * Bundles the page into `dist`: a script and a style sheet whose names have their hash, the document, and each of them compressed; and the list of the
 * bundled packages, for a release.
 */

const folder = join(import.meta.dirname, "..");
const outdir = join(folder, "dist");
/** Size of all compressed files that a browser loads. */
const MAX_BYTES = 150 * 1024;

const { outputFiles, metafile } = await build({
  entryPoints: { page: join(folder, "src/main.tsx"), style: join(folder, "src/style.css") },
  outdir,
  bundle: true,
  minify: true,
  write: false,
  format: "esm",
  target: ["chrome114", "firefox115", "safari16.4"],
  jsx: "automatic",
  jsxImportSource: "preact",
  conditions: ["faas-source"],
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
});

const files = new Map<string, Buffer>();
const names: Record<string, string> = {};
for (const { path, contents } of outputFiles) {
  const [, name = "", extension = ""] = /(\w+)\.(\w+)$/.exec(path) ?? [];
  const hash = createHash("sha256").update(contents).digest("hex").slice(0, 10);
  names[`${name}.${extension}`] = `${name}-${hash}.${extension}`;
  files.set(`${name}-${hash}.${extension}`, Buffer.from(contents));
}
const icon = await readFile(join(folder, "src/icon.svg"));
const iconName = `icon-${createHash("sha256").update(icon).digest("hex").slice(0, 10)}.svg`;
files.set(iconName, icon);
const template = await readFile(join(folder, "src/index.html"), "utf8");
const document = template
  .replace("page.js", names["page.js"] as string)
  .replace("style.css", names["style.css"] as string)
  .replace("icon.svg", iconName);
files.set("index.html", Buffer.from(document));

await rm(outdir, { recursive: true, force: true });
await mkdir(outdir, { recursive: true });
let total = 0;
for (const [name, content] of files) {
  const brotli = brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } });
  total += brotli.length;
  await writeFile(join(outdir, name), content);
  await writeFile(join(outdir, `${name}.br`), brotli);
  await writeFile(join(outdir, `${name}.gz`), gzipSync(content, { level: 9 }));
}
const packages = Object.keys(metafile.inputs).flatMap(
  (path) => /node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? [],
);
await writeFile(join(outdir, "packages.json"), JSON.stringify([...new Set(packages)].sort()));
if (total > MAX_BYTES) throw new Error(`Expected the page to have at most ${MAX_BYTES} compressed bytes, got ${total}`);
