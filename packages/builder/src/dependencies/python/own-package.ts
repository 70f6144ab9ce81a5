import { join } from "node:path";
import { readOptionalText } from "../../source/manifest.ts";
import { type Table, tableAt, tablesOf, textOf, textsOf } from "./table.ts";

/** Backends whose packages are the files of the project itself. */
const PURE_BACKENDS =
  /^(?:setuptools\.build_meta(?::__legacy__)?|hatchling\.build|poetry\.(?:core\.)?masonry\.api|flit(?:_core)?\.buildapi|pdm\.(?:backend|pep517\.api)|uv_build)$/;
/** Folders that a function imports from. */
const ROOTS = new Set([undefined, "", ".", "src", "./src", "src/"]);

/**
 * Installation of the function's own project: the files that describe it to `importlib.metadata`, as its code is deployed anyway and imported from
 * the folder and from `src`; or `"build"` for a package that has to be built, for example with native code.
 */
export type OwnPackage = ReadonlyMap<string, string> | "build";

/**
 * Finds out how the project of a pyproject.toml is installed; undefined for a project that is not a package.
 *
 * @param isRequested - true if a requirement names the folder
 */
export async function findOwnPackage(
  folder: string,
  pyproject: Table,
  isRequested: boolean,
): Promise<OwnPackage | undefined> {
  if (!isRequested && !isPackage(pyproject)) return undefined;
  const name = textOf(tableAt(pyproject, "project").name) ?? textOf(tableAt(pyproject, "tool", "poetry").name);
  if (name === undefined) return isRequested ? "build" : undefined;
  const setup = (await readOptionalText(join(folder, "setup.py"))) ?? "";
  if (!isPure(pyproject) || /\b(?:ext_modules|cffi_modules|rust_extensions|cythonize)\b/.test(setup)) return "build";
  const version = await versionOf(folder, pyproject, name);
  const info = `${fileName(name)}-${fileName(version)}.dist-info`;
  const entryPoints = entryPointsOf(pyproject);
  return new Map([
    [`${info}/METADATA`, `Metadata-Version: 2.1\nName: ${name}\nVersion: ${version}\n`],
    ...(entryPoints === "" ? [] : [[`${info}/entry_points.txt`, entryPoints] as const]),
  ]);
}

const fileName = (text: string) => text.replaceAll(/[-_.](?=[A-Za-z_-])|-/g, "_");

function isPackage(pyproject: Table): boolean {
  const { uv, poetry, pdm } = tableAt(pyproject, "tool") as Readonly<Record<string, Table | undefined>>;
  const settings = [uv?.package, pdm?.distribution, poetry?.["package-mode"]];
  if (settings.includes(false)) return false;
  return pyproject["build-system"] !== undefined || settings.includes(true);
}

/** Returns true if the code can be imported as it is, from the folder itself or from `src`. */
function isPure(pyproject: Table): boolean {
  const backend = textOf(tableAt(pyproject, "build-system")["build-backend"]) ?? "setuptools.build_meta";
  if (!PURE_BACKENDS.test(backend)) return false;
  const { setuptools, poetry, pdm, uv, hatch } = tableAt(pyproject, "tool") as Readonly<Record<string, unknown>>;
  const wheel = tableAt(hatch, "build", "targets", "wheel");
  const roots: unknown[] = [
    ...Object.values(tableAt(setuptools, "package-dir")),
    ...textsOf(tableAt(setuptools, "packages", "find").where),
    ...tablesOf(tableAt(poetry).packages).map(({ from }) => from),
    tableAt(pdm, "build")["package-dir"],
    tableAt(uv, "build-backend")["module-root"],
    ...textsOf(wheel.sources),
    ...textsOf(wheel.packages).map((path) => path.replace(/\/?[^/]+\/?$/, "")),
  ];
  const generates =
    tableAt(setuptools)["ext-modules"] ??
    tableAt(poetry).build ??
    tableAt(hatch, "build", "hooks").custom ??
    tableAt(wheel, "hooks").custom ??
    wheel["force-include"];
  return generates === undefined && roots.every((root) => ROOTS.has(root as string | undefined));
}

/** Returns the version, which a backend may read from the code or the repository; 0.0.0 if it is in neither the manifest nor the code. */
async function versionOf(folder: string, pyproject: Table, name: string): Promise<string> {
  const version = textOf(tableAt(pyproject, "project").version) ?? textOf(tableAt(pyproject, "tool", "poetry").version);
  if (version !== undefined) return version;
  const module = name.replaceAll(/[-_.]+/g, "_");
  const modules = [...new Set([module, module.toLowerCase()])];
  const hatch = textOf(tableAt(pyproject, "tool", "hatch", "version").path);
  const files = ["src", "."].flatMap((root) =>
    modules.flatMap((each) => [
      ...["__init__", "_version", "__about__", "version"].map((file) => join(root, each, `${file}.py`)),
      join(root, `${each}.py`),
    ]),
  );
  for (const file of [...(hatch === undefined ? [] : [hatch]), ...files]) {
    const text = await readOptionalText(join(folder, file)).catch(() => undefined);
    const [, , found] = /^(?:__version__|version|VERSION)\b[^=\n]*=\s*(["'])([^"'\n]+)\1/m.exec(text ?? "") ?? [];
    if (found !== undefined) return found;
  }
  return "0.0.0";
}

/** Formats entry points, which a project finds with `importlib.metadata`. */
function entryPointsOf(pyproject: Table): string {
  const { scripts, "gui-scripts": graphical, "entry-points": others } = tableAt(pyproject, "project");
  const poetry = tableAt(pyproject, "tool", "poetry");
  const groups: [name: string, entries: unknown][] = [
    ["console_scripts", scripts ?? poetry.scripts],
    ["gui_scripts", graphical],
    ...Object.entries(tableAt({ others: others ?? poetry.plugins }, "others")),
  ];
  return groups
    .map(([name, entries]): [string, [string, unknown][]] => [name, Object.entries(tableAt({ entries }, "entries"))])
    .filter(([, entries]) => entries.length > 0)
    .map(([name, entries]) => `[${name}]\n${entries.map(([key, value]) => `${key} = ${String(value)}\n`).join("")}`)
    .join("\n");
}
