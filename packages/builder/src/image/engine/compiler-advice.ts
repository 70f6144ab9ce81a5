import { FaasError, type Language } from "@faas/core";

/** Base images with compilers, for packages that have no build for the platform. */
const WITH_COMPILERS: Readonly<Record<Language, string>> = {
  node: "node:24",
  typescript: "node:24",
  python: "python:3.11",
};

/** Output of npm's node-gyp, and of pip's build backends, when a program that compiles is missing. */
const MISSING_COMPILER = [
  /gyp ERR! (?:find Python|(?:stack )?Error: not found: (?:make|gcc|g\+\+|cc))/i,
  /(?:unable to execute|command) '\S*(?:gcc|g\+\+|cc|clang)'(?:: No such file| failed: No such file)/,
  /\b(?:gcc|g\+\+|cc|make|cmake|cargo|rustc|pg_config|pkg-config|mysql_config): (?:command )?not found/,
  /Unknown compiler\(s\): |can't find Rust compiler|pg_config executable not found|No CMAKE_C(?:XX)?_COMPILER could be found/,
];

/** Names of packages in the output of npm, and in that of pip. */
const PACKAGE =
  /gyp ERR! cwd \S*\/node_modules\/((?:@[^/\s]+\/)?[^/\s]+)|Failed to build '([\w.-]+)'|(?:Building wheel|Failed building wheel) for ([\w.-]+)|writing \S+\/([\w.-]+)\.egg-info/;

/** Advice for the installation of a package that has to be compiled, in an image without compilers. Reads all lines that the installer prints. */
export class CompilerAdvice {
  readonly #runtime: Language;
  readonly #baseImage: string;
  #isMissing = false;
  #package: string | undefined;

  constructor(runtime: Language, baseImage: string) {
    this.#runtime = runtime;
    this.#baseImage = baseImage;
  }

  observe(line: string): void {
    this.#isMissing ||= MISSING_COMPILER.some((pattern) => pattern.test(line));
    // The last one is that of the failure.
    this.#package = PACKAGE.exec(line)?.slice(1).find(Boolean) ?? this.#package;
  }

  /** Replaces the message of a failed installation; returns other errors as they are. */
  applyTo(error: unknown): unknown {
    if (!this.#isMissing || !(error instanceof FaasError)) return error;
    const subject = this.#package === undefined ? "A dependency" : `The package "${this.#package}"`;
    return new FaasError(
      error.code,
      `${subject} has to be compiled, but the base image ${this.#baseImage} lacks a program for that: choose one with compilers, such as ` +
        `--base-image ${WITH_COMPILERS[this.#runtime]}`,
      { cause: error, extensions: { ...error.extensions } },
    );
  }
}
