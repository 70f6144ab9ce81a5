/**
 * The faas wrapper for Node: serves HTTP, calls the user's function and sends its result (docs/wrapper-protocol.md).
 * Generated from packages/wrappers/node/src by `npm run wrappers`. Do not edit; the comments are in the sources.
 */

// packages/wrappers/node/src/load-function.ts
import { existsSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

// packages/wrappers/node/src/error-location.ts
import { readdirSync } from "node:fs";
import { extname } from "node:path";

// packages/wrappers/node/src/options.ts
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
var environment = process.env;
var identity = {
  org: environment.FAAS_ORG ?? "",
  endpoint: environment.FAAS_ENDPOINT ?? "",
  revision: environment.FAAS_REVISION ?? ""
};
var port = environment.PORT ?? "8080";
var address = /^\d+$/.test(port) ? Number(port) : port;
var handlerSetting = environment.FAAS_HANDLER;
var timeoutMs = nonNegative("FAAS_TIMEOUT_MS", 3e4);
var concurrency = nonNegative("FAAS_CONCURRENCY", 80);
var bodyLimit = nonNegative("FAAS_BODY_LIMIT", 6 * 2 ** 20);
var queueLimit = concurrency * 10;
var folder = dirname(fileURLToPath(import.meta.url));
var WRAPPER_FILE = ".interface.mjs";
function pathOf(name) {
  return join(folder, name);
}
function nameOf(path) {
  return relative(folder, path);
}
function nonNegative(name, fallback) {
  const value = Number(environment[name] ?? fallback);
  if (!Number.isFinite(value) || value < 0)
    throw new Error(`Expected ${name} to be a number, got "${environment[name]}"`);
  return value;
}

// packages/wrappers/node/src/error-location.ts
var EXTENSIONS = [".mjs", ".js", ".cjs"];
async function describeSyntaxError(file) {
  const { spawnSync } = await import("node:child_process");
  const others = readdirSync(folder).filter((name) => EXTENSIONS.includes(extname(name)) && name !== WRAPPER_FILE);
  for (const path of [file, ...others.map(pathOf)]) {
    const { status, stderr } = spawnSync(process.execPath, ["--check", path], { encoding: "utf8", timeout: 5e3 });
    if (status !== 0) return stderr.split("\n    at ", 1)[0]?.trim();
  }
  return void 0;
}
function locationIn(text) {
  for (const [, path = "", line] of text.matchAll(/(?:file:\/\/)?(\/[^\s:()]+):(\d+)/g)) {
    const name = nameOf(decodeURI(path));
    if (!name.startsWith("..") && name !== WRAPPER_FILE) return `${name}:${line}`;
  }
  return void 0;
}

// packages/wrappers/node/src/errors.generated.ts
var ERRORS = {
  MALFORMED_JSON: [400, "Malformed JSON"],
  INVALID_REQUEST: [400, "Invalid request"],
  NOT_FOUND: [404, "Not found"],
  BODY_TOO_LARGE: [413, "Request body too large"],
  UNSUPPORTED_MEDIA_TYPE: [415, "Unsupported media type"],
  HEADERS_TOO_LARGE: [431, "Request header fields too large"],
  FUNCTION_ERROR: [500, "The function threw an error"],
  INVALID_RESPONSE: [500, "The function returned an invalid response"],
  FUNCTION_LOAD_FAILED: [502, "The function could not be loaded"],
  NO_CAPACITY: [503, "No capacity"],
  FUNCTION_TIMEOUT: [504, "The function timed out"]
};

// packages/wrappers/node/src/problem.ts
var Problem = class extends Error {
  constructor(code, detail) {
    super(detail);
    this.code = code;
  }
  /** Returns the HTTP status and the text of the problem document. */
  document(requestId) {
    const [status, title] = ERRORS[this.code];
    const document = { type: `urn:faas:error:${this.code}`, title, status, detail: this.message, code: this.code };
    return { status, text: JSON.stringify(requestId ? { ...document, requestId } : document) };
  }
};
function messageOf(error) {
  return String(error?.message ?? error);
}
function stackOf(error) {
  return error?.stack ?? error;
}

// packages/wrappers/node/src/load-function.ts
var FILES = ["index", "main", "handler", "function", "app"];
var EXPORTS = ["handler", "main", "default"];
var loaded;
var loading;
function startLoading() {
  loading = load().catch((error) => ({
    problem: error instanceof Problem ? error : new Problem("FUNCTION_LOAD_FAILED", String(stackOf(error)))
  })).then((result) => {
    loaded = result;
    if (result.problem) console.error(result.problem.message);
    return result;
  });
}
function whenLoaded() {
  if (loading === void 0) throw new Error("Expected startLoading to be called first");
  return loading;
}
async function load() {
  const dot = handlerSetting ? handlerSetting.lastIndexOf(".") : -1;
  const file = handlerSetting ? findFile([handlerSetting.slice(0, dot)], handlerSetting) : findFile(FILES);
  const module = await importModule(file);
  const whole = module.default;
  const exported = (name) => name === "default" ? whole?.__esModule ? whole.default : whole : module[name] ?? whole?.[name];
  const key = handlerSetting ? handlerSetting.slice(dot + 1) : EXPORTS.find((each) => exported(each) !== void 0);
  const target = key === void 0 ? void 0 : exported(key);
  if (target === void 0) {
    const has = Object.keys(module).join(", ") || "nothing";
    throw new Problem(
      "FUNCTION_LOAD_FAILED",
      `${nameOf(file)}: expected it to export ${handlerSetting ? `"${key}"` : EXPORTS.map((each) => `"${each}"`).join(" or ")}, but it exports ${has}`
    );
  }
  if (typeof target === "function") return { handler: target };
  const { fetch: fetch2 } = target;
  if (typeof fetch2 === "function") return { fetch: fetch2.bind(target) };
  throw new Problem(
    "FUNCTION_LOAD_FAILED",
    `${nameOf(file)}: expected "${key}" to be a function or an object with fetch, got ${typeof target}`
  );
}
async function importModule(file) {
  try {
    return await import(pathToFileURL(file).href);
  } catch (error) {
    const syntax = error instanceof SyntaxError ? await describeSyntaxError(file) : void 0;
    console.error(syntax ?? stackOf(error));
    const location = locationIn(syntax ?? String(error?.stack ?? "")) ?? nameOf(file);
    const kind = error?.name ?? "Error";
    throw new Problem("FUNCTION_LOAD_FAILED", `${location}: ${kind}: ${messageOf(error)}${adviceFor(error)}`);
  }
}
function adviceFor(error) {
  const [, name] = /^Cannot find (?:package|module) '((?:@[^/']+\/)?[^@./'][^/']*)/.exec(messageOf(error)) ?? [];
  return name === void 0 ? "" : `. Add "${name}" to "dependencies" in package.json`;
}
function findFile(names, setting) {
  const candidates = scripts(names);
  if (!setting) candidates.splice(3, 0, ...mainOfManifest());
  const found = [...candidates, ...setting ? [] : scripts(names.map((name) => `src/${name}`))].find(
    (name) => existsSync(pathOf(name))
  );
  if (found) return pathOf(found);
  throw new Problem(
    "FUNCTION_LOAD_FAILED",
    setting ? `Expected the handler "${setting}" in one of ${candidates.join(", ")}, but none of them exists` : `Expected the function in one of ${candidates.join(", ")}, or in src, but none of them exists. Set the handler to "file.export"`
  );
}
var scripts = (stems) => stems.flatMap((stem) => EXTENSIONS.map((extension) => stem + extension));
function mainOfManifest() {
  try {
    const { main } = JSON.parse(readFileSync(pathOf("package.json"), "utf8"));
    if (typeof main !== "string") return [];
    const exact = EXTENSIONS.some((extension) => main.endsWith(extension)) ? [main] : [];
    return [...exact, ...scripts([main.replace(/\.[mc]?[jt]sx?$/, ""), `${main}/index`])];
  } catch {
    return [];
  }
}

