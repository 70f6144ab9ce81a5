import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { tempDir } from "@faas/testing";
import { cache, finished } from "./rig/baselines.ts";
import { Peers, type Served } from "./rig/peers.ts";
import type { Row } from "./rig/table.ts";
import { missingPrograms } from "./rig/wrk.ts";
import { inTurns, rows } from "./wrappers.ts";

/** Versions of the frameworks and of the servers that they are compared with. */
const PACKAGES = ["fastapi==0.165.0", "uvicorn==0.54.0", "h11==0.16.0", "flask==3.1.3", "gunicorn==27.0.1"];

const FASTAPI = `from fastapi import FastAPI
app = FastAPI()
@app.get("/")
async def index():
    return {"message": "hello"}
`;
const FLASK = `from flask import Flask
app = Flask(__name__)
@app.get("/")
def index():
    return {"message": "hello"}
`;

/** Measures Python applications in the wrapper against the servers that they have elsewhere: one process each. */
export async function pythonApps(): Promise<Row[]> {
  if (missingPrograms("wrk").length > 0) {
    process.stderr.write("Skipped the Python applications: wrk is not installed: apt-get install wrk\n");
    return [];
  }
  const bin = await installedPackages();
  const folder = tempDir("performance");
  await using servers = new Peers(folder);
  const fastapi = await servers.python("fastapi", FASTAPI, join(bin, "python"));
  const flask = await servers.python("flask", FLASK, join(bin, "python"));
  const uvicorn = await servers.start("sh", [
    "-c",
    `cd ${folder}/fastapi && exec ${bin}/uvicorn main:app --port $PORT --http h11 --loop asyncio --no-access-log --log-level error`,
  ]);
  const gunicorn = await servers.start("sh", [
    "-c",
    `cd ${folder}/flask && exec ${bin}/gunicorn main:app --bind 127.0.0.1:$PORT --workers 1 --log-level error`,
  ]);
  const runs = await inTurns(folder, { fastapi, uvicorn, flask, gunicorn: await workerOf(gunicorn) });
  // The goals are about CPU time: the rate depends on what else the machine does.
  return [
    ...rows("FastAPI in the wrapper", runs.fastapi, "uvicorn (h11)", runs.uvicorn, 1),
    ...rows("Flask in the wrapper", runs.flask, "gunicorn (one sync worker)", runs.gunicorn, 2),
  ].filter(({ measure }) => measure.endsWith("calls per CPU second"));
}

/** Installs the packages into an environment in the cache, once, and returns its folder of programs. */
async function installedPackages(): Promise<string> {
  const venv = join(cache, "python-apps");
  const marker = join(venv, "installed");
  const wanted = PACKAGES.join("\n");
  if (!existsSync(marker) || (await readFile(marker, "utf8")) !== wanted) {
    await mkdir(cache, { recursive: true });
    await finished("python3", ["-m", "venv", "--clear", venv]);
    await finished(join(venv, "bin/pip"), ["install", "--quiet", "--disable-pip-version-check", ...PACKAGES]);
    await writeFile(marker, wanted);
  }
  return join(venv, "bin");
}

/** Returns a server whose only child process does the work. */
async function workerOf({ url, pid }: Served): Promise<Served> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return { url, pid: Number(children.trim().split(" ")[0]) };
}
