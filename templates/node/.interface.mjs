/**
 * The wrapper for Node: serves HTTP, calls the user's function, answers. One file without dependencies that the build puts beside
 * the user's code. docs/wrapper-protocol.md is its contract. Reads top to bottom: options, load, call, answer, server, life.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

process.setSourceMapsEnabled(true);
// What is printed is out before the next line of code runs: process.exit loses nothing, and lines do not pile up in memory.
for (const name of ["stdout", "stderr"]) {
  const { get } = Object.getOwnPropertyDescriptor(process, name);
  // Made when first used, as Node does: that takes a millisecond of the start.
  Object.defineProperty(process, name, {
    configurable: true,
    enumerable: true,
    get() {
      const stream = get.call(process);
      stream._handle?.setBlocking?.(true);
      Object.defineProperty(process, name, { configurable: true, enumerable: true, value: stream });
      return stream;
    },
  });
}

// ---- options

const environment = process.env;
const folder = dirname(fileURLToPath(import.meta.url));
const identity = {
  org: environment.FAAS_ORG ?? "",
  endpoint: environment.FAAS_ENDPOINT ?? "",
  revision: environment.FAAS_REVISION ?? "",
};
const port = environment.PORT ?? "8080";
const timeoutMs = positive("FAAS_TIMEOUT_MS", 30_000);
const concurrency = positive("FAAS_CONCURRENCY", 80);
const bodyLimit = positive("FAAS_BODY_LIMIT", 6 * 2 ** 20);
const queueLimit = concurrency * 10;

function positive(name, fallback) {
  const value = Number(environment[name] ?? fallback);
  if (!Number.isFinite(value) || value < 0)
    throw new Error(`Expected ${name} to be a number, got "${environment[name]}"`);
  return value;
}

// ---- errors

const TITLES = {
  INVALID_REQUEST: [400, "Invalid request"],
  MALFORMED_JSON: [400, "Malformed JSON"],
  NOT_FOUND: [404, "Not found"],
  BODY_TOO_LARGE: [413, "Request body too large"],
  HEADERS_TOO_LARGE: [431, "Request header fields too large"],
  FUNCTION_ERROR: [500, "The function threw an error"],
  INVALID_RESPONSE: [500, "The function returned what cannot be an answer"],
  FUNCTION_LOAD_FAILED: [500, "The function could not be loaded"],
  NO_CAPACITY: [503, "No capacity"],
  FUNCTION_TIMEOUT: [504, "The function took too long"],
};

/** An error that is answered with a problem document (RFC 9457). */
class Problem extends Error {
  constructor(code, detail) {
    super(detail);
    this.code = code;
  }

  document(requestId) {
    const [status, title] = TITLES[this.code];
    const document = { type: `urn:faas:error:${this.code}`, title, status, detail: this.message, code: this.code };
    return { status, text: JSON.stringify(requestId ? { ...document, requestId } : document) };
  }
}

// ---- load

const FILES = ["index", "main", "handler", "function", "app"];
const EXTENSIONS = [".mjs", ".js", ".cjs"];
const EXPORTS = ["handler", "main", "default"];

/** The user's function as `(event, context) => result`, or `{ fetch }`. Throws a Problem that names file, line and message. */
async function load() {
  const wanted = environment.FAAS_HANDLER;
  const dot = wanted ? wanted.lastIndexOf(".") : -1;
  const file = wanted ? findFile([wanted.slice(0, dot)], wanted) : findFile(FILES);
  const name = relative(folder, file);
  let module;
  try {
    module = await import(pathToFileURL(file).href);
  } catch (error) {
    const syntax = error instanceof SyntaxError ? await syntaxOf(file) : undefined;
    console.error(syntax ?? error?.stack ?? error);
    throw new Problem(
      "FUNCTION_LOAD_FAILED",
      `${whereOf(syntax === undefined ? error : { stack: syntax }) ?? name}: ${error?.name ?? "Error"}: ${error?.message ?? error}`,
    );
  }
  // The exports of a CommonJS module that Node could not tell from its text are on `default`.
  const exported = (key) => module[key] ?? (key === "default" ? undefined : module.default?.[key]);
  const key = wanted ? wanted.slice(dot + 1) : EXPORTS.find((each) => exported(each) !== undefined);
  const target = key === undefined ? undefined : exported(key);
  if (target === undefined) {
    const has = Object.keys(module).join(", ") || "nothing";
    throw new Problem(
      "FUNCTION_LOAD_FAILED",
      `${name}: expected it to export ${wanted ? `"${key}"` : EXPORTS.map((each) => `"${each}"`).join(" or ")}, it exports ${has}`,
    );
  }
  if (typeof target === "function") return { handler: target };
  if (typeof target?.fetch === "function") return { fetch: target.fetch.bind(target) };
  throw new Problem(
    "FUNCTION_LOAD_FAILED",
    `${name}: expected "${key}" to be a function or an object with fetch, it is ${typeof target}`,
  );
}