// packages/wrappers/node/src/loading-watch.ts
var REPORT_SECONDS = 6;
async function watchLoading() {
  const { spawn } = await import("node:child_process");
  const script = `sleep ${REPORT_SECONDS - 1}; exec "$0" -e "$1"`;
  const program = `(${reportLocation})(${process.pid}, ${REPORT_SECONDS})`;
  const watch = spawn("sh", ["-c", script, process.execPath, program], {
    detached: true,
    env: { PATH: process.env.PATH },
    stdio: ["ignore", "ignore", "inherit"]
  });
  watch.on("error", () => {
  });
  watch.unref();
  return () => {
    try {
      if (watch.pid !== void 0) process.kill(-watch.pid, "SIGKILL");
    } catch {
    }
  };
}
async function reportLocation(pid, seconds) {
  process.kill(pid, "SIGUSR1");
  setTimeout(() => process.exit(), 2e4).unref();
  for (; ; ) {
    const targets = await fetch("http://127.0.0.1:9229/json/list").then((response) => response.json()).catch(() => []);
    const [{ webSocketDebuggerUrl: url } = { webSocketDebuggerUrl: void 0 }] = targets;
    if (url === void 0) {
      await new Promise((done) => setTimeout(done, 100));
      continue;
    }
    const socket = new WebSocket(url);
    const expression = "JSON.stringify([process.cwd(), new Error().stack])";
    socket.onopen = () => socket.send(JSON.stringify({ id: 1, method: "Runtime.evaluate", params: { expression } }));
    socket.onmessage = ({ data }) => {
      const [folder2, stack] = JSON.parse(JSON.parse(String(data)).result.result.value);
      const lines = stack.split("\n").filter((line2) => line2.includes(`${folder2}/`) && !line2.includes("/.interface.mjs"));
      const line = lines.find((each) => !each.includes("/node_modules/")) ?? lines[0];
      const [, name, file, number] = /^ +at (?:async )?(?:(.+?) \()?(?:file:\/\/)?(\/.+?):(\d+)(?::\d+)?\)?$/.exec(line ?? "") ?? [];
      if (file !== void 0) {
        const location = `${decodeURI(file).slice(folder2.length + 1)}:${number}${name ? ` (${name})` : ""}`;
        process.stderr.write(`Still loading after ${seconds} s, at ${location}
`);
      }
      process.exit();
    };
    return;
  }
}

