import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

/**
 * Joins the modules in `src` into the text of `templates/python/.interface.py`. Python's own parser parses them (assemble.py), with `python3`
 * or the interpreter in FAAS_PYTHON. The text depends on the sources alone.
 *
 * @param sources - folder of the modules, for tests
 * @throws an error with file and line when the sources cannot be joined
 */
export async function assemblePython(sources: string = join(import.meta.dirname, "src")): Promise<string> {
  const python = process.env.FAAS_PYTHON ?? "python3";
  const program = join(import.meta.dirname, "assemble.py");
  try {
    // -I: ignores PYTHON* variables and the folder of the program. -B: no __pycache__.
    const { stdout } = await promisify(execFile)(python, ["-I", "-B", program, sources, "source_folder", "main"], {
      maxBuffer: 16 * 2 ** 20,
    });
    return stdout;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new Error(stderr?.trim() || `Cannot assemble the Python wrapper. ${message}`, { cause: error });
  }
}
