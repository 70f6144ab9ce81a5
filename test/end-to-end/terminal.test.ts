import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { FaasProcess, faasProgram } from "@faas/testing";

/** Python program that runs a command on a terminal with a number of columns, and prints what appears there. */
const ON_TERMINAL = `
import fcntl, os, pty, struct, sys, termios
columns, command = int(sys.argv[1]), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24 if columns else 0, columns, 0, 0))
    os.execvp(command[0], command)
while True:
    try: piece = os.read(terminal, 65536)
    except OSError: break
    if not piece: break
    os.write(1, piece)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;
const LIMIT_MS = 30_000;

const faas = new FaasProcess();
before(async () => {
  await faas.up();
  await faas.source("shown", { "index.mjs": "export const handler = () => 1;\n" });
});
after(() => faas[Symbol.asyncDispose]());

for (const [endpoint, what, columns, env, shown] of [
  ["colored", "80 columns shows a spinner and ticks", 80, {}, /✔\S* ready/],
  ["plain", "80 columns and NO_COLOR shows them without colors", 80, { NO_COLOR: "1" }, /✔ ready/],
  ["unknown", "an unknown width shows plain lines, and ends", 0, {}, /^ready +\S*\d/m],
  ["dumb", "TERM=dumb shows plain lines", 80, { TERM: "dumb" }, /^ready +\d/m],
] as const) {
  test(`a deployment on a terminal with ${what}`, async () => {
    const command = [process.execPath, faasProgram, "deploy", "shown", "--org", "acme", "--endpoint", endpoint];
    const { NO_COLOR: _, CI: __, ...inherited } = faas.env;
    const child = spawn("python3", ["-c", ON_TERMINAL, String(columns), ...command], {
      cwd: faas.folder,
      env: { ...inherited, TERM: "xterm", ...env },
      timeout: LIMIT_MS,
      killSignal: "SIGKILL",
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (piece) => (text = (text + piece).slice(-100_000)));
    const [code] = await once(child, "close");
    assert.equal(code, 0, text.slice(-1000));
    assert.match(text, shown);
    assert.ok(text.includes(`acme/${endpoint}`), text);
    const colors = text.includes("\x1b[3") || text.includes("\x1b[2m");
    assert.equal(colors, !("NO_COLOR" in env) && !("TERM" in env), JSON.stringify(text.slice(0, 500)));
  });
}

/** Python program that runs a command on a terminal, and types when the command asks for hidden input. */
const TYPED = `
import os, pty, sys
typed, command = sys.argv[1].encode().decode("unicode_escape").encode(), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0: os.execvp(command[0], command)
seen, isAsked = b"", False
while True:
    try: piece = os.read(terminal, 65536)
    except OSError: break
    if not piece: break
    os.write(1, piece)
    seen += piece
    if b"(hidden)" in seen and not isAsked:
        isAsked = True
        os.write(terminal, typed)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

for (const [what, typed, exitCode, message] of [
  ["is saved and hidden, however soon it is typed", "hunter2\\r", 0, /Saved the secret KEY/],
  ["is hidden and not saved after Ctrl-C", "hunter2\\x03", 2, /nothing was saved/],
  ["is not saved when it is empty", "\\r", 2, /empty/],
] as const) {
  test(`a secret on a terminal ${what}`, async () => {
    const command = [process.execPath, faasProgram, "secret", "set", "acme", "KEY"];
    const child = spawn("python3", ["-c", TYPED, typed, ...command], {
      env: faas.env,
      timeout: LIMIT_MS,
      killSignal: "SIGKILL",
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (piece) => (text += piece));
    const [code] = await once(child, "close");
    assert.equal(code, exitCode, text);
    assert.match(text, message);
    assert.doesNotMatch(text, /hunter/);
  });
}