// packages/wrappers/node/src/server.ts
import { createServer } from "node:http";

// packages/wrappers/node/src/call.ts
var Call = class {
  constructor(request, response) {
    /** Deadline on the monotonic clock, set when the call runs. */
    this.endsAtMs = 0;
    this.previous = void 0;
    this.next = void 0;
    /** True after the deadline; the call holds its slot until the function returns. */
    this.isLate = false;
    /** Deadlines of which this call has one, set when it runs. */
    this.deadlines = void 0;
    this.request = request;
    this.response = response;
    this.deadline = Date.now() + timeoutMs;
    this.requestId = requestIdOf(request);
  }
  #context;
  #controller;
  #abortReason;
  get context() {
    this.#context ??= new Context(this);
    return this.#context;
  }
  get signal() {
    this.#controller ??= new AbortController();
    if (this.#abortReason) this.#controller.abort(this.#abortReason);
    return this.#controller.signal;
  }
  get isAborted() {
    return this.#abortReason !== void 0;
  }
  /** Aborts the call's signal. The first reason counts. */
  abort(reason) {
    this.#abortReason ??= reason;
    this.#controller?.abort(this.#abortReason);
  }
};
function requestIdOf({ headers }) {
  const given = headers["x-request-id"];
  return typeof given === "string" && /^[\x21-\x7e]{1,128}$/.test(given) ? given : crypto.randomUUID();
}
var Context = class {
  constructor(call) {
    this.org = identity.org;
    this.endpoint = identity.endpoint;
    this.revision = identity.revision;
    this.#call = call;
    this.requestId = call.requestId;
    this.deadline = call.deadline;
  }
  #call;
  /** Signal that is aborted at the deadline and when the client disconnects. */
  get signal() {
    return this.#call.signal;
  }
  /** Logger that writes a line of JSON with the request id to stderr. */
  get log() {
    const requestId = this.requestId;
    const writer = (level) => (message, fields) => {
      const text = typeof message === "string" ? message : JSON.stringify(message);
      process.stderr.write(`${JSON.stringify({ level, requestId, message: text, ...fields })}
`);
    };
    return { debug: writer("debug"), info: writer("info"), warn: writer("warn"), error: writer("error") };
  }
};

// packages/wrappers/node/src/request/body-limit.ts
function declaresTooLarge({ headers }) {
  return Number(headers["content-length"]) > bodyLimit;
}
function bodyTooLarge() {
  return new Problem("BODY_TOO_LARGE", `Expected a body of at most ${bodyLimit} bytes, got more`);
}
function chunksOf(request) {
  return request.iterator({ destroyOnReturn: false });
}
async function* limitedChunks(body) {
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > bodyLimit) throw bodyTooLarge();
    yield chunk;
  }
}

// packages/wrappers/node/src/sigterm-handlers.ts
function interceptSigterm(onSigterm) {
  const emit = process.emit;
  process.emit = function(name, ...args) {
    if (name !== "SIGTERM") return emit.call(this, name, ...args);
    onSigterm(args);
    return true;
  };
  process.on("SIGTERM", watchSignal);
  process.on("removeListener", (name) => {
    if (name === "SIGTERM" && process.listenerCount("SIGTERM") === 0) process.on("SIGTERM", watchSignal);
  });
}
function callSigtermHandlers(args) {
  const handlers = process.rawListeners("SIGTERM").filter((each) => each !== watchSignal);
  return handlers.map((handler) => handler.apply(process, [...args]));
}
function watchSignal() {
}

// packages/wrappers/node/src/shutdown.ts
var DRAIN_GRACE_MS = 1e3;
var HANDLERS_MS = 2e3;
var isDraining = false;
var drainingServer;
function drainOnSigterm(server) {
  interceptSigterm((args) => {
    if (isDraining) process.exit(0);
    isDraining = true;
    drainingServer = server;
    const finish = () => exitAfterHandlers(args);
    server.close(finish);
    server.closeIdleConnections();
    setTimeout(finish, timeoutMs + DRAIN_GRACE_MS).unref();
  });
}
function closeIdleConnectionsOnDrain() {
  drainingServer?.closeIdleConnections();
}
var isExiting = false;
function exitAfterHandlers(args) {
  if (isExiting) return;
  isExiting = true;
  const results = callSigtermHandlers(args);
  if (results.length === 0) process.exit(0);
  const exit = () => process.exit();
  setTimeout(exit, HANDLERS_MS).unref();
  if (results.every((result) => result instanceof Promise)) void Promise.all(results).then(exit);
}
function exitOnUncaughtError() {
  process.on("uncaughtException", (error, origin) => {
    const kind = origin === "unhandledRejection" ? "Unhandled rejection" : "Uncaught exception";
    console.error(`${kind}: ${stackOf(error)}`);
    process.exit(1);
  });
}

