import type { Language } from "@faas/core";

/**
 * Functions that try to use files and processes, named in the variable TARGETS, while they load. They print the result of each attempt by name: "ok …", or
 * the code of the error.
 */
const NODE = `
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import { createServer, connect } from "node:net";
import os from "node:os";
const [DATA, RUN, OTHER, SERVER, HOME] = JSON.parse(process.env.TARGETS);
const results = {};
const attempt = (name, act) => { try { results[name] = "ok " + act(); } catch (error) { results[name] = error.code ?? error.message; } };
attempt("read state", () => fs.readFileSync(DATA + "/state.json", "utf8"));
attempt("write state", () => fs.writeFileSync(DATA + "/state.json", "mine"));
attempt("add to data", () => fs.writeFileSync(DATA + "/mine", "mine"));
attempt("list data", () => fs.readdirSync(DATA));
attempt("list sockets", () => fs.readdirSync(RUN));
attempt("read another's bundle", () => fs.readFileSync(OTHER + "/index.mjs", "utf8"));
attempt("change its own code", () => fs.writeFileSync(import.meta.dirname + "/index.mjs", ""));
attempt("list home", () => fs.readdirSync(HOME));
attempt("signal the server", () => process.kill(SERVER, 0));
attempt("environment of the server", () => fs.readFileSync("/proc/" + SERVER + "/environ", "utf8"));
attempt("by a child", () => execFileSync("cat", [DATA + "/state.json"], { stdio: "pipe" }));
attempt("its own folder", () => fs.readdirSync(import.meta.dirname).length);
attempt("temporary", () => { const path = os.tmpdir() + "/x"; fs.writeFileSync(path, "1"); return fs.readFileSync(path); });
attempt("a file of others in /tmp", () => fs.readFileSync(process.env.SHARED ?? "/tmp/missing", "utf8"));
for (const folder of ["/tmp", "/var/tmp"])
  attempt(folder, () => { const path = folder + "/" + (process.env.SHARED ?? "").split("/").pop() + "-made"; fs.writeFileSync(path, "1"); return fs.readFileSync(path); });
attempt("a child", () => execFileSync("sh", ["-c", "echo hi > $HOME/y && cat $HOME/y; echo > /dev/null"]).toString().trim());
attempt("system", () => fs.readFileSync("/etc/hosts").length > 0 && os.cpus().length > 0);
attempt("itself", () => fs.readFileSync("/proc/self/status").length > 0);
results.env = Object.keys(process.env).sort();
console.log(JSON.stringify(results));
export const handler = () => 1;
`;
const PYTHON = `
import json, os, subprocess, tempfile
DATA, RUN, OTHER, SERVER, HOME = json.loads(os.environ["TARGETS"])
results = {}
def attempt(name, act):
    try: results[name] = "ok %s" % act()
    except OSError as error: results[name] = {1: "EPERM", 13: "EACCES"}.get(error.errno, str(error))
    except subprocess.CalledProcessError as error: results[name] = "failed"
def write(path, text):
    with open(path, "w") as file: file.write(text)
attempt("read state", lambda: open(DATA + "/state.json").read())
attempt("write state", lambda: write(DATA + "/state.json", "mine"))
attempt("add to data", lambda: write(DATA + "/mine", "mine"))
attempt("list data", lambda: os.listdir(DATA))
attempt("list sockets", lambda: os.listdir(RUN))
attempt("read another's bundle", lambda: open(OTHER + "/index.mjs").read())
attempt("change its own code", lambda: write(os.path.dirname(__file__) + "/main.py", ""))
attempt("list home", lambda: os.listdir(HOME))
attempt("signal the server", lambda: os.kill(SERVER, 0))
attempt("environment of the server", lambda: open("/proc/%d/environ" % SERVER).read())
attempt("by a child", lambda: subprocess.run(["cat", DATA + "/state.json"], check=True, capture_output=True))
attempt("its own folder", lambda: len(os.listdir(os.path.dirname(__file__))))
def temporary():
    with tempfile.NamedTemporaryFile("w+") as file: file.write("1")
    return "1"
attempt("temporary", temporary)
attempt("a file of others in /tmp", lambda: open(os.environ.get("SHARED", "/tmp/missing")).read())
def make(folder):
    path = folder + "/" + os.environ.get("SHARED", "").split("/")[-1] + "-made"
    write(path, "1")
    return open(path).read()
for folder in ("/tmp", "/var/tmp"): attempt(folder, lambda: make(folder))
attempt("a child", lambda: subprocess.check_output(["sh", "-c", "echo hi > $HOME/y && cat $HOME/y; echo > /dev/null"]).decode().strip())
attempt("system", lambda: str(len(open("/etc/hosts").read()) > 0 and os.cpu_count() > 0).lower())
attempt("itself", lambda: str(len(open("/proc/self/status").read()) > 0).lower())
results["env"] = sorted(os.environ)
print(json.dumps(results))
def handler(event, context): return 1
`;

/** TypeScript is compiled to what Node runs. */
export const ATTEMPTS: Readonly<Record<Language, string>> = { node: NODE, typescript: NODE, python: PYTHON };
