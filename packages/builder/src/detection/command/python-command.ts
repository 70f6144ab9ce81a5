import { parseOptions, type SimpleCommand } from "./words.ts";

/** Python code of the folder that a command serves. */
export type PythonCommand =
  /** An application server for `module:attribute`; `needsProcess` if options change what it does. */
  | { readonly kind: "app"; readonly app: "wsgi" | "asgi"; readonly target: string; readonly needsProcess: boolean }
  | { readonly kind: "file"; readonly file: string; readonly needsProcess: boolean }
  | { readonly kind: "module"; readonly module: string }
  | { readonly kind: "django" }
  /** `flask run` and `fastapi run`, which look for the app by themselves. */
  | { readonly kind: "found"; readonly target: string | undefined; readonly needsProcess: boolean };

type Known = Readonly<Record<string, boolean>>;

const all = (names: string, hasValue: boolean): Known =>
  Object.fromEntries(names.split(" ").map((name) => [name, hasValue]));

/** Options that say where and with how many processes a server listens, and what it logs: the platform decides about these. */
const GUNICORN: Known = {
  ...all(
    "-b --bind -w --workers -k --worker-class --threads -t --timeout --graceful-timeout --keep-alive --keepalive",
    true,
  ),
  ...all(
    "--max-requests --max-requests-jitter --worker-tmp-dir --worker-connections --backlog -n --name -p --pid",
    true,
  ),
  ...all(
    "--log-level --log-file --access-logfile --access-logformat --error-logfile --statsd-host --forwarded-allow-ips",
    true,
  ),
  ...all("--preload --reload --capture-output --enable-stdio-inheritance --no-sendfile", false),
};
const UVICORN: Known = {
  ...all("--host --port --workers --loop --http --ws --log-level --log-config --timeout-keep-alive", true),
  ...all(
    "--timeout-graceful-shutdown --limit-concurrency --limit-max-requests --backlog --forwarded-allow-ips --env-file",
    true,
  ),
  ...all(
    "--reload --proxy-headers --no-proxy-headers --access-log --no-access-log --use-colors --no-use-colors",
    false,
  ),
  ...all("--no-server-header --no-date-header --factory", false),
  ...all("--lifespan --interface", true),
};
const HYPERCORN: Known = {
  ...all(
    "-b --bind -w --workers -k --worker-class --access-log --access-logfile --error-log --error-logfile --log-level",
    true,
  ),
  ...all("--keep-alive --graceful-timeout --backlog -p --pid", true),
  ...all("--reload", false),
};
const DAPHNE: Known = {
  ...all("-b --bind -p --port -v --verbosity --access-log -t --http-timeout", true),
  ...all("--proxy-headers", false),
};
const WAITRESS: Known = all("--host --port --listen --threads --channel-timeout --connection-limit --ident", true);
const GRANIAN: Known = all("--host --port --workers --interface --log-level --loop", true);
const SERVERS = {
  gunicorn: GUNICORN,
  uvicorn: UVICORN,
  hypercorn: HYPERCORN,
  daphne: DAPHNE,
  "waitress-serve": WAITRESS,
  waitress: WAITRESS,
  granian: GRANIAN,
} as const satisfies Record<string, Known>;

