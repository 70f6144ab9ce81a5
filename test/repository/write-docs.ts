import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { projectJsonSchema } from "@faas/core";
import { cliPage } from "./cli-page.ts";
import { schedulesPage } from "./schedules-page.ts";

/** Writes the pages and tables that are generated from code (`npm run docs`). */
const docs = join(import.meta.dirname, "../../docs");
await writeFile(join(docs, "cli.md"), await cliPage());
await writeFile(join(docs, "faas.schema.json"), projectJsonSchema());
const schedules = join(docs, "schedules.md");
await writeFile(schedules, schedulesPage(await readFile(schedules, "utf8")));
