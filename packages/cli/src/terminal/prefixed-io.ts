import { Writable } from "node:stream";
import type { Io } from "./io.ts";

/**
 * Returns an environment for one of several tasks, whose lines begin with its name.
 *
 * @param print receives the lines on stderr, without line ends
 */
export function prefixedIo(io: Io, name: string, print: (line: string) => void): Io {
  const { isTTY = false, columns } = io.stderr;
  const stderr = Object.assign(
    lineWriter((line) => print(`${name}: ${line}`)),
    { isTTY },
  );
  const stdout = lineWriter((line) => io.stdout.write(`${name}: ${line}\n`));
  return { ...io, stdout, stderr: columns === undefined ? stderr : Object.assign(stderr, { columns }) };
}

/** Creates a stream that hands over whole lines. */
function lineWriter(onLine: (line: string) => void): Writable {
  let rest = "";
  return new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      const lines = (rest + String(chunk)).split("\n");
      rest = lines.pop() as string;
      for (const line of lines) onLine(line);
      done();
    },
  });
}
