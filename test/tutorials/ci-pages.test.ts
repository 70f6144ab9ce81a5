import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { eventually, FaasProcess, runProgram, tempDir } from "@faas/testing";
import { root } from "../repository/source-files.ts";
import { type Contexts, selectJobs } from "./github-workflow.ts";
import { stepsOf } from "./page.ts";

/** `FAAS_TEST_APPS=all` runs the jobs of the pages too. */
const all = process.env.FAAS_TEST_APPS === "all";
const PACKAGE = "https://files.example.com/faas-0.1.0.tgz";

/** Reads a page: its commands, and the file that it shows. */
function readPage(name: string): { readonly commands: string; readonly file: string } {
  const steps = stepsOf(readFileSync(join(root, "docs", name), "utf8"));
  return {
    commands: steps.flatMap((step) => ("commands" in step ? [step.commands] : [])).join(""),
    file: steps.flatMap((step) => ("file" in step ? [step.text] : [])).join(""),
  };
}
const github = readPage("ci-github.md");
const gitlab = readPage("ci-gitlab.md");

/** Contexts of a GitHub event for pull request 12, with a server and its key. */
const event = (name: string, action?: string, from = "acme/hello", values: Contexts = {}): Contexts => ({
  github: {
    event_name: name,
    repository: "acme/hello",
    event: { number: 12, action, pull_request: { head: { repo: { full_name: from } } } },
  },
  vars: { FAAS_SERVER: "http://server", FAAS_PACKAGE: PACKAGE },
  secrets: { FAAS_TOKEN: "token" },
  ...values,
});

describe("the GitHub workflow", () => {
  for (const [title, contexts, expected] of [
    ["deploys and calls the function after a push", event("push"), [["production", /faas deploy/, /faas invoke/]]],
    ["deploys a preview of a pull request", event("pull_request", "opened"), [["preview", /--preview --tag "\$TAG"/]]],
    [
      "removes the preview of a closed pull request",
      event("pull_request", "closed"),
      [["preview", /faas tag .* --delete/]],
    ],
    ["runs nothing for a fork", event("pull_request", "opened", "other/hello"), []],
  ] as const)
    test(title, async () => {
      const jobs = await selectJobs(github.file, contexts);
      assert.equal(jobs.length, expected.length);
      for (const [index, [name, ...scripts]] of expected.entries()) {
        const job = jobs[index];
        assert.deepEqual([job?.name, job?.scripts.length, job?.env.FAAS_TOKEN], [name, scripts.length + 1, "token"]);
        for (const [position, script] of scripts.entries()) assert.match(job?.scripts[position + 1] ?? "", script);
      }
    });
});

/** Runs the pipeline of the GitLab page as a runner does, in a folder with the function, with these variables. */
async function runPipeline(folder: string, variables: Readonly<Record<string, string>>, args: readonly string[] = []) {
  // The shell of this machine runs the jobs: without an image.
  await writeFile(join(folder, ".gitlab-ci.yml"), gitlab.file.replace("  image: node:24\n", ""));
  const given = Object.entries(variables).flatMap(([name, value]) => ["--variable", `${name}=${value}`]);
  const predefined = ["--ignore-predefined-vars", "CI_PIPELINE_SOURCE,CI_COMMIT_BRANCH"];
  const gitRepository =
    "git init -q -b main && git remote add origin git@gitlab.example.com:acme/hello.git && git add .";
  const commit = "git -c user.email=ci@example.com -c user.name=ci commit -qm code";
  const script = `[ -d .git ] || { ${gitRepository} && ${commit}; }; exec gitlab-ci-local "$@"`;
  return runProgram("bash", ["-ec", script, "ci", ...predefined, ...given, ...args], {
    cwd: folder,
    env: { ...process.env, PATH: withPrograms(folder), NODE_OPTIONS: "" },
  });
}
const PUSH = { CI_PIPELINE_SOURCE: "push" };
const MERGE_REQUEST = { CI_PIPELINE_SOURCE: "merge_request_event", CI_MERGE_REQUEST_IID: "12", CI_COMMIT_BRANCH: "" };

/** Programs of a runner: those of this repository, after the ones in a folder. */
const withPrograms = (folder: string) =>
  [join(folder, "bin"), join(root, "node_modules/.bin"), process.env.PATH].join(delimiter);