function findFile(names, wanted) {
  const candidates = names.flatMap((name) => EXTENSIONS.map((extension) => name + extension));
  if (!wanted) candidates.splice(3, 0, ...mainOfManifest());
  const found = candidates.find((name) => existsSync(join(folder, name)));
  if (found) return join(folder, found);
  throw new Problem(
    "FUNCTION_LOAD_FAILED",
    wanted
      ? `Expected the handler "${wanted}" in one of ${candidates.join(", ")}; none is there`
      : `Expected the function in one of ${candidates.join(", ")}; none is there. Name it with the handler setting, "file.export"`,
  );
}

function mainOfManifest() {
  try {
    const { main } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return typeof main === "string" && EXTENSIONS.some((extension) => main.endsWith(extension)) ? [main] : [];
  } catch {
    return [];
  }
}

/** Where a syntax error is: `node --check` says it, an import does not. The handler's own file, or another one beside it. */
async function syntaxOf(file) {
  const { spawnSync } = await import("node:child_process");
  const others = readdirSync(folder).filter((name) => EXTENSIONS.includes(extname(name)) && name !== ".interface.mjs");
  for (const each of [file, ...others.map((name) => join(folder, name))]) {
    const { status, stderr } = spawnSync(process.execPath, ["--check", each], { encoding: "utf8", timeout: 5_000 });
    if (status !== 0) return stderr.split("\n    at ", 1)[0].trim();
  }
  return undefined;
}

/** `file:line` of the user's code where an error came from: of a syntax error its first line says it, else the stack. */
function whereOf(error) {
  const stack = String(error?.stack ?? "");
  for (const [, path, line] of stack.matchAll(/(?:file:\/\/)?(\/[^\s:()]+):(\d+)/g)) {
    const inside = relative(folder, decodeURI(path));
    if (!inside.startsWith("..") && inside !== ".interface.mjs") return `${inside}:${line}`;
  }
  return undefined;
}

/** `{ handler }`, `{ fetch }`, or `{ problem }`; undefined while the code is loading. */
let loaded;
const loading = load()
  .catch((error) => ({
    problem: error instanceof Problem ? error : new Problem("FUNCTION_LOAD_FAILED", String(error?.stack ?? error)),
  }))
  .then((result) => {
    loaded = result;
    if (result.problem) console.error(result.problem.message);
  });

// ---- a call

/** One request: its identity, its deadline, its abort signal, made when asked for. */
class Call {
  constructor(request, response) {
    this.request = request;
    this.response = response;
    this.deadline = Date.now() + timeoutMs;
    this.ends = 0; // the same by a clock that nobody sets, once it runs
    this.before = undefined;
    this.after = undefined;
    this.requestId = requestIdOf(request);
    this.late = false;
    this.lazyContext = undefined;
    this.controller = undefined;
    this.reason = undefined;
  }

  get context() {
    this.lazyContext ??= new Context(this);
    return this.lazyContext;
  }

  get signal() {
    this.controller ??= new AbortController();
    if (this.reason) this.controller.abort(this.reason);
    return this.controller.signal;
  }

  abort(reason) {
    this.reason ??= reason;
    this.controller?.abort(this.reason);
  }
}

/** What the handler gets as its second argument. */
class Context {
  #call;

  constructor(call) {
    this.#call = call;
    this.org = identity.org;
    this.endpoint = identity.endpoint;
    this.revision = identity.revision;
    this.requestId = call.requestId;
    this.deadline = call.deadline;
  }

