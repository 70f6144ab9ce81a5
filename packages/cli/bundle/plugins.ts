import { readFile } from "node:fs/promises";
import { dirname, relative } from "node:path";
import type { Plugin } from "esbuild";
import { siteServerText } from "../../builder/src/site/server-text.ts";

/**
 * Makes `import.meta` of a bundled module refer to the place of its source, so that it finds files beside it. The defined names are constants of the
 * module; `import.meta` of the bundle itself is in its banner, to which definitions do not apply.
 */
export const sourceLocations = {
  banner: [
    // Some packages are CommonJS modules.
    'import { createRequire as __createRequire } from "node:module";',
    "const require = __createRequire(import.meta.url), __bundleFolder = import.meta.dirname, __bundleUrl = import.meta.url;",
  ].join(""),
  define: {
    "import.meta.dirname": "__sourceFolder",
    "import.meta.filename": "__sourceFile",
    "import.meta.url": "__sourceUrl",
  },
  plugin: (outdir: string): Plugin => ({
    name: "source-locations",
    setup({ onLoad }) {
      onLoad({ filter: /\.(?:ts|m?js)$/ }, async ({ path }) => {
        const text = await readFile(path, "utf8");
        const [file, folder] = [relative(outdir, path), relative(outdir, dirname(path))];
        const constants = [
          ["dirname", `__sourceFolder = __bundleFolder + ${JSON.stringify(`/${folder}`)}`],
          ["filename", `__sourceFile = __bundleFolder + ${JSON.stringify(`/${file}`)}`],
          ["url", `__sourceUrl = /* @__PURE__ */ new URL(${JSON.stringify(file)}, __bundleUrl).href`],
        ].flatMap(([name, constant]) => (text.includes(`import.meta.${name}`) ? [constant] : []));
        if (constants.length === 0) return undefined;
        // On the first line: the lines of the source keep their numbers.
        return { contents: `const ${constants.join(", ")};${text}`, loader: path.endsWith(".ts") ? "ts" : "js" };
      });
    },
  }),
};

/** Embeds the server of static sites as text, instead of bundling it when a site is built. */
export const embeddedSiteServer: Plugin = {
  name: "embedded-site-server",
  setup({ onLoad }) {
    onLoad({ filter: /\/builder\/src\/site\/server-text\.ts$/ }, async () => ({
      contents: `export const siteServerText = async () => ${JSON.stringify(await siteServerText())};`,
    }));
  },
};

/** Leaves out the error messages of zod in other languages than English. */
export const englishOnly: Plugin = {
  name: "english-only",
  setup({ onLoad }) {
    onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, ({ path }) => ({
      contents: 'export { default as en } from "./en.js";',
      resolveDir: dirname(path),
    }));
  },
};
