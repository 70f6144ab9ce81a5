import { readFile } from "node:fs/promises";
import { dirname, relative } from "node:path";
import type { Plugin } from "esbuild";
import { siteServerText } from "../../builder/src/site/server-text.ts";

/** Folder within the bundle's folder for files of packages that these read at run time. */
export const PACKAGE_FILES = "modules";

/**
 * Makes `import.meta` of a bundled module refer to the place of its source, and that of a package, like `__dirname`, to the {@link PACKAGE_FILES}: they
 * find files beside them. The defined names are constants of the module; `import.meta` of the bundle itself is in its banner, to which definitions do
 * not apply.
 */
export const sourceLocations = {
  banner: [
    // Some packages are CommonJS modules.
    'import { createRequire as __createRequire } from "node:module";',
    "const require = __createRequire(import.meta.url), __bundleFolder = import.meta.dirname, __bundleUrl = import.meta.url;",
  ].join("\n"),
  define: {
    "import.meta.dirname": "__sourceFolder",
    "import.meta.filename": "__sourceFile",
    "import.meta.url": "__sourceUrl",
  },
  /** @param rewrite changes the text of a module of this repository, without changing the numbers of its lines */
  plugin: (outdir: string, rewrite: (text: string) => string): Plugin => ({
    name: "source-locations",
    setup({ onLoad }) {
      onLoad({ filter: /\.(?:ts|[cm]?js)$/ }, async ({ path }) => {
        const read = await readFile(path, "utf8");
        const [, pathInPackages] = /.*\/node_modules\/(.+)/.exec(path) ?? [];
        const text = pathInPackages === undefined ? rewrite(read) : read;
        const file = pathInPackages === undefined ? relative(outdir, path) : `${PACKAGE_FILES}/${pathInPackages}`;
        const constants = constantsFor(file).flatMap(([use, constant]) => (use.test(text) ? [constant] : []));
        if (constants.length === 0 && text === read) return undefined;
        // On the first line: the lines of the source keep their numbers.
        const declared = constants.length === 0 ? "" : `const ${constants.join(", ")};`;
        return { contents: declared + text, loader: path.endsWith(".ts") ? "ts" : "js" };
      });
    },
  }),
};

/** Lists constants of a module with the text that needs them. */
function constantsFor(file: string): readonly (readonly [RegExp, string])[] {
  const inBundle = (path: string) => `__bundleFolder + ${JSON.stringify(`/${path}`)}`;
  return [
    [/\bimport\.meta\.dirname\b/, `__sourceFolder = ${inBundle(dirname(file))}`],
    [/\bimport\.meta\.filename\b/, `__sourceFile = ${inBundle(file)}`],
    [/\bimport\.meta\.url\b/, `__sourceUrl = /* @__PURE__ */ new URL(${JSON.stringify(file)}, __bundleUrl).href`],
    [/(?<!["'.])\b__dirname\b(?!["'])/, `__dirname = ${inBundle(dirname(file))}`],
    [/(?<!["'.])\b__filename\b(?!["'])/, `__filename = ${inBundle(file)}`],
  ];
}

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

/**
 * Loads some of Node's modules as CommonJS does. An `import` reads all exports of a module, and some of these are loaded when they are first read: with
 * `node:http`, Node's WebSocket and with it TLS, which take as long as all else that a short command loads.
 */
export const lazyExports: Plugin = {
  name: "lazy-exports",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(?:node:)?(?:http|process)$/ }, ({ path, kind }) =>
      kind === "import-statement" ? { path: path.replace("node:", ""), namespace: "lazy-exports" } : undefined,
    );
    onLoad({ filter: /.*/, namespace: "lazy-exports" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule("node:${path}");`,
    }));
  },
};
