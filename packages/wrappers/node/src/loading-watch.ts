import type { ChildProcess } from "node:child_process";

/** Seconds of loading after which the position of the code is reported; core/starts/loading-report.ts has the same, and the same text. */
const REPORT_SECONDS = 6;

/** Process that was started before its code was known. */
let prepared: ChildProcess | undefined;

/** Starts the process of `watchLoading`, which waits: a warm process does that before its claim. */
export function prepareLoadingWatch(): void {
  // Reading ends without a line when this process does.
  prepared = spawnWatch("read -r _ || exit; ", "pipe");
  prepared.stdin?.on("error", () => {}); // It has ended.
}

/**
 * Has a process report where the user's code is if loading does not end soon: an endless loop blocks this process. The platform asks for it where
 * it cannot do the same from outside (FAAS_LOADING_WATCH). Returns a function that ends the process.
 */
export function watchLoading(): () => void {
  const watch = prepared ?? spawnWatch("", "ignore");
  watch.stdin?.end("\n");
  return () => {
    try {
      if (watch.pid !== undefined) process.kill(-watch.pid, "SIGKILL");
    } catch {} // It has ended.
  };
}

function spawnWatch(wait: string, stdin: "pipe" | "ignore"): ChildProcess {
  const { spawn } = process.getBuiltinModule("node:child_process");
  // A shell and `sleep` wait at less cost than another Node.
  const script = `${wait}sleep ${REPORT_SECONDS - 1}; exec "$0" -e "$1"`;
  const program = `(${reportLocation})(${process.pid}, ${REPORT_SECONDS})`;
  const watch = spawn("sh", ["-c", script, process.execPath, program], {
    detached: true,
    env: { PATH: process.env.PATH },
    stdio: [stdin, "ignore", "inherit"],
  });
  watch.on("error", () => {}); // An image without a shell.
  watch.unref();
  return watch;
}

/** Asks a Node process for its stack with the inspector, and writes the user's innermost line. Its text runs in a process of its own. */
async function reportLocation(pid: number, seconds: number): Promise<void> {
  process.kill(pid, "SIGUSR1"); // Starts the inspector, also while JavaScript runs.
  setTimeout(() => process.exit(), 20_000).unref();
  for (;;) {
    const targets = await fetch("http://127.0.0.1:9229/json/list")
      .then((response) => response.json())
      .catch(() => []);
    const [{ webSocketDebuggerUrl: url } = { webSocketDebuggerUrl: undefined }] = targets as {
      webSocketDebuggerUrl?: string;
    }[];
    if (url === undefined) {
      await new Promise((done) => setTimeout(done, 100));
      continue;
    }
    const socket = new WebSocket(url);
    const expression = "JSON.stringify([process.cwd(), new Error().stack])";
    socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression } }));
    socket.onmessage = ({ data }) => {
      const [folder, stack] = JSON.parse(JSON.parse(String(data)).result.result.value) as [string, string];
      const lines = stack
        .split("\n")
        .filter((line) => line.includes(`${folder}/`) && !line.includes("/.interface.mjs"));
      const line = lines.find((each) => !each.includes("/node_modules/")) ?? lines[0];
      const [, name, file, number] =
        /^ +at (?:async )?(?:(.+?) \()?(?:file:\/\/)?(\/.+?):(\d+)(?::\d+)?\)?$/.exec(line ?? "") ?? [];
      if (file !== undefined) {
        const location = `${decodeURI(file).slice(folder.length + 1)}:${number}${name ? ` (${name})` : ""}`;
        process.stderr.write(`Still loading after ${seconds} s, at ${location}\n`);
      }
      process.exit();
    };
    return;
  }
}
