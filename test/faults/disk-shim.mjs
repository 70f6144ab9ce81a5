/**
 * Slows down operations on the state files of a server, or lets them fail, according to the plan in FAAS_TEST_DISK. Loaded before the server with
 * `node --import`. A failed write leaves nothing, a part or all of its bytes in the file.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { basename } from "node:path";

/** Probabilities of failure by operation, the code of the errors, and the longest time that a sync takes. */
const { seed, fail = {}, code = "EIO", slowMs = 0 } = JSON.parse(process.env.FAAS_TEST_DISK);
let state = seed >>> 0;

function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return ((state ^ (state >>> 16)) >>> 0) / 2 ** 32;
}

const isStateFile = (path) => basename(String(path)).startsWith("state.");

function error(operation) {
  return Object.assign(new Error(`${code}: made to fail, ${operation}`), { code, syscall: operation });
}

const fails = (operation) => random() < (fail[operation] ?? 0);

const real = { ...fs.promises };

fs.promises.open = async (path, ...rest) => {
  if (isStateFile(path) && rest[0] !== "r" && fails("open")) throw error("open");
  const handle = await real.open(path, ...rest);
  if (isStateFile(path)) wrap(handle);
  return handle;
};

for (const operation of ["rename", "link"]) {
  fs.promises[operation] = async (from, to) => {
    if (isStateFile(to) && fails(operation)) throw error(operation);
    return real[operation](from, to);
  };
}

function wrap(handle) {
  const append = handle.appendFile.bind(handle);
  handle.appendFile = async (text) => {
    if (!fails("write")) return append(text);
    const bytes = Buffer.from(text);
    await append(bytes.subarray(0, Math.floor(bytes.length * Math.min(1, random() * 1.5))));
    throw error("write");
  };
  for (const operation of ["sync", "datasync", "truncate"]) {
    const call = handle[operation].bind(handle);
    handle[operation] = async (...given) => {
      if (slowMs > 0 && operation !== "truncate") await new Promise((done) => setTimeout(done, random() * slowMs));
      if (fails(operation)) throw error(operation);
      return call(...given);
    };
  }
}

syncBuiltinESMExports();
