import { join } from "node:path";
import { readOptionalText } from "../../source/manifest.ts";

/** Dependencies of a project without pyproject.toml; `"build"` if only running its setup.py can tell. */
export async function readSetupFiles(folder: string): Promise<readonly string[] | "build"> {
  const setup = (await readOptionalText(join(folder, "setup.py"))) ?? "";
  if (/\binstall_requires\b/.test(setup)) return "build";
  const config = (await readOptionalText(join(folder, "setup.cfg"))) ?? "";
  return listOf(config, "options", "install_requires");
}

/** Reads a list in an INI file: one entry per line. */
function listOf(text: string, section: string, key: string): string[] {
  const entries: string[] = [];
  let isInSection = false;
  let isInList = false;
  for (const line of text.split("\n").filter((each) => !/^\s*[#;]/.test(each))) {
    const [, header] = /^\[([^\]]+)\]/.exec(line) ?? [];
    const [, name, value = ""] = /^([\w-]+)\s*[=:]\s*(.*)$/.exec(line) ?? [];
    if (header !== undefined) isInSection = header.trim() === section;
    if (header !== undefined || name !== undefined) isInList = isInSection && name?.replaceAll("-", "_") === key;
    if (isInList) entries.push((name === undefined ? line : value).replace(/\s#.*/, "").trim());
  }
  return entries.filter((each) => each !== "");
}