  get signal() {
    return this.#call.signal;
  }

  get log() {
    const requestId = this.requestId;
    const writer = (level) => (message, fields) => {
      const text = typeof message === "string" ? message : JSON.stringify(message);
      process.stderr.write(`${JSON.stringify({ level, requestId, message: text, ...fields })}\n`);
    };
    return { debug: writer("debug"), info: writer("info"), warn: writer("warn"), error: writer("error") };
  }
}

function requestIdOf(request) {
  const given = request.headers["x-request-id"];
  return given && /^[\x21-\x7e]{1,128}$/.test(given) ? given : crypto.randomUUID();
}

/** Calls that are handled now, and those that wait for a place. */
let inFlight = 0;
const queue = [];
/** Calls in flight that are beyond their time; nothing can end them. */
let late = 0;

function admit(request, response) {
  const call = new Call(request, response);
  if (inFlight < concurrency) return start(call);
  if (queue.length >= queueLimit)
    return refuse(call, new Problem("NO_CAPACITY", `${concurrency} calls run and ${queueLimit} wait`));
  queue.push(call);
  response.once("close", () => {
    const place = queue.indexOf(call);
    if (place >= 0) queue.splice(place, 1);
  });
}

function start(call) {
  inFlight++;
  if (loaded === undefined) void loading.then(() => run(call));
  else run(call);
}

function finish() {
  inFlight--;
  if (queue.length > 0) start(queue.shift());
  else if (draining && inFlight === 0) server.closeIdleConnections();
}

function run(call) {
  const { response } = call;
  if (response.destroyed) return finish();
  response[CALL] = call;
  response.on("close", onClose);
  expect(call);
  let answering;
  try {
    answering = handle(call);
  } catch (error) {
    failed(call, error);
  }
  if (answering === undefined) return done(call);
  answering.then(
    () => done(call),
    (error) => {
      failed(call, error);
      done(call);
    },
  );
}

const CALL = Symbol("call");

function onClose() {
  if (!this.writableFinished) this[CALL].abort(new Error("the client went away"));
}

function done(call) {
  unexpect(call);
  if (call.late) late--;
  finish();
}

/** Calls the function and answers; a promise when that is not done at once. What need not wait does not: each wait costs every call. */
function handle(call) {
  if (loaded.problem) throw loaded.problem;
  if (loaded.fetch) return handleFetch(call);
  const { request } = call;
  const event = eventOf(request);
  if (!hasBody(request)) return handleEvent(call, event);
  return readBody(request).then((bytes) => {
    event.body = parseBody(bytes, request.headers["content-type"]);
    return handleEvent(call, event);
  });
}

function handleEvent(call, event) {
  const result = loaded.handler(event, call.context);
  if (typeof result?.then !== "function") return answer(call, result);
  return Promise.resolve(result).then((value) => answer(call, value));
}

async function handleFetch(call) {
  return answerResponse(call, await loaded.fetch(webRequest(call), call.context));
}

/**
 * Calls that run and are not late, in the order of their deadlines, since all have the same time: a ring of links in the calls themselves, which
 * makes nothing to be collected, as a Set would. One timer for all of them.
 */
const ring = { before: undefined, after: undefined };
ring.before = ring.after = ring;
let expiring = false;

function expect(call) {
  call.ends = performance.now() + timeoutMs;
  call.before = ring.before;
  call.after = ring;
  ring.before.after = ring.before = call;
  if (expiring) return;
  expiring = true;
  setTimeout(expire, timeoutMs);
}

function unexpect(call) {
  if (call.after === undefined) return;
  call.before.after = call.after;
  call.after.before = call.before;
  call.before = call.after = undefined;
}

function expire() {
  const now = performance.now();
  while (ring.after !== ring) {
    const call = ring.after;
    if (call.ends > now) return void setTimeout(expire, Math.ceil(call.ends - now));
    unexpect(call);
    onTimeout(call);
  }
  expiring = false;
}

function onTimeout(call) {
  const problem = new Problem("FUNCTION_TIMEOUT", `The function was not done within ${timeoutMs} ms`);
  call.abort(problem);
  if (call.response.headersSent) call.response.destroy();
  else refuse(call, problem);
  call.late = true;
  late++;
  if (late >= concurrency) giveUp();
}