// packages/wrappers/node/src/response/head.ts
var TEXT = "text/plain; charset=utf-8";
var BYTES = "application/octet-stream";
var JSON_TYPE = "application/json";
var FRAMING = /^(?:content-length|transfer-encoding|connection)$/i;
function isFraming(name, value) {
  return FRAMING.test(name) && (name.length !== "connection".length || value !== "close");
}
function sendableHeaders(given) {
  const headers = { ...given };
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value === void 0 || value === null || isFraming(name, value)) delete headers[name];
  }
  return headers;
}
function withType(headers, type) {
  for (const name in headers) if (name.length === 12 && name.toLowerCase() === "content-type") return headers;
  headers["Content-Type"] = type;
  return headers;
}
function forbidsBody(status) {
  return status === 204 || status === 304;
}
function writeHead(call, status, headers, length) {
  const { response } = call;
  if (length !== void 0) headers["Content-Length"] = length;
  headers["X-Request-Id"] = call.requestId;
  if (isDraining) headers.Connection = "close";
  try {
    response.writeHead(status, headers);
  } catch (error) {
    if (response.headersSent) throw error;
    throw new Problem("INVALID_RESPONSE", `The function returned a header that cannot be sent: ${messageOf(error)}`);
  }
}

// packages/wrappers/node/src/request/content-encoding.ts
var DECODERS = {
  gzip: (zlib) => zlib.createGunzip(),
  "x-gzip": (zlib) => zlib.createGunzip(),
  // Some clients send it without the zlib header, whose low bits are 8 (RFC 1950 section 2.2).
  deflate: (zlib, firstByte) => (firstByte & 15) === 8 ? zlib.createInflate() : zlib.createInflateRaw(),
  br: (zlib) => zlib.createBrotliDecompress()
};
var ACCEPTED_ENCODINGS = "gzip, deflate, br";
var MAX_CODINGS = 3;
function loadZlib() {
  return process.getBuiltinModule("node:zlib");
}
function codingsOf(header) {
  const names = header.split(",").map((name) => name.trim().toLowerCase());
  return names.filter((name) => name !== "" && name !== "identity");
}
function decodedChunks(request, header) {
  const codings = codingsOf(header);
  const unknown = codings.find((name) => !Object.hasOwn(DECODERS, name));
  if (unknown !== void 0) {
    throw new Problem(
      "UNSUPPORTED_MEDIA_TYPE",
      `The body has Content-Encoding "${unknown}", which cannot be decoded. Send it with ${ACCEPTED_ENCODINGS}, or without`
    );
  }
  if (codings.length > MAX_CODINGS)
    throw new Problem("INVALID_REQUEST", `Expected at most ${MAX_CODINGS} content codings, got ${codings.length}`);
  let chunks = limitedChunks(chunksOf(request));
  for (const coding of codings.reverse()) chunks = limitedChunks(decode(chunks, coding));
  return chunks;
}
async function* decode(encoded, coding) {
  const { value: first } = await encoded.next();
  if (first === void 0) return;
  const decoder = DECODERS[coding]?.(loadZlib(), first[0]);
  const { pipeline, Readable } = process.getBuiltinModule("node:stream");
  const source = Readable.from(
    (async function* () {
      yield first;
      yield* encoded;
    })()
  );
  try {
    yield* pipeline(source, decoder, () => {
    });
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem("INVALID_REQUEST", `The body is not valid ${coding}: ${messageOf(error)}`);
  }
}

