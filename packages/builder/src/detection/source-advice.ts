import { readdir } from "node:fs/promises";
import { FaasError } from "@faas/core";
import type { Source } from "../source/source.ts";

/** Files of projects that have to be built before a deployment, with what does that. */
const PROJECTS: readonly (readonly [file: RegExp, language: string, build: string])[] = [
  [/^go\.mod$/, "Go", "CGO_ENABLED=0 GOOS=linux go build -o server ."],
  [/^Cargo\.toml$/, "Rust", "cargo build --release and copy the program from target/release into the folder"],
  [/^(?:pom\.xml|build\.gradle(?:\.kts)?)$/, "Java", ""],
  [/^(?:Gemfile|config\.ru)$/, "Ruby", ""],
  [/^composer\.json$/, "PHP", ""],
  [/^[^/]+\.(?:csproj|fsproj|sln)$/, ".NET", ""],
  [/^mix\.exs$/, "Elixir", ""],
  [/^Package\.swift$/, "Swift", ""],
  [/^(?:build\.zig)$/, "Zig", "zig build-exe -O ReleaseSafe and leave the program in the folder"],
  [/^deno\.jsonc?$/, "Deno", ""],
];

/** Returns an error that says how to deploy a project in a language without a runtime; undefined for other folders. */
export async function sourceAdvice({ folder, entries }: Source): Promise<FaasError | undefined> {
  const names = entries.map(({ name }) => name);
  const [, language, build] = PROJECTS.find(([file]) => names.some((name) => file.test(name))) ?? [];
  if (language === undefined) return undefined;
  const ignored = build === "" ? undefined : await ignoredProgram(folder, names);
  const first =
    build === ""
      ? "faas has no runtime for it: deploy a built program with --command"
      : ignored === undefined
        ? `build it first (${build})`
        : `its program ${ignored} is excluded by .gitignore or .faasignore: add "!${ignored}" to .faasignore`;
  return new FaasError(
    "RUNTIME_UNKNOWN",
    `${folder} has the source of a ${language} project; ${first}, or add a Dockerfile where images run`,
  );
}

/** Returns the name of a program in the folder that is not deployed. */
async function ignoredProgram(folder: string, deployed: readonly string[]): Promise<string | undefined> {
  const { programFormat } = await import("./binary.ts");
  const { open } = await import("node:fs/promises");
  for (const child of await readdir(folder, { withFileTypes: true })) {
    if (!child.isFile() || deployed.includes(child.name)) continue;
    await using file = await open(`${folder}/${child.name}`);
    const { buffer } = await file.read(Buffer.alloc(64), 0, 64, 0);
    if (programFormat(buffer)?.kind === "elf") return child.name;
  }
  return undefined;
}