/** Ends the process, in a moment so that the last answers get out: whoever runs it starts another. */
function giveUp() {
  console.error(`Every place (${concurrency}) is held by a call beyond its time: the process ends`);
  for (const call of queue.splice(0))
    refuse(call, new Problem("NO_CAPACITY", "The function's process is being replaced"));
  setTimeout(() => process.exit(1), 100);
}

function failed(call, error) {
  const { response } = call;
  if (error instanceof Problem) {
    if (!response.headersSent) refuse(call, error);
    return;
  }
  if (response.destroyed || (response.writableEnded && call.reason)) return;
  console.error(
    JSON.stringify({ level: "error", requestId: call.requestId, message: String(error?.message ?? error) }),
  );
  console.error(error?.stack ?? error);
  // What was sent cannot be taken back: a cut connection tells the client that it is not all.
  if (response.headersSent) response.destroy();
  else refuse(call, new Problem("FUNCTION_ERROR", String(error?.message ?? error)));
}

function refuse(call, problem) {
  const { response, request, requestId } = call;
  if (response.headersSent || response.destroyed) return;
  const { status, text } = problem.document(requestId);
  const headers = { "Content-Type": "application/problem+json", "X-Request-Id": requestId };
  if (status === 503) headers["Retry-After"] = "1";
  // An unread body would be taken for the next request.
  if (!request.complete && hasBody(request)) headers.Connection = "close";
  send(call, status, headers, text);
}

// ---- the event

/** The event, still without its body. */
function eventOf(request) {
  const { url, method, headers } = request;
  const question = url.indexOf("?");
  const path = question < 0 ? url : url.slice(0, question);
  return {
    method,
    path: path || "/",
    query: question < 0 ? {} : parseQuery(url.slice(question + 1)),
    headers: joined(headers),
    body: null,
  };
}

function hasBody({ headers }) {
  const length = headers["content-length"];
  return (length !== undefined && length !== "0") || headers["transfer-encoding"] !== undefined;
}

/** Node gives lists for Set-Cookie only; everything else is joined as the contract says. */
function joined(headers) {
  if (headers["set-cookie"]) headers["set-cookie"] = headers["set-cookie"].join(", ");
  return headers;
}

function parseQuery(text) {
  const query = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    const before = query[name];
    query[name] = before === undefined ? value : Array.isArray(before) ? [...before, value] : [before, value];
  }
  return { ...query };
}

function readBody(request) {
  return new Promise((resolve, reject) => {
    if (Number(request.headers["content-length"]) > bodyLimit) throw tooLarge();
    const pieces = [];
    let size = 0;
    request.on("data", (piece) => {
      size += piece.length;
      if (size > bodyLimit) {
        request.removeAllListeners("data");
        request.pause();
        return reject(tooLarge());
      }
      pieces.push(piece);
    });
    request.once("end", () => resolve(pieces.length === 1 ? pieces[0] : Buffer.concat(pieces, size)));
    request.once("error", () =>
      reject(new Problem("INVALID_REQUEST", "The request ended before its body was complete")),
    );
  });
}

const tooLarge = () => new Problem("BODY_TOO_LARGE", `Expected a body of at most ${bodyLimit} bytes, got more`);