// packages/wrappers/node/src/request/body.ts
function hasBody({ headers }) {
  const length = headers["content-length"];
  return length !== void 0 && length !== "0" || headers["transfer-encoding"] !== void 0;
}
function readBody(request) {
  const encoding = request.headers["content-encoding"];
  return encoding === void 0 ? readBytes(request) : readEncoded(request, encoding);
}
async function readEncoded(request, encoding) {
  if (declaresTooLarge(request)) throw bodyTooLarge();
  const chunks = [];
  for await (const chunk of decodedChunks(request, encoding)) chunks.push(chunk);
  delete request.headers["content-encoding"];
  delete request.headers["content-length"];
  return Buffer.concat(chunks);
}
function readBytes(request) {
  return new Promise((resolve, reject) => {
    if (declaresTooLarge(request)) throw bodyTooLarge();
    const chunks = [];
    let size = 0;
    request.on("data", (chunk) => {
      size += chunk.length;
      if (size > bodyLimit) {
        request.removeAllListeners("data");
        request.pause();
        return reject(bodyTooLarge());
      }
      chunks.push(chunk);
    });
    request.once("end", () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, size)));
    request.once(
      "error",
      () => reject(new Problem("INVALID_REQUEST", "The request ended before its body was complete"))
    );
  });
}
function parseBody(bytes, contentType = "") {
  if (bytes.length === 0) return null;
  const type = (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
  if (type === "application/json" || type.endsWith("+json")) {
    try {
      return JSON.parse(bytes.toString("utf8", startsWithMark(bytes) ? 3 : 0));
    } catch (error) {
      throw new Problem("MALFORMED_JSON", `The body's type is ${type}, but it is not valid JSON: ${messageOf(error)}`);
    }
  }
  if (!type.startsWith("text/") && type !== "application/x-www-form-urlencoded") return bytes;
  const charset = /charset="?([\w-]+)/i.exec(contentType)?.[1] ?? "utf-8";
  try {
    return new TextDecoder(charset, { ignoreBOM: true }).decode(bytes);
  } catch {
    return bytes.toString("utf8");
  }
}
function startsWithMark(bytes) {
  return bytes[0] === 239 && bytes[1] === 187 && bytes[2] === 191;
}

// packages/wrappers/node/src/response/send.ts
function send(call, status, headers, body) {
  const { response, request } = call;
  if (response.destroyed || response.headersSent) return;
  const isBodyless = forbidsBody(status);
  const length = body === void 0 ? 0 : Buffer.byteLength(body);
  writeHead(call, status, headers, isBodyless ? void 0 : length);
  if (request.method === "HEAD" || isBodyless) response.end();
  else if (typeof body === "string" && length === body.length) response.end(body, "latin1");
  else response.end(body);
}
function sendHeadOnly(call, status, headers, length) {
  const { response } = call;
  if (response.destroyed || response.headersSent) return;
  writeHead(call, status, headers, forbidsBody(status) ? void 0 : length);
  response.end();
}

// packages/wrappers/node/src/response/problem.ts
var PROBLEM_TYPE = "application/problem+json";
function sendProblem(call, problem) {
  const { response, request, requestId } = call;
  if (response.headersSent || response.destroyed) return;
  const { status, text } = problem.document(requestId);
  const headers = { "Content-Type": PROBLEM_TYPE, "X-Request-Id": requestId };
  if (status === 503) headers["Retry-After"] = "1";
  if (status === 415) headers["Accept-Encoding"] = ACCEPTED_ENCODINGS;
  if (!request.complete && hasBody(request)) headers.Connection = "close";
  send(call, status, headers, text);
}

// packages/wrappers/node/src/admission.ts
var Admission = class {
  #startCall;
  #waiting = [];
  #inFlight = 0;
  /** `startCall` must call `leave` once for each call, when its function has returned. */
  constructor(startCall) {
    this.#startCall = startCall;
  }
  /** Runs a call now, queues it, or answers NO_CAPACITY when the queue is full. */
  enter(call) {
    if (this.#inFlight < concurrency) {
      this.#start(call);
      return;
    }
    if (this.#waiting.length >= queueLimit) {
      sendProblem(call, new Problem("NO_CAPACITY", `${concurrency} calls are running and ${queueLimit} are waiting`));
      return;
    }
    this.#waiting.push(call);
    call.response.once("close", () => {
      const index = this.#waiting.indexOf(call);
      if (index >= 0) this.#waiting.splice(index, 1);
    });
  }
  /** Frees the slot of a call and gives it to the next in the queue. */
  leave() {
    this.#inFlight--;
    const next = this.#waiting.shift();
    if (next !== void 0) this.#start(next);
    else if (this.#inFlight === 0) closeIdleConnectionsOnDrain();
  }
  /** Empties the queue and answers all waiting calls with a problem. */
  rejectWaiting(problem) {
    for (const call of this.#waiting.splice(0)) sendProblem(call, problem);
  }
  #start(call) {
    this.#inFlight++;
    this.#startCall(call);
  }
};

// packages/wrappers/node/src/deadlines.ts
var Deadlines = class {
  #head = new RingHead();
  #durationMs;
  #onExpired;
  #isTimerSet = false;
  constructor(durationMs, onExpired) {
    this.#durationMs = durationMs;
    this.#onExpired = onExpired;
  }
  add(timed) {
    const head = this.#head;
    timed.endsAtMs = performance.now() + this.#durationMs;
    timed.previous = head.previous;
    timed.next = head;
    head.previous.next = timed;
    head.previous = timed;
    if (this.#isTimerSet) return;
    this.#isTimerSet = true;
    setTimeout(this.#expire, this.#durationMs);
  }
  /** Does nothing after the deadline: an expired link is already removed. */
  remove(timed) {
    if (timed.next === void 0 || timed.previous === void 0) return;
    timed.previous.next = timed.next;
    timed.next.previous = timed.previous;
    timed.previous = void 0;
    timed.next = void 0;
  }
  /** Gives a call its whole time again. Does nothing after the deadline. */
  extend(timed) {
    if (timed.next === void 0) return;
    this.remove(timed);
    this.add(timed);
  }
  #expire = () => {
    const now = performance.now();
    while (this.#head.next !== this.#head) {
      const first = this.#head.next;
      if (first.endsAtMs > now) {
        setTimeout(this.#expire, Math.ceil(first.endsAtMs - now));
        return;
      }
      this.remove(first);
      this.#onExpired(first);
    }
    this.#isTimerSet = false;
  };
};
var RingHead = class {
  constructor() {
    this.endsAtMs = Number.POSITIVE_INFINITY;
    this.previous = this;
    this.next = this;
  }
};

// packages/wrappers/node/src/request/event.ts
var NO_BYTES = Buffer.alloc(0);
var FunctionEvent = class {
  constructor({ url = "/", method = "GET", headers }) {
    this.body = null;
    this.#rawBody = NO_BYTES;
    const question = url.indexOf("?");
    const path = question < 0 ? url : url.slice(0, question);
    this.method = method;
    this.path = path || "/";
    this.query = question < 0 ? {} : parseQuery(url.slice(question + 1));
    this.headers = joinHeaders(headers);
  }
  #rawBody;
  /** Bytes of the body, from which `body` was parsed. Not a field of its own, so that an event written as JSON does not have the body twice. */
  get rawBody() {
    return this.#rawBody;
  }
  /** Sets both bodies of an event; static, so that a handler does not see it. */
  static setBody(event, bytes) {
    event.#rawBody = bytes;
    event.body = parseBody(bytes, event.headers["content-type"]);
  }
};
function joinHeaders(headers) {
  const joined = headers;
  if (headers["set-cookie"]) joined["set-cookie"] = headers["set-cookie"].join(", ");
  return joined;
}
function parseQuery(text) {
  const query = /* @__PURE__ */ Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    const before = query[name];
    query[name] = before === void 0 ? value : Array.isArray(before) ? [...before, value] : [before, value];
  }
  return { ...query };
}

// packages/wrappers/node/src/request/web-request.ts
function webRequestOf({ request, signal }) {
  if (declaresTooLarge(request)) throw bodyTooLarge();
  const { method = "GET", url = "/", rawHeaders } = request;
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i], rawHeaders[i + 1]);
  const encoding = request.headers["content-encoding"];
  let body;
  if (method !== "GET" && method !== "HEAD") {
    body = encoding === void 0 ? limitedChunks(chunksOf(request)) : decodedChunks(request, encoding);
    if (encoding !== void 0) for (const name of ["content-encoding", "content-length"]) headers.delete(name);
  }
  const protocol = request.headers["x-forwarded-proto"] ?? "http";
  const host = request.headers["x-forwarded-host"] ?? request.headers.host ?? "localhost";
  return new Request(new URL(url.startsWith("/") ? url : "/", `${protocol}://${host}`), {
    method,
    headers,
    signal,
    ...body === void 0 ? {} : { body, duplex: "half" }
  });
}

// packages/wrappers/node/src/response/content-encoding.ts
var DECODED_BY_FETCH = ["gzip", "x-gzip", "deflate", "br"];
var SAMPLE_BYTES = 16 * 1024;
function encodingHeaderOf(headers) {
  for (const name in headers) if (name.length === 16 && name.toLowerCase() === "content-encoding") return name;
  return void 0;
}
function isDecodedByFetch({ type, headers }) {
  if (type === "default") return false;
  return codingsOf(headers.get("content-encoding") ?? "").every((coding) => DECODED_BY_FETCH.includes(coding));
}
function removeMissingEncoding(headers, name, body) {
  const coding = codingsOf(String(headers[name])).at(-1);
  const isEncoded = ArrayBuffer.isView(body) ? coding === void 0 || hasCoding(new Uint8Array(body.buffer, body.byteOffset, body.byteLength), coding) : false;
  if (!isEncoded) delete headers[name];
}
async function removeMissingEncodingOf(source, headers, name) {
  const chunks = (async function* () {
    yield* source;
  })();
  let first = await chunks.next();
  while (!first.done && first.value?.length === 0) first = await chunks.next();
  if (!first.done) removeMissingEncoding(headers, name, first.value);
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next() {
      const result = first;
      first = void 0;
      return result === void 0 ? chunks.next() : Promise.resolve(result);
    },
    return: () => chunks.return(void 0)
  };
}
function hasCoding(bytes, coding) {
  if (coding === "gzip" || coding === "x-gzip") return startsWith(bytes, [31, 139]);
  if (coding === "zstd") return startsWith(bytes, [40, 181, 47, 253]);
  const zlib = loadZlib();
  const sample = bytes.subarray(0, SAMPLE_BYTES);
  try {
    if (coding === "br") {
      zlib.brotliDecompressSync(sample, {
        finishFlush: zlib.constants.BROTLI_OPERATION_FLUSH,
        maxOutputLength: SAMPLE_BYTES
      });
    } else if (coding === "deflate" && !isZlib(bytes)) {
      zlib.inflateRawSync(sample, { finishFlush: zlib.constants.Z_SYNC_FLUSH, maxOutputLength: SAMPLE_BYTES });
    }
    return true;
  } catch (error) {
    return error.code === "ERR_BUFFER_TOO_LARGE";
  }
}
function startsWith(bytes, magic) {
  return magic.every((byte, index) => index >= bytes.length || bytes[index] === byte);
}
function isZlib([first = 0, second = 0]) {
  return (first & 15) === 8 && (first * 256 + second) % 31 === 0;
}

