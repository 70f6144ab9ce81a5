import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { root } from "../repository/source-files.ts";
import { runPage } from "./page.ts";

test("the commands of docs/mcp.md print what the page shows", async () => {
  await runPage(readFileSync(join(root, "docs/mcp.md"), "utf8"));
});