/** Recognizes a command that serves Python code. */
export function readPythonCommand({ words, variables }: SimpleCommand): PythonCommand | undefined {
  const [program = "", ...args] = withoutRunner(words);
  const hasVariables = Object.keys(variables).some(
    (name) => !/^(?:PORT|PYTHONUNBUFFERED|PYTHONDONTWRITEBYTECODE)$/.test(name),
  );
  const name = program.replace(/^.*\/bin\//, "");
  if (/^python(?:3(?:\.\d+)?)?$/.test(name)) return readInterpreter(args, hasVariables, variables);
  if (Object.hasOwn(SERVERS, name)) return readServer(name as keyof typeof SERVERS, args, hasVariables);
  if (name === "flask") return readFlask(args, variables);
  if (name === "fastapi" && args[0] === "run") return readFastApi(args.slice(1), hasVariables);
  return undefined;
}

/** Removes a package manager in front of a command. */
export function withoutRunner(words: readonly string[]): readonly string[] {
  const [first = "", second] = words;
  if (/^(?:poetry|pipenv|uv|pdm|rye|hatch)$/.test(first) && second === "run") return words.slice(2);
  return words;
}

function readInterpreter(
  args: readonly string[],
  hasVariables: boolean,
  variables: Readonly<Record<string, string>>,
): PythonCommand | undefined {
  const options = args.findIndex((word) => !/^-[uBEsSOI]+$/.test(word));
  const [first, second, ...rest] = options < 0 ? [] : args.slice(options);
  if (first === "-m" && second !== undefined) {
    const tool = readPythonCommand({ words: [second, ...rest], variables });
    return tool ?? (hasVariables || rest.length > 0 ? undefined : { kind: "module", module: second });
  }
  if (first === undefined || first.startsWith("-")) return undefined;
  if (/(?:^|\/)manage\.py$/.test(first)) return second === "runserver" ? { kind: "django" } : undefined;
  return { kind: "file", file: first, needsProcess: hasVariables || second !== undefined };
}

function readServer(
  name: keyof typeof SERVERS,
  args: readonly string[],
  hasVariables: boolean,
): PythonCommand | undefined {
  const parsed = parseOptions(args, SERVERS[name]);
  const target = parsed?.operands.at(-1) ?? args.findLast((word) => /^[\w.]+:[\w.]+(?:\(.*\))?$/.test(word));
  if (target === undefined) return undefined;
  const { options = new Map<string, string>(), operands = [] } = parsed ?? {};
  const worker = options.get("-k") ?? options.get("--worker-class") ?? "sync";
  const isOther = name === "gunicorn" && !/^(?:sync|gthread)$|uvicorn/i.test(worker);
  const lifespan = options.get("--lifespan") ?? "auto";
  const needsProcess = !parsed || operands.length !== 1 || hasVariables || isOther || lifespan === "off";
  return {
    kind: "app",
    app: interfaceOf(name, worker, options),
    target: target.replace(/^wsgi:|^asgi:(?=.*:)/, ""),
    needsProcess,
  };
}

function interfaceOf(name: string, worker: string, options: ReadonlyMap<string, string>): "wsgi" | "asgi" {
  if (name === "gunicorn") return /uvicorn/i.test(worker) ? "asgi" : "wsgi";
  if (name === "waitress" || name === "waitress-serve") return "wsgi";
  const wanted = options.get("--interface") ?? (name === "granian" ? "rsgi" : "asgi");
  return wanted === "wsgi" ? "wsgi" : "asgi";
}

function readFlask(args: readonly string[], variables: Readonly<Record<string, string>>): PythonCommand | undefined {
  const known = {
    ...all("--app -A --host -h --port -p --env-file -e", true),
    ...all("--debug --no-debug --no-reload", false),
  };
  const parsed = parseOptions(args, known);
  if (parsed && parsed.operands.join() !== "run") return undefined;
  const target = parsed?.options.get("--app") ?? parsed?.options.get("-A") ?? variables.FLASK_APP;
  const others = Object.keys(variables).filter((name) => !/^FLASK_(?:APP|ENV|DEBUG)$|^PORT$/.test(name));
  return { kind: "found", target, needsProcess: !parsed || others.length > 0 };
}

function readFastApi(args: readonly string[], hasVariables: boolean): PythonCommand {
  const known = {
    ...all("--host --port --app --workers", true),
    ...all("--proxy-headers --no-proxy-headers --reload --no-reload", false),
  };
  const parsed = parseOptions(args, known);
  const [file] = parsed?.operands ?? [];
  const attribute = parsed?.options.get("--app");
  const target = file === undefined ? undefined : `${file}${attribute === undefined ? "" : `:${attribute}`}`;
  return { kind: "found", target, needsProcess: !parsed || hasVariables };
}
