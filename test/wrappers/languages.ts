import { join } from "node:path";

const templates = join(import.meta.dirname, "../../templates");

/** Wrapper of each language, and the name of the file with the function. */
export const wrappers = {
  Node: { wrapper: join(templates, "node/.interface.mjs"), command: [process.execPath], file: "index.mjs" },
  Python: {
    wrapper: join(templates, "python/.interface.py"),
    command: [process.env.FAAS_PYTHON ?? "python3"],
    file: "main.py",
  },
} as const;
