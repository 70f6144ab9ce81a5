import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { runProgram, tempDir } from "@faas/testing";
import { connectDocker } from "../../../packages/builder/src/docker/engine.ts";
import { testServer } from "../../../packages/cli/src/testing/test-server.ts";
import { root } from "../../repository/source-files.ts";
import { registry, uniqueName } from "../cluster.ts";
import { eventually } from "../eventually.ts";

/** The commands of docs/image-follow.md, with the registry and an organization of the test. */

const org = uniqueName("page");
const folder = tempDir("follow-page");
const image = `${registry.push}/${org}/hello`;
const page = readFileSync(join(root, "docs/image-follow.md"), "utf8");
const commands = [...page.matchAll(/^```console\n([\s\S]*?)^```$/gm)].flatMap(([, block = ""]) =>
  [...block.matchAll(/^\$ (.+)$/gm)].map(([, command = ""]) =>
    command.replaceAll("registry.example.com", registry.push).replaceAll("acme", org),
  ),
);

/** Runs the only command of the page that begins like this; returns its output. */
async function run(beginning: string, change = (command: string) => command): Promise<string> {
  const [command = "", ...others] = commands.filter((each) => each.startsWith(beginning));
  assert.deepEqual([command !== "", others], [true, []], `one command "${beginning} …" in ${commands.join("\n")}`);
  commands.splice(commands.indexOf(command), 1);
  return runCommand(change(command));
}

async function runCommand(command: string): Promise<string> {
  const env = {
    ...process.env,
    PATH: `${join(root, "node_modules/.bin")}${delimiter}${process.env.PATH}`,
    FAAS_SERVER: server?.url ?? "",
    NODE_OPTIONS: "",
  };
  const { code, output } = await runProgram("bash", ["-c", `exec 2>&1\nset -eu\n${command}`], { cwd: folder, env });
  assert.equal(code, 0, `${command}\n${output}`);
  return output;
}

let server: Awaited<ReturnType<typeof testServer>> | undefined;

/** Builds an image, and gives it the tag in Docker. */
async function build(text: string): Promise<void> {
  writeFileSync(join(folder, "index.mjs"), `export const handler = () => ${JSON.stringify(text)};\n`);
  await runCommand(`faas build . --org ${org} --endpoint hello --tag main`);
  const docker = await connectDocker();
  await docker.getImage(`${org}/hello:main`).tag({ repo: image, tag: "main" });
}

test("the commands of docs/image-follow.md deploy each image that gets the tag", async () => {
  await run("openssl rand");
  const registryHookTokenFile = join(folder, "registry-hook-token");
  server = await testServer({ kubernetes: { registry }, registryHookTokenFile });
  try {
    await runCommands(server.url, registryHookTokenFile);
  } finally {
    await runCommand(`faas remove --all ${org} --yes`);
    const docker = await connectDocker();
    for (const { Id } of await docker.listImages({ filters: { label: [`faas.org=${org}`] } }))
      await docker.getImage(Id).remove({ force: true });
  }
});

/** Runs the commands that need the server. */
async function runCommands(url: string, registryHookTokenFile: string): Promise<void> {
  const serves = (text: string) =>
    eventually(`${text} is served`, async () => (await (await fetch(`${url}/${org}/hello`)).text()) === text);

  const objects = await run("faas install", (command) => `${command} --dry-run --image x`);
  assert.match(objects, /registry-hook-token: /);
  writeFileSync(join(folder, "password"), "s3cret\n");
  await run("faas org registry-login");

  const push = commands.find((command) => command.startsWith("docker push")) ?? "";
  await build("one");
  await runCommand(push);
  await run("faas deploy");
  await serves("one");
  await build("two");
  await run("docker push");
  const notification = { events: [{ action: "push", target: { repository: `${org}/hello`, tag: "main" } }] };
  const notified = await fetch(`${url}/-/hooks/registry`, {
    method: "POST",
    headers: { authorization: `Bearer ${readFileSync(registryHookTokenFile, "utf8").trim()}` },
    body: JSON.stringify(notification),
  });
  assert.deepEqual([notified.status, await notified.text()], [200, '{"checks":1}']);
  await serves("two");

  const added = await run("curl", (command) => command.replace("http://127.0.0.1:8887", url));
  assert.match(added, new RegExp(`/${org}/hello`));
  assert.deepEqual(commands, [], "each command of the page has run");
}