// packages/wrappers/node/src/response/stream.ts
async function sendStream(call, status, headers, source) {
  const { response, request } = call;
  writeHead(call, status, headers, void 0);
  if (request.method === "HEAD" || forbidsBody(status)) {
    await source.return?.();
    source.destroy?.();
    response.end();
    return;
  }
  response.flushHeaders();
  call.deadlines?.extend(call);
  for await (const chunk of source) {
    if (response.destroyed) return;
    if (typeof chunk !== "string" && !ArrayBuffer.isView(chunk)) {
      throw new TypeError(
        `Expected the stream to yield strings or bytes, got ${chunk === null ? "null" : typeof chunk}`
      );
    }
    if (!response.write(chunk)) await drainedOrClosed(response);
    call.deadlines?.extend(call);
  }
  response.end();
}
function drainedOrClosed(response) {
  return new Promise((resolve) => {
    const onEither = () => {
      response.off("drain", onEither);
      response.off("close", onEither);
      resolve();
    };
    response.on("drain", onEither);
    response.on("close", onEither);
  });
}

// packages/wrappers/node/src/response/web-response.ts
async function sendWebResponse(call, result) {
  if (!(result instanceof Response)) {
    throw new Problem(
      "INVALID_RESPONSE",
      `Expected fetch to return a Response, got ${result === null ? "null" : typeof result}`
    );
  }
  const { status, body } = result;
  const headers = headersOf(result);
  let length = result.headers.get("content-length");
  const encoding = encodingHeaderOf(headers);
  if (encoding !== void 0 && isDecodedByFetch(result)) {
    delete headers[encoding];
    length = null;
  }
  if (body === null) return send(call, status, headers, void 0);
  let source = body;
  if (encoding !== void 0 && encoding in headers) {
    source = await removeMissingEncodingOf(source, headers, encoding);
    if (!(encoding in headers)) length = null;
  }
  if (call.request.method === "HEAD" && length !== null) {
    await (source === body ? body.cancel() : source.return?.());
    return sendHeadOnly(call, status, headers, Number(length));
  }
  return sendStream(call, status, headers, source);
}
function headersOf({ headers: given }) {
  const headers = {};
  const cookies = [];
  for (const [name, value] of given) {
    if (isFraming(name, value)) continue;
    if (name !== "set-cookie") headers[name] = value;
    else {
      cookies.push(value);
      headers[name] = cookies;
    }
  }
  return headers;
}

