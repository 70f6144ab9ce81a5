import { parseOptions, type SimpleCommand } from "./words.ts";

/** Node code of the folder that a command runs. */
export type NodeCommand =
  /** A file, with or without extension; `needsProcess` if options or arguments change what it does. */
  | { readonly kind: "file"; readonly file: string; readonly needsProcess: boolean }
  | { readonly kind: "script"; readonly name: string }
  | { readonly kind: "nest" }
  | { readonly kind: "gcf"; readonly target: string | undefined; readonly source: string; readonly isEvent: boolean };

/** Options of Node that a wrapper of ours does not need, true with a value. */
const NODE_OPTIONS = {
  ...{ "--env-file": true, "--env-file-if-exists": true, "--max-old-space-size": true, "--stack-trace-limit": true },
  ...{ "--enable-source-maps": false, "--no-warnings": false, "--no-deprecation": false, "--trace-warnings": false },
  ...{ "--watch": false, "--watch-path": true, "--inspect": false, "--experimental-strip-types": false },
  ...{
    "--experimental-transform-types": false,
    "--experimental-specifier-resolution": true,
    "--trace-uncaught": false,
  },
  ...{ "-r": true, "--require": true, "--import": true, "--loader": true, "--experimental-loader": true },
};
/** Modules that an option preloads and that only compile or read `.env`. */
const PRELOADED =
  /^(?:dotenv\/config|ts-node\/register(?:\/transpile-only)?|ts-node\/esm|tsx(?:\/\w+)?|tsconfig-paths\/register|source-map-support\/register|@swc-node\/register|@swc\/register|esbuild-register)$/;
const RUNNERS = {
  node: NODE_OPTIONS,
  nodejs: NODE_OPTIONS,
  tsx: { ...NODE_OPTIONS, "--tsconfig": true, "--no-cache": false, "--clear-screen": true },
  "ts-node": {
    ...NODE_OPTIONS,
    "-P": true,
    "--project": true,
    "-T": false,
    "--transpile-only": false,
    "--esm": false,
    "--files": false,
    "--swc": false,
  },
  "ts-node-dev": { ...NODE_OPTIONS, "--respawn": false, "--transpile-only": false, "--clear": false },
  tsnd: { ...NODE_OPTIONS, "--respawn": false, "--transpile-only": false, "--clear": false },
  nodemon: { ...NODE_OPTIONS, "-w": true, "-e": true, "--ext": true, "-q": false },
  "pm2-runtime": { "-i": true, "--name": true },
  "esbuild-runner": {},
  esr: {},
  "vite-node": {},
} as const satisfies Record<string, Readonly<Record<string, boolean>>>;

/** Recognizes a command that runs a Node file, a script of package.json or a tool that does so. */
export function readNodeCommand({ words, variables }: SimpleCommand): NodeCommand | undefined {
  const [first = "", ...rest] = withoutRunner(words);
  const program = first.replace(/^(?:\.\/)?node_modules\/\.bin\//, "").replace(/^.*\/node$/, "node");
  const isPlain = Object.keys(variables).every(
    (name) => name === "NODE_ENV" || name === "PORT" || name === "FORCE_COLOR",
  );
  if (program === "npm" || program === "yarn" || program === "pnpm" || program === "bun")
    return scriptOf(rest, program);
  if (program === "nest" && rest[0] === "start") return { kind: "nest" };
  if (/^functions-framework(?:-nodejs)?$/.test(program)) return frameworkTarget(rest, variables);
  if (!Object.hasOwn(RUNNERS, program)) return undefined;
  const known: Readonly<Record<string, boolean>> = RUNNERS[program as keyof typeof RUNNERS];
  const args = program === "tsx" && rest[0] === "watch" ? rest.slice(1) : rest;
  const parsed = parseOptions(args, known, true);
  const [file, ...after] = parsed?.operands ?? args.filter((word) => /\.[mc]?[jt]sx?$/.test(word)).slice(-1);
  if (file === undefined) return undefined;
  const preloads = ["-r", "--require", "--import", "--loader", "--experimental-loader"].map((name) =>
    parsed?.options.get(name),
  );
  const isBenign = preloads.every((module) => module === undefined || PRELOADED.test(module));
  return { kind: "file", file, needsProcess: !parsed || after.length > 0 || !isBenign || !isPlain };
}

/** Removes `npx`, `dotenv --` and similar in front of a command. */
function withoutRunner(words: readonly string[]): readonly string[] {
  const [first, second] = words;
  if (first === "npx" || first === "bunx") return words.slice(second?.startsWith("-") ? 2 : 1);
  if ((first === "pnpm" || first === "yarn" || first === "npm") && (second === "exec" || second === "dlx"))
    return words.slice(words[2] === "--" ? 3 : 2);
  if (first === "dotenv" || first === "dotenvx") {
    const separator = words.indexOf("--");
    if (separator > 0) return words.slice(separator + 1);
  }
  return words;
}

function scriptOf([action = "", name, ...more]: readonly string[], program: string): NodeCommand | undefined {
  if (more.some((word) => !word.startsWith("-"))) return undefined;
  if (action === "start") return { kind: "script", name: "start" };
  if ((action === "run" || action === "run-script") && name !== undefined) return { kind: "script", name };
  if (program !== "npm" && name === undefined && /^[\w:.-]+$/.test(action) && !action.startsWith("-"))
    return { kind: "script", name: action };
  return undefined;
}

function frameworkTarget(
  words: readonly string[],
  variables: Readonly<Record<string, string>>,
): NodeCommand | undefined {
  const known = { "--target": true, "--source": true, "--port": true, "--signature-type": true };
  const options = parseOptions(words, known)?.options;
  const target = options?.get("--target") ?? variables.FUNCTION_TARGET;
  const type = options?.get("--signature-type") ?? variables.FUNCTION_SIGNATURE_TYPE ?? "http";
  return { kind: "gcf", target, source: options?.get("--source") ?? ".", isEvent: type !== "http" };
}
