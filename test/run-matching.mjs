import { spawn } from "node:child_process";
import { globSync } from "node:fs";

/** `npm run t -- PATTERN [more…]`: runs the test files whose path contains every pattern. */
const patterns = process.argv.slice(2);
const files = globSync(["packages/**/*.test.ts", "test/**/*.test.ts"], {
  exclude: ["**/node_modules/**", "**/dist/**"],
})
  .filter((file) => patterns.every((pattern) => file.includes(pattern)))
  .sort();
if (patterns.length === 0 || files.length === 0) {
  console.error(
    patterns.length === 0
      ? "Expected a part of a path, for example: npm run t -- fair-queue"
      : `No test file's path contains ${patterns.map((pattern) => `"${pattern}"`).join(" and ")}`,
  );
  process.exitCode = 1;
} else {
  const options = ["--conditions=faas-source", "--import", "tsx", "--test", "--test-concurrency=2"];
  spawn(process.execPath, [...options, ...files], { stdio: "inherit" }).once("exit", (code) => {
    process.exitCode = code ?? 1;
  });
}