// packages/wrappers/node/src/response/result.ts
function sendResult(call, result) {
  if (isExact(result)) {
    const headers = sendableHeaders(result.headers);
    const encoding = encodingHeaderOf(headers);
    if (encoding !== void 0) return sendEncoded(call, result, headers, encoding);
    return sendBody(call, result.status, headers, result.body);
  }
  if (result instanceof Response) return sendWebResponse(call, result);
  return sendBody(call, void 0, {}, result);
}
function isExact(value) {
  if (value === null || typeof value !== "object" || value instanceof Response) return false;
  const { status } = value;
  if (!Number.isInteger(status)) return false;
  for (const key in value) if (key !== "status" && key !== "headers" && key !== "body") return false;
  if (status < 200 || status > 599)
    throw new Problem("INVALID_RESPONSE", `Expected "status" to be from 200 to 599, got ${status}`);
  return true;
}
async function sendEncoded(call, { status, body }, headers, encoding) {
  if (isStream(body)) return sendBody(call, status, headers, await removeMissingEncodingOf(body, headers, encoding));
  if (body !== void 0 && body !== null)
    removeMissingEncoding(headers, encoding, body instanceof ArrayBuffer ? new Uint8Array(body) : body);
  return sendBody(call, status, headers, body);
}
function sendBody(call, status, headers, body) {
  if (body === void 0 || body === null) return send(call, status ?? 204, headers, void 0);
  if (typeof body === "string") return send(call, status ?? 200, withType(headers, TEXT), body);
  if (ArrayBuffer.isView(body)) {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    return send(call, status ?? 200, withType(headers, BYTES), bytes);
  }
  if (body instanceof ArrayBuffer) return send(call, status ?? 200, withType(headers, BYTES), Buffer.from(body));
  if (isStream(body)) return sendStream(call, status ?? 200, withType(headers, BYTES), body);
  return send(call, status ?? 200, withType(headers, JSON_TYPE), jsonOf(body));
}
function isStream(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const source = value;
  if (typeof source[Symbol.asyncIterator] === "function") return true;
  return typeof source[Symbol.iterator] === "function" && typeof source.next === "function";
}
function jsonOf(value) {
  let text;
  try {
    text = JSON.stringify(value);
  } catch (error) {
    throw new Problem(
      "INVALID_RESPONSE",
      `The function returned a value that cannot be written as JSON: ${messageOf(error)}`
    );
  }
  if (text === void 0)
    throw new Problem(
      "INVALID_RESPONSE",
      `The function returned a value that cannot be written as JSON: ${typeof value} is not a JSON type`
    );
  return text;
}

