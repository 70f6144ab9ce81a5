import { enableCompileCache } from "node:module";
import { join } from "node:path";

/** Keeps compiled modules between runs. Loaded into test processes with `node --import`, so that the processes that tests start are not affected. */
enableCompileCache(join(import.meta.dirname, "../node_modules/.cache/faas-tests"));