test("the GitLab pipeline follows GitLab's schema, and previews only merge requests", async () => {
  const folder = tempDir("gitlab");
  const { code, output } = await runPipeline(folder, MERGE_REQUEST, ["--list"]);
  assert.equal(code, 0, output);
  const names = Array.from(output.matchAll(/^([\w-]+) +deploy /gm), ([, name]) => name);
  assert.deepEqual(names, ["preview", "remove-preview"]);
});

/** Starts a server that requires keys, and a runner with the key that the commands of a page create. */
async function startRunner(t: TestContext, commands: string) {
  const faas = new FaasProcess();
  t.after(() => faas[Symbol.asyncDispose]());
  const { url, stderr } = await faas.up({ args: ["--auth", "on"] });
  faas.env.FAAS_TOKEN = await eventually("the admin key is printed", () => /faas_admin_\w+/.exec(stderr())?.[0]);
  await faas.succeed(["org", "create", "acme"]);
  const folder = await faas.source("hello", {
    "faas.json": '{"org":"acme","endpoint":"hello"}',
    "index.mjs": "export const handler = ({ body }) => ({ hello: body?.name });\n",
  });
  // The program of this repository is in the place of the installed one, and no job needs the copies of the code for containers.
  await mkdir(join(folder, "bin"));
  const programs = { npm: `[ "$*" = "install --global ${PACKAGE}" ]`, rsync: "true" };
  for (const [name, command] of Object.entries(programs))
    await writeFile(join(folder, "bin", name), `#!/bin/sh\n${command}\n`, { mode: 0o755 });
  const env = { ...faas.env, PATH: withPrograms(folder) };
  const created = await runProgram("bash", ["-ec", `${commands.trim()} 2> /dev/null`], { cwd: folder, env });
  assert.equal(created.code, 0, created.output);
  const token = created.output.trim();
  assert.match(token, /^faas_deploy_/);
  const statusOf = async (path: string) =>
    (await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${faas.env.FAAS_TOKEN}` } })).status;
  return { folder, url, token, env: { ...env, FAAS_TOKEN: token }, statusOf };
}

describe("the jobs of a CI page deploy with the key of the page, and remove the preview", { skip: !all }, () => {
  test("GitHub", async (t) => {
    const { folder, url, token, env, statusOf } = await startRunner(t, github.commands);
    const outputs = join(folder, "../outputs");
    const contexts = { vars: { FAAS_SERVER: url, FAAS_PACKAGE: PACKAGE }, secrets: { FAAS_TOKEN: token } };
    const run = async (name: string, action?: string) => {
      let output = "";
      for (const job of await selectJobs(github.file, event(name, action, undefined, contexts)))
        for (const script of job.scripts) {
          const files = { GITHUB_OUTPUT: outputs, GITHUB_STEP_SUMMARY: outputs };
          const step = await runProgram("bash", ["-ec", script], {
            cwd: folder,
            env: { ...env, ...job.env, ...files },
          });
          assert.equal(step.code, 0, step.output);
          output += step.output;
        }
      return output;
    };
    assert.match(await run("push"), /\{"hello":"you"\}/);
    await run("pull_request", "opened");
    assert.equal(await readFile(outputs, "utf8"), `url=${url}/acme/hello\nPreview: ${url}/acme/hello@pr-12\n`);
    assert.equal(await statusOf("/acme/hello@pr-12"), 200);
    await run("pull_request", "closed");
    assert.deepEqual([await statusOf("/acme/hello@pr-12"), await statusOf("/acme/hello")], [404, 200]);
  });

  test("GitLab", async (t) => {
    const { folder, url, token, statusOf } = await startRunner(t, gitlab.commands);
    const settings = { FAAS_SERVER: url, FAAS_TOKEN: token, FAAS_PACKAGE: PACKAGE };
    const run = async (variables: Readonly<Record<string, string>>, args: readonly string[] = []) => {
      const { code, output } = await runPipeline(folder, { ...settings, ...variables }, args);
      assert.equal(code, 0, output);
      return output;
    };
    assert.match(await run(PUSH), /\{"hello":"you"\}/);
    await run(MERGE_REQUEST);
    assert.equal(await statusOf("/acme/hello@mr-12"), 200);
    await run(MERGE_REQUEST, ["remove-preview"]);
    assert.deepEqual([await statusOf("/acme/hello@mr-12"), await statusOf("/acme/hello")], [404, 200]);
  });
});
