import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** `import { … } from "@faas/core";`, on one or more lines. */
const IMPORT = /^import \{([^}]*)\} from "@faas\/core";/gm;
const ALL = /^export \* from "(.+)";$/gm;
const SOME = /^export \{(.+)\} from "(.+)";$/gm;
const DECLARATION = /^export (?:abstract |async )?(?:const|let|function\*?|class) (\w+)/gm;

/**
 * Returns a function that turns imports from `@faas/core` into imports from the modules that define the names. A part of a bundle would load all modules that
 * an index exports again if another part uses them; most need zod, and with it a gateway takes 6 MiB more memory. Lines keep their numbers.
 *
 * @param index path of the index of `@faas/core`
 */
export function directImports(index: string): (text: string) => string {
  const files = filesByName(index);
  return (text) =>
    text.replace(IMPORT, (statement, list: string) => {
      const imports = list.split(",").flatMap((item) => {
        const specifier = item.trim();
        if (specifier === "" || specifier.startsWith("type ")) return [];
        const file = files.get(specifier.split(" ", 1)[0] as string);
        if (file === undefined) throw new Error(`@faas/core does not export ${specifier}`);
        return `import { ${specifier} } from ${JSON.stringify(file)};`;
      });
      return imports.join(" ") + "\n".repeat(statement.split("\n").length - 1);
    });
}

/** Returns the file that defines each exported name; types are not among them. */
function filesByName(index: string): ReadonlyMap<string, string> {
  const text = readFileSync(index, "utf8");
  const files = new Map<string, string>();
  for (const [, path = ""] of text.matchAll(ALL)) {
    const file = join(dirname(index), path);
    for (const [, name = ""] of readFileSync(file, "utf8").matchAll(DECLARATION)) files.set(name, file);
  }
  for (const [, names = "", path = ""] of text.matchAll(SOME))
    for (const name of names.split(",")) files.set(name.trim(), join(dirname(index), path));
  return files;
}