function parseBody(bytes, contentType = "") {
  if (bytes.length === 0) return null;
  const type = contentType.split(";", 1)[0].trim().toLowerCase();
  if (type === "application/json" || type.endsWith("+json")) {
    try {
      return JSON.parse(bytes.toString("utf8"));
    } catch (error) {
      throw new Problem("MALFORMED_JSON", `The body's type is ${type}, and it does not parse: ${error.message}`);
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

function webRequest(call) {
  const { request } = call;
  if (Number(request.headers["content-length"]) > bodyLimit) throw tooLarge();
  const bodyless = request.method === "GET" || request.method === "HEAD";
  const headers = new Headers();
  for (let i = 0; i < request.rawHeaders.length; i += 2)
    headers.append(request.rawHeaders[i], request.rawHeaders[i + 1]);
  const host = request.headers["x-forwarded-host"] ?? request.headers.host ?? "localhost";
  const url = new URL(
    request.url.startsWith("/") ? request.url : "/",
    `${request.headers["x-forwarded-proto"] ?? "http"}://${host}`,
  );
  return new Request(url, {
    method: request.method,
    headers,
    signal: call.signal,
    ...(bodyless ? {} : { body: limitedBody(request), duplex: "half" }),
  });
}

async function* limitedBody(request) {
  let size = 0;
  for await (const piece of request) {
    size += piece.length;
    if (size > bodyLimit) throw tooLarge();
    yield piece;
  }
}

// ---- the answer

const TEXT = "text/plain; charset=utf-8";
const BYTES = "application/octet-stream";
const JSON_TYPE = "application/json";

/** Answers with what the function returned; a promise when that is not done at once. */
function answer(call, result) {
  if (isExact(result)) {
    return answerBody(call, result.status, checkedHeaders(result.headers), result.body);
  }
  if (result instanceof Response) return answerResponse(call, result);
  return answerBody(call, undefined, {}, result);
}

const FRAMING = /^(?:content-length|transfer-encoding|connection)$/i;

/** The length is known better here, and how to frame the answer is not the function's business (RFC 9112 section 6), but for closing after it. */
const isFraming = (name, value) => FRAMING.test(name) && (name.length !== "connection".length || value !== "close");

/** The function's headers that are to be sent. */
function checkedHeaders(given) {
  const headers = { ...given };
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value === undefined || value === null || isFraming(name, value)) delete headers[name];
  }
  return headers;
}

/** `{ status, headers?, body? }` with an integer status and no other key. */
function isExact(value) {
  if (value === null || typeof value !== "object" || !Number.isInteger(value.status) || value instanceof Response)
    return false;
  for (const key in value) if (key !== "status" && key !== "headers" && key !== "body") return false;
  if (value.status < 200 || value.status > 599) {
    throw new Problem("INVALID_RESPONSE", `Expected "status" to be from 200 to 599, got ${value.status}`);
  }
  return true;
}

function answerBody(call, status, headers, body) {
  if (body === undefined || body === null) return send(call, status ?? 204, headers, undefined);
  if (typeof body === "string") return send(call, status ?? 200, typed(headers, TEXT), body);
  if (ArrayBuffer.isView(body))
    return send(call, status ?? 200, typed(headers, BYTES), Buffer.from(body.buffer, body.byteOffset, body.byteLength));
  if (body instanceof ArrayBuffer) return send(call, status ?? 200, typed(headers, BYTES), Buffer.from(body));
  if (isStream(body)) return stream(call, status ?? 200, typed(headers, BYTES), body);
  let text;
  try {
    text = JSON.stringify(body);
  } catch (error) {
    throw new Problem("INVALID_RESPONSE", `The function returned what cannot be JSON: ${error.message}`);
  }
  if (text === undefined)
    throw new Problem("INVALID_RESPONSE", `The function returned a ${typeof body}, which cannot be an answer`);
  return send(call, status ?? 200, typed(headers, JSON_TYPE), text);
}

const isStream = (value) =>
  typeof value === "object" &&
  !Array.isArray(value) &&
  (typeof value[Symbol.asyncIterator] === "function" ||
    (typeof value[Symbol.iterator] === "function" && typeof value.next === "function"));

function typed(headers, type) {
  for (const name in headers) if (name.length === 12 && name.toLowerCase() === "content-type") return headers;
  headers["Content-Type"] = type;
  return headers;
}

/** A whole answer with its length; one write when the body is text. */
function send(call, status, headers, body) {
  const { response, request } = call;
  if (response.destroyed || response.headersSent) return;
  const bodyless = status === 204 || status === 304;
  const length = typeof body === "string" ? Buffer.byteLength(body) : (body?.length ?? 0);
  writeHead(call, status, headers, bodyless ? undefined : length);
  if (request.method === "HEAD" || bodyless) response.end();
  // As many bytes as characters: it is ASCII, which is quicker to write as what it is.
  else if (length === body?.length && typeof body === "string") response.end(body, "latin1");
  else response.end(body);
}

function writeHead(call, status, headers, length) {
  const { response } = call;
  if (length !== undefined) headers["Content-Length"] = length;
  headers["X-Request-Id"] = call.requestId;
  if (draining) headers.Connection = "close";
  try {
    response.writeHead(status, headers);
  } catch (error) {
    if (response.headersSent) throw error;
    throw new Problem("INVALID_RESPONSE", `The function returned a header that cannot be sent: ${error.message}`);
  }
}

/** A streamed answer, with back-pressure; ends the source when the client goes away. */
async function stream(call, status, headers, source) {
  const { response, request } = call;
  writeHead(call, status, headers, undefined);
  if (request.method === "HEAD" || status === 204 || status === 304) {
    await source.return?.();
    source.destroy?.();
    return response.end();
  }
  response.flushHeaders();
  for await (const piece of source) {
    if (response.destroyed) return;
    if (typeof piece !== "string" && !ArrayBuffer.isView(piece)) {
      throw new TypeError(
        `Expected the stream to give strings or bytes, got ${piece === null ? "null" : typeof piece}`,
      );
    }
    if (!response.write(piece)) await drained(response);
  }
  response.end();
}

function drained(response) {
  return new Promise((resolve) => {
    const go = () => {
      response.off("drain", go);
      response.off("close", go);
      resolve();
    };
    response.on("drain", go);
    response.on("close", go);
  });
}

async function answerResponse(call, result) {
  if (!(result instanceof Response)) {
    throw new Problem(
      "INVALID_RESPONSE",
      `Expected fetch to give a Response, got ${result === null ? "null" : typeof result}`,
    );
  }
  const headers = {};
  for (const [name, value] of result.headers)
    if (!isFraming(name, value)) headers[name] = name === "set-cookie" ? [...(headers[name] ?? []), value] : value;
  if (result.body === null) return send(call, result.status, headers, undefined);
  const length = result.headers.get("content-length");
  if (call.request.method === "HEAD" && length !== null) {
    void result.body.cancel();
    return send(call, result.status, headers, { length: Number(length) });
  }
  return stream(call, result.status, headers, result.body);
}

// ---- the server

const server = createServer(
  { maxHeaderSize: 16 * 1024, keepAliveTimeout: 75_000, requestTimeout: 0, headersTimeout: 60_000, noDelay: true },
  (request, response) => {
    if (request.url.startsWith("/-/")) void ownRoute(request, response);
    else admit(request, response);
  },
);
server.on("checkContinue", (request, response) => {
  // Told before it sends: a client that would send too much need not.
  if (Number(request.headers["content-length"]) > bodyLimit) return refuse(new Call(request, response), tooLarge());
  response.writeContinue();
  server.emit("request", request, response);
});
server.on("clientError", (error, socket) => {
  if (!socket.writable || error.code === "ECONNRESET") return socket.destroy();
  const problem =
    error.code === "HPE_HEADER_OVERFLOW"
      ? new Problem("HEADERS_TOO_LARGE", "Expected a header of at most 16 KiB, got more")
      : new Problem("INVALID_REQUEST", `Malformed HTTP: ${error.message.replace(/^Parse Error: /, "")}`);
  const { status, text } = problem.document();
  const reason = status === 431 ? "Request Header Fields Too Large" : "Bad Request";
  socket.end(
    `HTTP/1.1 ${status} ${reason}\r\nContent-Type: application/problem+json\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
});

async function ownRoute(request, response) {
  const call = new Call(request, response);
  if (request.url.split("?", 1)[0] !== "/-/ready")
    return refuse(call, new Problem("NOT_FOUND", `There is nothing at ${request.url}`));
  if (loaded === undefined) await loading;
  if (loaded.problem) return refuse(call, loaded.problem);
  send(call, 200, { "Content-Type": JSON_TYPE }, '{"status":"ready"}');
}

server.listen(/^\d+$/.test(port) ? Number(port) : port);
server.on("error", (error) => {
  console.error(`Cannot listen on ${port}: ${error.message}`);
  process.exit(1);
});

// ---- life

let draining = false;
process.on("SIGTERM", () => {
  if (draining) process.exit(0);
  draining = true;
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});

// A mistake outside of a call leaves the process in an unknown state: say what it was, and end.
process.on("uncaughtException", (error, origin) => {
  console.error(
    `${origin === "unhandledRejection" ? "Unhandled rejection" : "Uncaught exception"}: ${error?.stack ?? error}`,
  );
  process.exit(1);
});