// packages/wrappers/node/src/run-call.ts
var admission = new Admission(runWhenLoaded);
var deadlines = new Deadlines(timeoutMs, onTimeout);
function runWhenLoaded(call) {
  if (loaded !== void 0) run(call, loaded);
  else void whenLoaded().then((result) => run(call, result));
}
function run(call, userFunction) {
  const response = call.response;
  if (response.destroyed) {
    admission.leave();
    return;
  }
  response[CALL] = call;
  response.on("close", onClose);
  deadlines.add(call);
  call.deadlines = deadlines;
  let answering;
  try {
    answering = handle(call, userFunction);
  } catch (error) {
    onError(call, error);
  }
  if (answering === void 0) {
    onDone(call);
    return;
  }
  answering.then(
    () => onDone(call),
    (error) => {
      onError(call, error);
      onDone(call);
    }
  );
}
var CALL = /* @__PURE__ */ Symbol("call");
function onClose() {
  if (!this.writableFinished) this[CALL]?.abort(new Error("the client disconnected"));
}
function onDone(call) {
  deadlines.remove(call);
  if (call.isLate) lateCalls--;
  admission.leave();
}
function handle(call, userFunction) {
  if (userFunction.problem) throw userFunction.problem;
  if (userFunction.fetch) return handleFetch(call, userFunction.fetch);
  const { handler } = userFunction;
  const { request } = call;
  const event = new FunctionEvent(request);
  if (!hasBody(request)) return handleEvent(call, handler, event);
  return readBody(request).then((bytes) => {
    FunctionEvent.setBody(event, bytes);
    return handleEvent(call, handler, event);
  });
}
function handleEvent(call, handler, event) {
  const result = handler(event, call.context);
  if (typeof result?.then !== "function") return sendResult(call, result);
  return Promise.resolve(result).then((value) => sendResult(call, value));
}
async function handleFetch(call, fetch2) {
  return sendWebResponse(call, await fetch2(webRequestOf(call), call.context));
}
var lateCalls = 0;
function onTimeout(call) {
  const problem = new Problem("FUNCTION_TIMEOUT", `The function did not finish within ${timeoutMs} ms`);
  call.abort(problem);
  if (call.response.headersSent) call.response.destroy();
  else sendProblem(call, problem);
  call.isLate = true;
  lateCalls++;
  if (lateCalls >= concurrency) exitForRestart();
}
function exitForRestart() {
  console.error("All slots are held by calls beyond their deadline: the process exits");
  admission.rejectWaiting(new Problem("NO_CAPACITY", "The function's process is being replaced"));
  setTimeout(() => process.exit(1), 100);
}
function onError(call, error) {
  const { response } = call;
  if (error instanceof Problem) {
    if (!response.headersSent) sendProblem(call, error);
    return;
  }
  if (response.destroyed || response.writableEnded && call.isAborted) return;
  console.error(JSON.stringify({ level: "error", requestId: call.requestId, message: messageOf(error) }));
  console.error(stackOf(error));
  if (response.headersSent) response.destroy();
  else sendProblem(call, new Problem("FUNCTION_ERROR", messageOf(error)));
}

// packages/wrappers/node/src/server.ts
function createWrapperServer() {
  const server = createServer(
    { maxHeaderSize: 16 * 1024, keepAliveTimeout: 75e3, requestTimeout: 0, headersTimeout: 6e4, noDelay: true },
    (request, response) => {
      const call = new Call(request, response);
      if (request.url?.startsWith("/-/")) void answerOwnRoute(call);
      else admission.enter(call);
    }
  );
  server.on("checkContinue", (request, response) => {
    if (declaresTooLarge(request)) return sendProblem(new Call(request, response), bodyTooLarge());
    response.writeContinue();
    server.emit("request", request, response);
  });
  server.on("clientError", answerMalformed);
  return server;
}
async function answerOwnRoute(call) {
  const { url = "" } = call.request;
  if (url.split("?", 1)[0] !== "/-/ready")
    return sendProblem(call, new Problem("NOT_FOUND", `There is nothing at ${url}`));
  const { problem } = loaded ?? await whenLoaded();
  if (problem) return sendProblem(call, problem);
  send(call, 200, { "Content-Type": JSON_TYPE }, '{"status":"ready"}');
}
function answerMalformed(error, socket) {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const problem = error.code === "HPE_HEADER_OVERFLOW" ? new Problem("HEADERS_TOO_LARGE", "Expected a header of at most 16 KiB, got more") : new Problem("INVALID_REQUEST", `Malformed HTTP: ${error.message.replace(/^Parse Error: /, "")}`);
  const { status, text } = problem.document();
  const reason = status === 431 ? "Request Header Fields Too Large" : "Bad Request";
  const headers = `Content-Type: ${PROBLEM_TYPE}\r
Content-Length: ${Buffer.byteLength(text)}\r
Connection: close`;
  socket.end(`HTTP/1.1 ${status} ${reason}\r
${headers}\r
\r
${text}`);
}

// packages/wrappers/node/src/standard-streams.ts
function writeSynchronously() {
  for (const name of ["stdout", "stderr"]) {
    const original = Object.getOwnPropertyDescriptor(process, name)?.get;
    if (original === void 0) continue;
    Object.defineProperty(process, name, {
      configurable: true,
      enumerable: true,
      get() {
        const stream = original.call(process);
        stream._handle?.setBlocking?.(true);
        Object.defineProperty(process, name, { configurable: true, enumerable: true, value: stream });
        return stream;
      }
    });
  }
}

// packages/wrappers/node/src/main.ts
process.setSourceMapsEnabled(true);
writeSynchronously();
if (process.env.FAAS_LOADING_WATCH === "1") {
  const endWatch = await watchLoading();
  setImmediate(() => void whenLoaded().then(endWatch));
}
startLoading();
var httpServer = createWrapperServer();
httpServer.listen(address);
httpServer.on("error", (error) => {
  console.error(`Cannot listen on ${address}: ${error.message}`);
  process.exit(1);
});
drainOnSigterm(httpServer);
exitOnUncaughtError();
