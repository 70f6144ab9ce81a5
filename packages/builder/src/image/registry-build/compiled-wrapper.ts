import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { WRAPPER_FILES } from "@faas/core";
import { TEMPLATE_FOLDERS, templates } from "../../bundle/prepare.ts";
import type { Environment } from "../../docker/config.ts";

/** Name of the compiled wrapper in /app, as in the Dockerfile in `templates`. */
export const COMPILED_WRAPPER = ".interface.pyc";

const TIMEOUT_MS = 20_000;
/** As in the Dockerfile. Exits with 3 if it is another version of Python, whose bytecode is another one. */
const PROGRAM = `import py_compile, sys
if sys.implementation.name != "cpython" or "%d.%d" % sys.version_info[:2] != sys.argv[1]: sys.exit(3)
py_compile.compile(sys.argv[2], sys.argv[3], "/app/.interface.py", doraise=True,
    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)`;

/**
 * Compiles the Python wrapper, if this machine has a Python of the image's version. Without it the image starts from the source, which takes longer.
 */
export async function compileWrapper(file: string, version: string, env: Environment): Promise<void> {
  const release = version.split(".").slice(0, 2).join(".");
  const source = join(templates, TEMPLATE_FOLDERS.python, WRAPPER_FILES.python);
  for (const command of [`python${release}`, "python3"]) {
    try {
      await run(command, ["-I", "-c", PROGRAM, release, source, file], { env: { ...env }, timeout: TIMEOUT_MS });
      await access(file);
      return;
    } catch {}
  }
}

const run = promisify(execFile);
