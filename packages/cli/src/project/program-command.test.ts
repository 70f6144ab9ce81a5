import assert from "node:assert/strict";
import { mkdir, realpath, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { tempDir } from "@faas/testing";
import { programCommand } from "./program-command.ts";

const NODE = dirname(process.execPath);

/** Writes a program, and links to it from these folders as `faas`. */
async function programWith(...links: string[]) {
  const root = tempDir("program");
  const program = join(root, "the program.js");
  await writeFile(program, "");
  for (const link of links) {
    await mkdir(join(root, link), { recursive: true });
    await symlink(program, join(root, link, "faas"));
  }
  await mkdir(join(root, "project/inner"), { recursive: true });
  return { root, program, inProject: join(root, "project/inner") };
}

test("is faas when that is on the PATH", async () => {
  const { root, program } = await programWith("bin");
  assert.equal(await programCommand(root, { PATH: `/none:${join(root, "bin")}` }, program), "faas");
});

test("is npx faas below a project that has it, also when npx added that to the PATH", async () => {
  const { root, program, inProject } = await programWith("project/node_modules/.bin");
  const env = { PATH: join(root, "project/node_modules/.bin") };
  assert.equal(await programCommand(inProject, env, program), "npx faas");
});

test("is the path of the program outside of a project", async () => {
  const { root, program } = await programWith("project/node_modules/.bin");
  const path = `'${await realpath(program)}'`;
  assert.equal(await programCommand(root, { PATH: NODE }, program), `node ${path}`);
  assert.equal(await programCommand(root, { PATH: "" }, program), `${process.execPath} ${path}`);
});

test("is the path of the program where faas is another program", async () => {
  const { root, program, inProject } = await programWith();
  for (const folder of ["bin", "project/node_modules/.bin"]) {
    await mkdir(join(root, folder), { recursive: true });
    await writeFile(join(root, folder, "faas"), "");
  }
  const command = await programCommand(inProject, { PATH: `${join(root, "bin")}:${NODE}` }, program);
  assert.equal(command, `node '${await realpath(program)}'`);
});
