/**
 * The faas wrapper for Node: serves HTTP, calls the user's function and sends its result (docs/wrapper-protocol.md).
 * Generated from packages/wrappers/node/src by `npm run wrappers`. Do not edit; the comments are in the sources.
 */

// packages/wrappers/node/src/main.ts
import { once } from "node:events";

// packages/wrappers/node/src/lazy/load.ts
import { readFileSync as readFileSync2 } from "node:fs";

// packages/wrappers/node/src/options.ts
import { join, relative } from "node:path";
var identity;
var address;
var userPort;
var appSetting;
var signatureSetting;
var handlerSetting;
var timeoutMs;
var concurrency;
var bodyLimit;
var queueLimit;
var folder;
var WRAPPER_FILE = ".interface.mjs";
var EXTENSIONS = [".mjs", ".js", ".cjs"];
function readSettings(environment, codeFolder) {
  identity = {
    org: environment.FAAS_ORG ?? "",
    endpoint: environment.FAAS_ENDPOINT ?? "",
    revision: environment.FAAS_REVISION ?? ""
  };
  const port = environment.PORT ?? "8080";
  address = /^\d+$/.test(port) ? Number(port) : port;
  userPort = typeof address === "number" ? address : 8080;
  appSetting = environment.FAAS_APP;
  signatureSetting = environment.FAAS_SIGNATURE;
  handlerSetting = environment.FAAS_HANDLER;
  timeoutMs = nonNegative(environment, "FAAS_TIMEOUT_MS", 3e4);
  concurrency = nonNegative(environment, "FAAS_CONCURRENCY", 80);
  bodyLimit = nonNegative(environment, "FAAS_BODY_LIMIT", 6 * 2 ** 20);
  queueLimit = concurrency * 10;
  folder = codeFolder;
}
function pathOf(name) {
  return join(folder, name);
}
function nameOf(path) {
  return relative(folder, path);
}
function nonNegative(environment, name, fallback) {
  const value = Number(environment[name] ?? fallback);
  if (!Number.isFinite(value) || value < 0)
    throw new Error(`Expected ${name} to be a number, got "${environment[name]}"`);
  return value;
}

// packages/wrappers/node/src/lazy/code-mark.ts
var LAZY_CODE_MARK = ["/*", "LAZY", "CODE", ""].join(" ");
var COMMENT_END = "*\\u{2f}";

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
    /** Progress of an application's response in bytes; undefined for a function, whose response the wrapper sends. */
    this.progress = void 0;
    this.upgrade = void 0;
    /** Time at which the call began, on the monotonic clock, if the gateway asks for its times. */
    this.tracedAtMs = void 0;
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

// packages/wrappers/node/src/load-function.ts
import { existsSync, readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

// packages/wrappers/node/src/signatures/hints.ts
var HINTS = "callback cb done (context context=> context.re statusCode Parameters rawPath rawQuery requestContext httpMethod isBase64 multiValue stageVar routeKey awsRequest RemainingTime EventLoop FunctionArn functionName functionVersion memoryLimit logGroup logStream clientContext succeed fail( .status .headers(";
function mayBeForeign(name, target) {
  if (typeof target !== "function" || name !== "handler" && name !== "default" && name !== "main") return true;
  const text = String(target);
  if (target.length > 1 && text.slice(0, text.indexOf(")")).includes("res")) return true;
  if (Object.getOwnPropertySymbols(target).length > 0) return true;
  for (const hint of HINTS.split(" ")) if (text.includes(hint)) return true;
  return false;
}

// packages/wrappers/node/src/load/plain-handler.ts
function plainHandlerOf(module) {
  if (appSetting !== void 0 && appSetting !== "function") return void 0;
  if (signatureSetting !== void 0 && signatureSetting !== "faas") return void 0;
  if (lazyIfUsed() !== void 0 || "websocket" in module || module.default?.websocket !== void 0) return void 0;
  const key = handlerSetting ? handlerSetting.slice(handlerSetting.lastIndexOf(".") + 1) : "handler";
  const target = module[key] ?? module.default?.[key];
  if (mayBeForeign(key, target) || !isPlain(target)) return void 0;
  stopInterceptingListen();
  return { handler: target };
}
function isPlain(target) {
  if (target.length > 2 || Object.keys(target).length > 0) return false;
  return !("fetch" in target || "handle" in target);
}

// packages/wrappers/node/src/errors.generated.ts
var ERRORS = {
  MALFORMED_JSON: [400, "Malformed JSON"],
  INVALID_REQUEST: [400, "Invalid request"],
  FORBIDDEN: [403, "Insufficient key scope"],
  NOT_FOUND: [404, "Not found"],
  BODY_TOO_LARGE: [413, "Request body too large"],
  UNSUPPORTED_MEDIA_TYPE: [415, "Unsupported media type"],
  UPGRADE_REQUIRED: [426, "Another protocol is required"],
  HEADERS_TOO_LARGE: [431, "Request header fields too large"],
  FUNCTION_ERROR: [500, "The function threw an error"],
  INVALID_RESPONSE: [500, "The function returned an invalid response"],
  FUNCTION_LOAD_FAILED: [502, "The function could not be loaded"],
  NO_CAPACITY: [503, "No capacity"],
  REPLICA_CLAIMED: [409, "The replica has a function already"],
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

// packages/wrappers/node/src/signatures/prepare.ts
function prepareSignature() {
  if (signatureSetting === "lambda") lazy().prepareSignature();
  else if (signatureSetting === void 0) {
    Object.defineProperty(globalThis, "awslambda", {
      configurable: true,
      get() {
        lazy().prepareSignature();
        return globalThis.awslambda;
      }
    });
  }
}

// packages/wrappers/node/src/load-function.ts
var FILES = ["index", "main", "handler", "function", "app"];
var loaded;
var loadingEnd;
var loading = { beganAt: 0, endedAt: 0 };
function useFunction(userFunction) {
  loaded = userFunction;
}
function startLoading() {
  loading.beganAt = performance.now();
  loadingEnd = load().catch((error) => ({
    problem: error instanceof Problem ? error : new Problem("FUNCTION_LOAD_FAILED", String(stackOf(error)))
  })).then((result) => {
    loaded = result;
    loading.endedAt = performance.now();
    if (result.problem) console.error(result.problem.message);
    return result;
  });
}
function whenLoaded() {
  if (loadingEnd === void 0) throw new Error("Expected startLoading to be called first");
  return loadingEnd;
}
async function load() {
  const dot = handlerSetting ? handlerSetting.lastIndexOf(".") : -1;
  const file = handlerSetting ? findFile([handlerSetting.slice(0, dot)], handlerSetting) : findFile(FILES);
  if (appSetting === "http") lazy().actAsEntryPoint(file);
  prepareSignature();
  const module = await importModule(file);
  return plainHandlerOf(module) ?? lazyIfUsed()?.serviceWorker() ?? lazy().chooseFunction(module, file);
}
async function importModule(file, query = "") {
  try {
    return await import(pathToFileURL(file).href + query);
  } catch (error) {
    if (query === "" && lazy().needsServiceWorker(error)) {
      lazy().defineServiceWorker();
      return importModule(file, "?service-worker");
    }
    const syntax = error instanceof SyntaxError ? await lazy().describeSyntaxError(file) : void 0;
    const text = syntax ?? String(stackOf(error));
    const rest = lazy().withoutMessage(text, messageOf(error));
    if (rest !== "") console.error(rest);
    const location = lazy().locationIn(syntax ?? String(error?.stack ?? "")) ?? nameOf(file);
    const kind = error?.name ?? "Error";
    throw new Problem("FUNCTION_LOAD_FAILED", `${location}: ${kind}: ${lazy().explain(messageOf(error))}`);
  }
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

// packages/wrappers/node/src/output/output-tags.ts
import { AsyncLocalStorage } from "node:async_hooks";
var calls;
function readTagSetting() {
  if (process.env.FAAS_OUTPUT_TAGS === "1") calls = new AsyncLocalStorage();
}
var isTagging = () => calls !== void 0;
function runForCall(requestId, run2, first, second) {
  if (calls === void 0) run2(first, second);
  else calls.run(requestId, run2, first, second);
}
function emitForCall(emitter, requestId) {
  const storage = calls;
  if (storage === void 0) return;
  const { emit } = emitter;
  emitter.emit = (...args) => storage.run(requestId, () => emit.apply(emitter, args));
}
function tagLines(stream, name) {
  const storage = calls;
  if (storage === void 0) return;
  const write = stream.write;
  const letter = name === "stdout" ? "o" : "e";
  let isAtLineStart = true;
  stream.write = (chunk, ...rest) => {
    const requestId = storage.getStore() ?? "";
    const tag = requestId === "" && letter === "o" ? "" : `${letter}${requestId}`;
    const [text, encoding] = asText(chunk, rest[0]);
    if (text === void 0 || text === "") return write.call(stream, chunk, ...rest);
    const first = isAtLineStart ? tag : "";
    isAtLineStart = text.endsWith("\n");
    if (tag === "") return write.call(stream, chunk, ...rest);
    const tagged = first + tagInnerLines(text, tag);
    const callback = rest.find((argument) => typeof argument === "function");
    return write.call(stream, tagged, encoding, callback);
  };
}
function asText(chunk, encoding) {
  if (typeof chunk !== "string")
    return [
      chunk instanceof Uint8Array ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString("latin1") : void 0,
      "latin1"
    ];
  if (typeof encoding !== "string" || /^utf-?8$/i.test(encoding)) return [chunk, "utf8"];
  return Buffer.isEncoding(encoding) ? [Buffer.from(chunk, encoding).toString("latin1"), "latin1"] : [void 0, "utf8"];
}
function tagInnerLines(text, tag) {
  const end = text.indexOf("\n");
  if (end < 0 || end === text.length - 1) return text;
  return text.replaceAll(/\n(?!$)/g, `
${tag}`);
}

// packages/wrappers/node/src/output/log-error.ts
function logError(error, requestId, origin) {
  const prefix = origin === void 0 ? "" : `${origin}: `;
  if (isTagging()) {
    runForCall(requestId, () => console.error(`${prefix}${stackOf(error)}`), void 0, void 0);
    return;
  }
  console.error(JSON.stringify({ level: "error", requestId, message: `${prefix}${messageOf(error)}` }));
  console.error(stackOf(error));
}

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

// packages/wrappers/node/src/request/body.ts
function hasBody({ headers }) {
  const length = headers["content-length"];
  return length !== void 0 && length !== "0" || headers["transfer-encoding"] !== void 0;
}
function readBody(request) {
  const encoding = request.headers["content-encoding"];
  return encoding === void 0 ? readBytes(request) : lazy().readEncoded(request, encoding);
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

// packages/wrappers/node/src/request/parse-body.ts
function parseBody(bytes, contentType = "") {
  if (bytes.length === 0) return null;
  const type = (contentType.split(";", 1)[0] ?? "").trim().toLowerCase();
  if (type === "application/json" || type === "text/json" || type.endsWith("+json")) {
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
var IDLE_MS = 2e3;
var HANDLERS_MS = 2e3;
var isDraining = false;
var drainedServer;
function drainOnSigterm(server, hasFunction = () => true) {
  interceptSigterm((args) => {
    if (isDraining || !hasFunction()) process.exit(0);
    isDraining = true;
    const finish = () => exitAfterHandlers(args);
    const closed = () => void Promise.resolve(lazyIfUsed()?.whenBackgroundWorkDone()).then(finish);
    whenAccepted(server, () => stopListening(server, closed));
    setTimeout(() => {
      drainedServer = server;
      server.closeIdleConnections();
    }, IDLE_MS).unref();
    setTimeout(
      () => void Promise.resolve(lazyIfUsed()?.endOpenSockets()).then(finish),
      timeoutMs + DRAIN_GRACE_MS
    ).unref();
  });
}
function closeIdleConnectionsOnDrain() {
  drainedServer?.closeIdleConnections();
}
function whenAccepted(server, then) {
  const endMs = performance.now() + IDLE_MS;
  let hasAccepted = true;
  server.on("connection", () => {
    hasAccepted = true;
  });
  const turn = () => {
    if (!hasAccepted || performance.now() > endMs) return then();
    hasAccepted = false;
    setImmediate(turn);
  };
  setImmediate(turn);
}
function stopListening(server, closed) {
  const { close } = Object.getPrototypeOf(Object.getPrototypeOf(server));
  close.call(server, closed);
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
function exitOnListenError(server) {
  server.on("error", (error) => {
    console.error(`Cannot listen on ${address}: ${error.message}`);
    process.exit(1);
  });
}
function exitOnUncaughtError() {
  process.on("uncaughtException", (error, origin) => {
    const kind = origin === "unhandledRejection" ? "Unhandled rejection" : "Uncaught exception";
    console.error(`${kind}: ${stackOf(error)}`);
    lazyIfUsed()?.closeOpenSockets(1011);
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
function encodingHeaderOf(headers) {
  for (const name in headers) if (name.length === 16 && name.toLowerCase() === "content-encoding") return name;
  return void 0;
}
function forbidsBody(status) {
  return status === 204 || status === 304;
}
function writeHead(call, status, headers, length) {
  const { response } = call;
  if (length !== void 0) headers["Content-Length"] = length;
  headers["X-Request-Id"] = call.requestId;
  if (call.tracedAtMs !== void 0) headers["X-Faas-Trace"] = lazy().timesOf(call.tracedAtMs);
  if (isDraining) headers.Connection = "close";
  try {
    response.writeHead(status, headers);
  } catch (error) {
    if (response.headersSent) throw error;
    throw new Problem("INVALID_RESPONSE", `The function returned a header that cannot be sent: ${messageOf(error)}`);
  }
}

// packages/wrappers/node/src/node-http.ts
var { createServer, Server, ServerResponse, STATUS_CODES } = process.getBuiltinModule("node:http");

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
var ACCEPTED_ENCODINGS = "gzip, deflate, br";
var PROBLEM_TYPE = "application/problem+json";
function sendProblem(call, problem) {
  const { response, request, requestId } = call;
  if (response.headersSent || response.destroyed) return;
  const { status, text } = problem.document(requestId);
  const headers = { "Content-Type": PROBLEM_TYPE, "X-Request-Id": requestId };
  if (status === 503) headers["Retry-After"] = "1";
  if (status === 426) headers.Upgrade = call.upgrade === void 0 ? "websocket" : "HTTP/1.1";
  if (status === 415) headers["Accept-Encoding"] = ACCEPTED_ENCODINGS;
  if (!request.complete && hasBody(request)) headers.Connection = "close";
  send(call, status, headers, text);
}
function rawProblem(problem, requestId, hasBody2 = true) {
  const { status, text } = problem.document(requestId);
  const id = requestId === void 0 ? "" : `X-Request-Id: ${requestId}\r
`;
  const headers = `Content-Type: ${PROBLEM_TYPE}\r
Content-Length: ${Buffer.byteLength(text)}\r
${id}Connection: close`;
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r
${headers}\r
\r
${hasBody2 ? text : ""}`;
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

// packages/wrappers/node/src/response/result.ts
function sendResult(call, result) {
  if (isExact(result)) {
    const headers = sendableHeaders(result.headers);
    const encoding = encodingHeaderOf(headers);
    if (encoding !== void 0) return lazy().sendEncoded(call, result, headers, encoding);
    return sendBody(call, result.status, headers, result.body);
  }
  if (isResponse(result)) return lazy().sendWebResponse(call, result);
  return sendBody(call, void 0, {}, result);
}
function isExact(value) {
  if (value === null || typeof value !== "object" || isResponse(value)) return false;
  const { status } = value;
  if (!Number.isInteger(status)) return false;
  for (const key in value) if (key !== "status" && key !== "headers" && key !== "body") return false;
  if (status < 200 || status > 599)
    throw new Problem("INVALID_RESPONSE", `Expected "status" to be from 200 to 599, got ${status}`);
  return true;
}
function isResponse(value) {
  if (typeof value !== "object" || value === null) return false;
  return value[Symbol.toStringTag] === "Response" && value instanceof Response;
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
  if (status === void 0 && isLambdaResponse(body)) throw new Problem("INVALID_RESPONSE", LAMBDA_ADVICE);
  return send(call, status ?? 200, withType(headers, JSON_TYPE), jsonOf(body));
}
var LAMBDA_ADVICE = 'The function returned "statusCode", as on AWS Lambda. Deploy it with --signature lambda, or return "status"; with --signature faas it is sent as JSON';
var LAMBDA_KEYS = /^(?:statusCode|statusDescription|headers|multiValueHeaders|cookies|body|isBase64Encoded)$/;
function isLambdaResponse(body) {
  const { statusCode } = body;
  if (statusCode === void 0 || signatureSetting === "faas" || !Number.isInteger(Number(statusCode))) return false;
  return Object.keys(body).every((key) => LAMBDA_KEYS.test(key));
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
  #timer;
  /** @param durationMs returns the timeout, the same each time */
  constructor(durationMs, onExpired) {
    this.#durationMs = durationMs;
    this.#onExpired = onExpired;
  }
  add(timed) {
    const head = this.#head;
    timed.endsAtMs = performance.now() + this.#durationMs();
    timed.previous = head.previous;
    timed.next = head;
    head.previous.next = timed;
    head.previous = timed;
    this.#timer ??= setTimeout(this.#expire, this.#durationMs());
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
  /** Stops the timer, which is set for a duration that is about to change. No call may be running. */
  stop() {
    clearTimeout(this.#timer);
    this.#timer = void 0;
  }
  #expire = () => {
    const now = performance.now();
    while (this.#head.next !== this.#head) {
      const first = this.#head.next;
      if (first.endsAtMs > now) {
        this.#timer = setTimeout(this.#expire, Math.ceil(first.endsAtMs - now));
        return;
      }
      this.remove(first);
      this.#onExpired(first);
    }
    this.#timer = void 0;
  };
};
var RingHead = class {
  constructor() {
    this.endsAtMs = Number.POSITIVE_INFINITY;
    this.previous = this;
    this.next = this;
  }
};

// packages/wrappers/node/src/trace/is-traced.ts
var TIMES_HEADER = "x-faas-trace";
var OPENTELEMETRY = /* @__PURE__ */ Symbol.for("opentelemetry.js.api.1");
function isTraced({ headers }) {
  return headers.traceparent !== void 0 && (headers[TIMES_HEADER] !== void 0 || OPENTELEMETRY in globalThis);
}

// packages/wrappers/node/src/run-call.ts
var admission = new Admission(runWhenLoaded);
var deadlines = new Deadlines(() => timeoutMs, onTimeout);
function runWhenLoaded(call) {
  if (loaded !== void 0) runForCall(call.requestId, run, call, loaded);
  else void whenLoaded().then((result) => runForCall(call.requestId, run, call, result));
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
    answering = isTraced(call.request) ? lazy().runTraced(call, () => answer(call, userFunction)) : answer(call, userFunction);
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
function answer(call, userFunction) {
  return call.upgrade === void 0 ? handle(call, userFunction) : handleUpgrade(call, userFunction);
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
  const { handler } = userFunction;
  if (handler === void 0) {
    if (userFunction.problem !== void 0) throw userFunction.problem;
    return lazy().runOther(call, userFunction);
  }
  const { request } = call;
  const event = new FunctionEvent(request);
  if (!hasBody(request)) return handleEvent(call, handler, event);
  return readBody(request).then((bytes) => {
    FunctionEvent.setBody(event, bytes);
    return handleEvent(call, handler, event);
  });
}
function handleUpgrade(call, userFunction) {
  if (userFunction.problem !== void 0) throw userFunction.problem;
  return lazy().openWebSocket(call, call.upgrade, userFunction) ?? handle(call, userFunction);
}
function handleEvent(call, handler, event) {
  const result = handler(event, call.context);
  if (typeof result?.then !== "function") return sendResult(call, result);
  return Promise.resolve(result).then((value) => sendResult(call, value));
}
var lateCalls = 0;
function onTimeout(call) {
  const isApp = call.progress !== void 0;
  if (isApp && lazy().hasProgressed(call)) {
    deadlines.add(call);
    return;
  }
  const problem = new Problem("FUNCTION_TIMEOUT", `The function did not finish within ${timeoutMs} ms`);
  call.abort(problem);
  if (isApp) {
    lazy().answerForApp(call, problem);
    return;
  }
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
  const answer2 = call.progress === void 0 ? sendProblem : lazy().answerForApp;
  if (error instanceof Problem) {
    if (!response.headersSent) answer2(call, error);
    return;
  }
  if (response.destroyed || response.writableEnded && call.isAborted) return;
  logError(error, call.requestId);
  if (response.headersSent) response.destroy();
  else answer2(call, new Problem("FUNCTION_ERROR", callersMessage(error)));
}
function callersMessage(error) {
  const message = messageOf(error);
  return message.includes(folder) ? lazy().explain(message) : message;
}

// packages/wrappers/node/src/websocket/offer.ts
function isWebSocket({ method, headers }) {
  if (headers.upgrade?.toLowerCase() !== "websocket" || method !== "GET") return false;
  return headers["transfer-encoding"] === void 0 && (headers["content-length"] ?? "0") === "0";
}
function takesUpgrade(request) {
  if (isWebSocket(request)) return true;
  const { headers, rawHeaders } = request;
  for (const name of ["upgrade", "http2-settings"]) {
    delete headers[name];
    const index = rawHeaders.findIndex((each, i) => i % 2 === 0 && each.toLowerCase() === name);
    if (index >= 0) rawHeaders.splice(index, 2);
  }
  return false;
}

// packages/wrappers/node/src/server.ts
var answerWarmRoute;
function setOwnRoutes(answer2) {
  answerWarmRoute = answer2;
}
function createWrapperServer() {
  const server = createServer(
    { maxHeaderSize: 16 * 1024, keepAliveTimeout: 75e3, requestTimeout: 0, headersTimeout: 6e4, noDelay: true },
    (request, response) => {
      const call = new Call(request, response);
      if (request.url?.startsWith("/-/")) answerOwnRoute(call);
      else admission.enter(call);
    }
  );
  server.on("checkContinue", (request, response) => {
    if (declaresTooLarge(request)) return sendProblem(new Call(request, response), bodyTooLarge());
    response.writeContinue();
    server.emit("request", request, response);
  });
  server.on("clientError", answerMalformed);
  server.on("upgrade", (request, socket, head) => acceptUpgrade(server, request, socket, head));
  Object.assign(server, { shouldUpgradeCallback: takesUpgrade });
  return server;
}
function acceptUpgrade(server, request, socket, head) {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.once("finish", () => socket.end());
  socket.on("error", () => socket.destroy());
  if (!takesUpgrade(request) || request.url?.startsWith("/-/")) {
    server.emit("request", request, response);
    return;
  }
  const call = new Call(request, response);
  call.upgrade = { socket, head };
  admission.enter(call);
}
function answerOwnRoute(call) {
  const { url = "" } = call.request;
  const path = url.split("?", 1)[0];
  if (answerWarmRoute?.(call, path)) return;
  if (path === "/-/ready") void answerReady(call);
  else sendProblem(call, new Problem("NOT_FOUND", `There is nothing at ${url}`));
}
async function answerReady(call) {
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
  socket.end(rawProblem(problem));
}

// packages/wrappers/node/src/lazy/shared-modules.ts
var sharedModules = { "app/intercept-listen.ts": () => ({ get interceptListen() {
  return interceptListen;
}, get listenReally() {
  return listenReally;
}, get stopInterceptingListen() {
  return stopInterceptingListen;
} }), "call.ts": () => ({ get Call() {
  return Call;
}, get Context() {
  return Context;
} }), "load-function.ts": () => ({ get importModule() {
  return importModule;
}, get loaded() {
  return loaded;
}, get loading() {
  return loading;
}, get startLoading() {
  return startLoading;
}, get useFunction() {
  return useFunction;
}, get whenLoaded() {
  return whenLoaded;
} }), "options.ts": () => ({ get EXTENSIONS() {
  return EXTENSIONS;
}, get WRAPPER_FILE() {
  return WRAPPER_FILE;
}, get address() {
  return address;
}, get appSetting() {
  return appSetting;
}, get bodyLimit() {
  return bodyLimit;
}, get concurrency() {
  return concurrency;
}, get folder() {
  return folder;
}, get handlerSetting() {
  return handlerSetting;
}, get identity() {
  return identity;
}, get nameOf() {
  return nameOf;
}, get pathOf() {
  return pathOf;
}, get queueLimit() {
  return queueLimit;
}, get readSettings() {
  return readSettings;
}, get signatureSetting() {
  return signatureSetting;
}, get timeoutMs() {
  return timeoutMs;
}, get userPort() {
  return userPort;
} }), "output/log-error.ts": () => ({ get logError() {
  return logError;
} }), "output/output-tags.ts": () => ({ get emitForCall() {
  return emitForCall;
}, get isTagging() {
  return isTagging;
}, get readTagSetting() {
  return readTagSetting;
}, get runForCall() {
  return runForCall;
}, get tagLines() {
  return tagLines;
} }), "problem.ts": () => ({ get Problem() {
  return Problem;
}, get messageOf() {
  return messageOf;
}, get stackOf() {
  return stackOf;
} }), "request/body-limit.ts": () => ({ get bodyTooLarge() {
  return bodyTooLarge;
}, get chunksOf() {
  return chunksOf;
}, get declaresTooLarge() {
  return declaresTooLarge;
}, get limitedChunks() {
  return limitedChunks;
} }), "request/body.ts": () => ({ get hasBody() {
  return hasBody;
}, get readBody() {
  return readBody;
} }), "request/event.ts": () => ({ get FunctionEvent() {
  return FunctionEvent;
} }), "request/parse-body.ts": () => ({ get parseBody() {
  return parseBody;
} }), "response/head.ts": () => ({ get BYTES() {
  return BYTES;
}, get JSON_TYPE() {
  return JSON_TYPE;
}, get TEXT() {
  return TEXT;
}, get encodingHeaderOf() {
  return encodingHeaderOf;
}, get forbidsBody() {
  return forbidsBody;
}, get isFraming() {
  return isFraming;
}, get sendableHeaders() {
  return sendableHeaders;
}, get withType() {
  return withType;
}, get writeHead() {
  return writeHead;
} }), "response/problem.ts": () => ({ get ACCEPTED_ENCODINGS() {
  return ACCEPTED_ENCODINGS;
}, get rawProblem() {
  return rawProblem;
}, get sendProblem() {
  return sendProblem;
} }), "response/result.ts": () => ({ get isStream() {
  return isStream;
}, get sendBody() {
  return sendBody;
}, get sendResult() {
  return sendResult;
} }), "response/send.ts": () => ({ get send() {
  return send;
}, get sendHeadOnly() {
  return sendHeadOnly;
} }), "response/stream.ts": () => ({ get sendStream() {
  return sendStream;
} }), "run-call.ts": () => ({ get admission() {
  return admission;
}, get deadlines() {
  return deadlines;
} }), "server.ts": () => ({ get answerReady() {
  return answerReady;
}, get createWrapperServer() {
  return createWrapperServer;
}, get setOwnRoutes() {
  return setOwnRoutes;
} }), "shutdown.ts": () => ({ get closeIdleConnectionsOnDrain() {
  return closeIdleConnectionsOnDrain;
}, get drainOnSigterm() {
  return drainOnSigterm;
}, get exitOnListenError() {
  return exitOnListenError;
}, get exitOnUncaughtError() {
  return exitOnUncaughtError;
}, get isDraining() {
  return isDraining;
} }), "signatures/hints.ts": () => ({ get mayBeForeign() {
  return mayBeForeign;
} }), "trace/is-traced.ts": () => ({ get OPENTELEMETRY() {
  return OPENTELEMETRY;
}, get TIMES_HEADER() {
  return TIMES_HEADER;
}, get isTraced() {
  return isTraced;
} }) };

// packages/wrappers/node/src/lazy/load.ts
var functions;
function lazy() {
  functions ??= compile();
  return functions;
}
function lazyIfUsed() {
  return functions;
}
function compile() {
  const filename = pathOf(WRAPPER_FILE);
  const text = readFileSync2(filename, "utf8");
  const code = text.slice(text.lastIndexOf(LAZY_CODE_MARK) + LAZY_CODE_MARK.length, text.lastIndexOf("*/"));
  const { compileFunction } = process.getBuiltinModule("node:vm");
  const run2 = compileFunction(code.replaceAll(COMMENT_END, "*/"), ["require", "shared"], {
    filename
  });
  return run2(process.getBuiltinModule, (path) => sharedModules[path]?.());
}

// packages/wrappers/node/src/app/intercept-listen.ts
var prototype = Object.getPrototypeOf(Server.prototype);
var { listen } = prototype;
var isIntercepting = false;
function interceptListen() {
  isIntercepting = true;
  prototype.listen = function(...args) {
    return isIntercepting ? lazy().listenAsApp(this, args) : listen.apply(this, args);
  };
}
function stopInterceptingListen() {
  isIntercepting = false;
  lazyIfUsed()?.releaseCaptured();
}
function listenReally(server, args) {
  return listen.apply(server, [...args]);
}

// packages/wrappers/node/src/output/standard-streams.ts
function writeSynchronously() {
  readTagSetting();
  for (const name of ["stdout", "stderr"]) {
    const original = Object.getOwnPropertyDescriptor(process, name)?.get;
    if (original === void 0) continue;
    Object.defineProperty(process, name, {
      configurable: true,
      enumerable: true,
      get() {
        const stream = original.call(process);
        stream._handle?.setBlocking?.(true);
        tagLines(stream, name);
        Object.defineProperty(process, name, { configurable: true, enumerable: true, value: stream });
        return stream;
      }
    });
  }
}

// packages/wrappers/node/src/main.ts
if (process.env.FAAS_PREWARMED !== "1") {
  if (process.env.FAAS_WARM === "1") waitForClaim(import.meta.dirname);
  else start(import.meta.dirname);
}
function waitForClaim(wrapperFolder) {
  readSettings(process.env, wrapperFolder);
  void lazy().waitForClaim(wrapperFolder, { rehearse, start });
}
async function rehearse(address2, sendRequest) {
  readSettings({}, "");
  useFunction({ handler: () => ({}) });
  const server = createWrapperServer();
  server.listen(address2);
  await once(server, "listening");
  await sendRequest(server);
  server.close();
  await once(server, "close");
  deadlines.stop();
  useFunction(void 0);
}
function start(codeFolder, listening) {
  readSettings(process.env, codeFolder);
  process.setSourceMapsEnabled(true);
  writeSynchronously();
  if (process.env.FAAS_LOADING_WATCH === "1") {
    const endWatch = lazy().watchLoading();
    setImmediate(() => void whenLoaded().then(endWatch));
  }
  startLoading();
  process.env.PORT = String(userPort);
  if (listening === void 0) listen2();
  if (appSetting !== "function") interceptListen();
}
function listen2() {
  const server = createWrapperServer();
  server.listen(address);
  exitOnListenError(server);
  drainOnSigterm(server);
  exitOnUncaughtError();
}
export {
  rehearse,
  start
};
/* LAZY CODE var lazy=(()=>{var Qo=Object.create;var ye=Object.defineProperty;var Yo=Object.getOwnPropertyDescriptor;var Xo=Object.getOwnPropertyNames;var Zo=Object.getPrototypeOf,es=Object.prototype.hasOwnProperty;var w=(e=>typeof require<"u"?require:typeof Proxy<"u"?new Proxy(e,{get:(t,n)=>(typeof require<"u"?require:t)[n]}):e)(function(e){if(typeof require<"u")return require.apply(this,arguments);throw Error('Dynamic require of "'+e+'" is not supported')});var h=(e,t)=>()=>{try{return t||e((t={exports:{}}).exports,t),t.exports}catch(n){throw t=0,n}},ts=(e,t)=>{for(var n in t)ye(e,n,{get:t[n],enumerable:!0})},nn=(e,t,n,r)=>{if(t&&typeof t=="object"||typeof t=="function")for(let o of Xo(t))!es.call(e,o)&&o!==n&&ye(e,o,{get:()=>t[o],enumerable:!(r=Yo(t,o))||r.enumerable});return e};var u=(e,t,n)=>(n=e!=null?Qo(Zo(e)):{},nn(t||!e||!e.__esModule?ye(n,"default",{value:e,enumerable:!0}):n,e)),ns=e=>nn(ye({},"__esModule",{value:!0}),e);var k=h((Gi,an)=>{an.exports=shared("options.ts")});var st=h((Vi,dn)=>{dn.exports=shared("app/intercept-listen.ts")});var g=h((zi,cn)=>{cn.exports=shared("problem.ts")});var ct=h((Yi,wn)=>{wn.exports=shared("output/output-tags.ts")});var Ee=h((Xi,bn)=>{bn.exports=shared("request/body-limit.ts")});var ie=h((Zi,Sn)=>{Sn.exports=shared("response/problem.ts")});var ut=h((ea,En)=>{En.exports=shared("shutdown.ts")});var Oe=h((ta,On)=>{On.exports=shared("load-function.ts")});var kn=h((na,xn)=>{xn.exports=shared("trace/is-traced.ts")});var lt=h((aa,Hn)=>{Hn.exports=shared("output/log-error.ts")});var Wn=h((ca,qn)=>{qn.exports=shared("call.ts")});var rr=h((ka,nr)=>{nr.exports=shared("request/body.ts")});var Ot=h((Ra,or)=>{or.exports=shared("request/parse-body.ts")});var J=h((Fa,fr)=>{fr.exports=shared("response/head.ts")});var Br=h((hd,Fr)=>{Fr.exports=shared("signatures/hints.ts")});var Ge=h((Cd,Zr)=>{Zr.exports=shared("response/result.ts")});var Gt=h((Ld,to)=>{to.exports=shared("response/send.ts")});var ro=h((Nd,no)=>{no.exports=shared("response/stream.ts")});var ao=h((_d,io)=>{io.exports=shared("run-call.ts")});var uo=h((Fd,co)=>{co.exports=shared("server.ts")});var _o=h((Zd,Po)=>{Po.exports=shared("request/event.ts")});var ji={};ts(ji,{functions:()=>Di});var rn=w("node:fs"),re=w("node:module"),on=w("node:url");function sn(e){process.argv[1]=e;let{cache:t}=(0,re.createRequire)(e);if(Object.defineProperty(process,"mainModule",{configurable:!0,enumerable:!0,get:()=>t[e]}),re.registerHooks===void 0||!(0,rn.readFileSync)(e,"utf8").includes("import.meta.main"))return;let{href:n}=(0,on.pathToFileURL)(e),r=(0,re.registerHooks)({load(o,s,i){let d=i(o,s);return o!==n||d.format!=="module"?d:(r.deregister(),{...d,source:String(d.source).replaceAll("import.meta.main","(true)          ")})}})}var pn=u(k(),1),oe=u(st(),1);var we=w("node:http"),un=u(k(),1),fn=u(g(),1);function j(e){return e instanceof we.Server?!0:typeof e?.listenerCount!="function"?!1:"keepAliveTimeout"in e||e.listenerCount("request")>0}function it(e){return"setSecureContext"in e}var R=class{#e;#n=0;#r;constructor(t){this.server=t,this.#e=it(t)}request(t,n){if(this.#e&&(t.socket.encrypted=!0),this.#n++,n.once("close",this.#t),!this.server.emit("request",t,n))throw new fn.Problem("NOT_FOUND","The application's server has no listener for requests")}#t=()=>{this.#n--,this.#n===0&&this.#r?.()};pretendToListen(t){let{server:n}=this;typeof t=="function"&&n.once("listening",t),this.#r=void 0;let r=!0,o=(s,i)=>Object.defineProperty(n,s,{configurable:!0,writable:!0,value:i});o("listening",!0),o("address",()=>r?{address:"::",family:"IPv6",port:un.userPort}:null),o("close",s=>r?(r=!1,o("listening",!1),typeof s=="function"&&n.once("close",s),this.#r=()=>{this.#r=void 0,we.Server.prototype.close.call(n)},this.#n===0&&this.#r(),n):we.Server.prototype.close.call(n,s)),process.nextTick(()=>r&&Object.hasOwn(n,"address")&&n.emit("listening"))}stopPretending(){let t=this.server;for(let n of["listening","address","close"])Reflect.deleteProperty(t,n)}};var at,S,dt,ln;function be(e){at=t=>yn(t,e)}function se(){if(S===void 0)return;let{app:e,args:t}=S;S=void 0,e.stopPretending(),gn(e.server,typeof t.at(-1)=="function"?t.slice(0,-1):t)}function V(){return S?.app}function mn(e){return S!==void 0&&(S.rank>0||yn(S.app.server,e))}async function Se(e){return S===void 0&&await new Promise(t=>{ln=t,setTimeout(t,e)}),S!==void 0?{request:rs,get server(){return S?.app.server}}:dt===void 0?void 0:new R(dt)}var rs=(e,t)=>S?.app.request(e,t);function hn(e,t){if(!j(e))return(0,oe.listenReally)(e,t);let n=os(t);if(S?.app.server===e){if(e.listening)throw ss();return S.app.pretendToListen(t.at(-1)),e}if(n===void 0||n===0)return dt??=e,(0,oe.listenReally)(e,t);let r=n===pn.userPort?2:it(e)?1:0;return(S===void 0?at===void 0||r===2||at(e):r>S.rank)?(se(),S={app:new R(e),port:n,rank:r,args:t},S.app.pretendToListen(t.at(-1)),ln?.(),e):n===S?.port?(new R(e).pretendToListen(t.at(-1)),e):gn(e,t)}function gn(e,t){let n=r=>{if(e.off("error",n),!(e.listenerCount("error")>0)){if(r.code!=="EADDRINUSE"&&r.code!=="EACCES")throw r;e.once("listening",()=>{let{port:o}=e.address();console.error(`${r.message}: the function's second server listens on port ${o} instead`)}),(0,oe.listenReally)(e,[0])}};return e.on("error",n),e.once("listening",()=>e.off("error",n)),(0,oe.listenReally)(e,t)}function os([e]){let t=e;if(typeof e=="object"&&e!==null){let n=e;if(n.fd!==void 0||n._handle!==void 0||n.port===void 0&&n.path!==void 0)return;t=n.port}if(t==null||typeof t=="function")return 0;if(!(typeof t!="number"&&(typeof t!="string"||t.trim()==="")))return Number(t)>=0&&Number(t)<65536?Number(t):void 0}function yn(e,t){if(e.listeners("request").includes(t)||e.listenerCount("upgrade")>0)return!0;let{server:n,callback:r}=t??{};return n===e||t===e||typeof r=="function"}function ss(){let e=new Error("Listen method has been called more than once without closing.");return Object.assign(e,{code:"ERR_SERVER_ALREADY_LISTEN"})}var An=u(k(),1),Tn=u(ct(),1),de=u(Ee(),1),Ln=u(ie(),1),Nn=u(ut(),1);var Rn=u(Oe(),1),ae=u(kn(),1),is=Symbol.for("OpenTelemetry Context Key SPAN"),as="X-Faas-Trace",ds={keys:e=>Object.keys(e),get:(e,t)=>e[t]};function vn(e,t){let{headers:n}=e.request;n[ae.TIMES_HEADER]!==void 0&&cs(e);let{context:r,propagation:o}=globalThis[ae.OPENTELEMETRY]??{};if(r===void 0||o===void 0)return t();let s=r.active();return s.getValue(is)!==void 0?t():r.with(o.extract(s,n,ds),t)}function cs(e){let{headers:t,rawHeaders:n}=e.request;delete t[ae.TIMES_HEADER];let r=n.indexOf(as);r>=0&&n.splice(r,2),e.tracedAtMs=performance.now()}function Cn({response:e,tracedAtMs:t}){if(t===void 0)return;let{writeHead:n}=e;e.writeHead=(...r)=>(e.writeHead=n,e.setHeader("X-Faas-Trace",ft(t)),n.apply(e,r))}var us=2;function ft(e){let t=performance.now(),n=Date.now()-(performance.timeOrigin+t),r=performance.timeOrigin+(Math.abs(n)>us?n:0),o=`handler=${(r+e).toFixed(3)}+${(t-e).toFixed(3)}`,{beganAt:s,endedAt:i}=Rn.loading;return`${o},load=${(r+s).toFixed(3)}+${(i-s).toFixed(3)}`}function B(e,t){let{request:n,response:r}=e;if((0,de.declaresTooLarge)(n))throw(0,de.bodyTooLarge)();return n.headers["transfer-encoding"]!==void 0&&fs(e),ps(n.socket),n.complete||(0,Tn.emitForCall)(n,e.requestId),r.setHeader("X-Request-Id",e.requestId),Cn(e),Nn.isDraining&&(r.shouldKeepAlive=!1),e.progress=0,new Promise((o,s)=>{r.once("close",o);let i=t.request(n,r);typeof i?.then=="function"&&i.then(void 0,s)})}function In(e){let{socket:t,headersSent:n}=e.response;if(!n||t===null)return!1;let r=e.progress;return e.progress=2*t.bytesWritten-t.writableLength,e.progress!==r}function pt({request:e,response:t,requestId:n},r){let{socket:o}=t;t.headersSent||t.destroyed||o===null?e.socket.destroy():(o.write((0,Ln.rawProblem)(r,n,e.method!=="HEAD")),o.destroySoon())}function fs(e){let{request:t}=e,{push:n}=t,r=0;t.push=(o,...s)=>(r+=o?.length??0,r<=An.bodyLimit?n.call(t,o,...s):(pt(e,(0,de.bodyTooLarge)()),!1))}function ps(e){if(!(e.remoteAddress!==void 0||e.destroyed))for(let[t,n]of[["remoteAddress","127.0.0.1"],["remoteFamily","IPv4"],["remotePort",0]])Object.defineProperty(e,t,{configurable:!0,value:n})}var Pn=w("node:fs"),xe=w("node:path"),_n=w("node:url"),v=u(k(),1);async function Fn(e){let{spawnSync:t}=process.getBuiltinModule("node:child_process"),n=(0,Pn.readdirSync)(v.folder).filter(r=>v.EXTENSIONS.includes((0,xe.extname)(r))&&r!==v.WRAPPER_FILE);for(let r of[e,...n.map(v.pathOf)]){let{status:o,stderr:s}=t(process.execPath,["--check",r],{encoding:"utf8",timeout:5e3});if(o!==0)return s.split(`
    at `,1)[0]?.trim()}}function Bn(e){for(let[,t="",n]of e.matchAll(/(?:file:\/\/)?(\/[^\s:()]+):(\d+)/g)){let r=(0,v.nameOf)(decodeURI(t));if(!r.startsWith("..")&&r!==v.WRAPPER_FILE)return`${r}:${n}`}}function $n(e,t){let n=t===""?-1:e.indexOf(t);if(n<0)return e;let r=e.lastIndexOf(`
`,n)+1,o=e.indexOf(`
`,n+t.length);return(e.slice(0,r)+(o<0?"":e.slice(o+1))).trimEnd()}function Mn(e){let t=e.replaceAll(`${(0,_n.pathToFileURL)(v.folder).href}/`,"").replaceAll((0,xe.join)(v.folder,"/"),""),[,n]=/^Cannot find (?:package|module) '((?:@[^/']+\/)?[^@./'][^/']*)/.exec(e)??[];return n===void 0?t:`${t}. Add "${n}" to "dependencies" in package.json`}var Un=u(lt(),1),ke=new Set;function Dn(e,t){let n=Promise.resolve(e).catch(r=>(0,Un.logError)(r,t,"waitUntil")).then(()=>ke.delete(n));ke.add(n)}async function jn(){for(;ke.size>0;)await Promise.all(ke)}var zn=u(g(),1);var Vn=u(Wn(),1);var ls=/^(?:FAAS_.*|KUBERNETES_.*|PORT|PATH|HOME|HOSTNAME|TMPDIR|LANG|PWD|SHLVL|_|OMP_NUM_THREADS|OPENBLAS_NUM_THREADS|NODE_COMPILE_CACHE|NODE_VERSION|YARN_VERSION)$/,Gn;function mt(){return Gn??=Object.fromEntries(Object.entries(process.env).filter(([e])=>!ls.test(e))),Gn}var Re=class{#e;constructor(t){this.#e=t,Object.assign(this,mt())}get org(){return this.#e.context.org}get endpoint(){return this.#e.context.endpoint}get revision(){return this.#e.context.revision}get requestId(){return this.#e.requestId}get deadline(){return this.#e.deadline}get signal(){return this.#e.signal}get log(){return this.#e.context.log}},q=class extends Vn.Context{get waitUntil(){return t=>Dn(t,this.requestId)}get props(){return{}}passThroughOnException(){}};var gt;function Jn(e){return e instanceof ReferenceError&&/^(?:addEventListener|self) is not defined$/.test(e.message)}function Kn(){let e=(t,n)=>{t==="fetch"&&(gt??=typeof n=="function"?n:r=>n.handleEvent(r))};for(let[t,n]of Object.entries({self:globalThis,addEventListener:e,...mt()}))t in globalThis||Object.defineProperty(globalThis,t,{configurable:!0,writable:!0,value:n})}function Qn(){return gt&&{fetch:ms}}var ms=(e,t)=>{let n=new ht(e,new q(t));if(gt?.(n),n.response!==void 0)return n.response;throw new zn.Problem("INVALID_RESPONSE","The listener of fetch did not call respondWith")},ht=class extends Event{constructor(t,{waitUntil:n}){super("fetch"),this.request=t,this.waitUntil=n}respondWith(t){this.response=t}passThroughOnException(){}};var Mr=w("node:fs");var Yn=u(g(),1);var O=e=>typeof e=="function";function Ce(e){return O(e)&&O(e.use)&&O(e.handle)}async function yt(e){if(e===null||typeof e!="object"&&!O(e))return;if(j(e))return new R(e);let t=e;if(O(e))return Ce(e)?hs(e,t):void 0;if(O(t.getHttpAdapter)&&O(t.init)){await t.init();let n=t.getHttpAdapter().getInstance?.();return O(n?.ready)&&await n.ready(),ve(t.getHttpServer.call(t))}if(O(t.ready)&&O(t.inject))return await t.ready(),ve(t.server);if(O(t.initialize)&&j(t.listener))return await t.initialize(),ve(t.listener);if(!(!O(t.use)&&!O(t.listen)))return O(t.callback)?W(t.callback()):O(t.handler)?W(t.handler.bind(t)):j(t.server)?ve(t.server):void 0}function W(e){return{request:e,get server(){return V()?.server}}}function ve(e){return j(e)?new R(e):void 0}function hs(e,{listen:t}){return O(t)?W(e):W((n,r)=>new Promise((o,s)=>{e(n,r,i=>s(i??new Yn.Problem("NOT_FOUND",`There is nothing at ${n.url}`)))}))}var gs=["req","request","_req","_request","_","__"],ys=["res","response","_res","_response"];function Xn(e){return e.length>=2&&e.length<=3&&ys.includes(e[1]??"")&&gs.includes(e[0]??"")}var Ft=u(st(),1);function Ae(e){let t=e.indexOf("("),n=e.slice(t+1,e.indexOf(")",t));return t<0||n===""?[]:n.split(",").map(r=>r.trim())}function wt(e,t){let n=Ae(String(e));return n.length===2&&/^_*(?:context|ctx)$/.test(n[1])?(r,o)=>{let s=new q(o);return e.call(t,r,s,s)}:(r,o)=>e.call(t,r,new Re(o),new q(o))}var l=u(k(),1),Bt=u(g(),1);var y=u(k(),1),Nr=u(g(),1);function L(e){return bt(Function.prototype.toString.call(e))}function bt(e){return e.replace(/\/\*[\s\S]*?\*\/|(?<![:\\])\/\/.*$/gm,"")}function I(e){let t=/^(?:async\s+)?([\w$]+)\s*=>/.exec(e);if(t)return[t[1]];let n=e.indexOf("("),r=[],o=0,s="";for(let i of e.slice(n)){if(")]}".includes(i)&&o--,o===0||o===1&&i===","){if(s.trim()!==""&&r.push(s.replace(/=[\s\S]*$/,"").trim()),s="",o===0&&i===")")break}else s+=i;"([{".includes(i)&&o++}return r}function $(e){return e!==void 0&&/^_?(?:callback|cb|done)$/i.test(e)}var Te=Symbol.for("aws.lambda.runtime.handler.streaming"),Zn="rawPath|rawQueryString|requestContext|queryStringParameters|multiValueQueryStringParameters|multiValueHeaders|pathParameters|isBase64Encoded|httpMethod|stageVariables|routeKey",ws="awsRequestId|getRemainingTimeInMillis|callbackWaitsForEmptyEventLoop|invokedFunctionArn|functionName|functionVersion|memoryLimitInMB|logGroupName|logStreamName|clientContext|done",bs="body|rawBody|query|params|path|get|header|ip|hostname|protocol|cookies",Ss="status|send|json|sendStatus|redirect|set|type|cookie|header";function er(e,t){if(Te in e)return"lambda";let n=L(e),[r="",o="",s]=I(n),i=(a,c)=>Es(n,a,c);if(St(r)&&Et(o))return i(r,bs)||i(o,Ss)?"gcf":void 0;if(r==="context"){if(i(r,"request|response"))return"fission";if($(o))return"openfaas"}return t==="handle"?"knative":/^lambda_?handler$/i.test(t)?"lambda":i(o,"status|headers")?"openfaas":i(o,"succeed|fail")?t==="default"?"openfaas":"lambda":t==="default"?$(s)?"openfaas":void 0:$(s)?r==="data"?"gcf":"lambda":i(r,Zn)||i(o,ws)||/\bstatusCode["']?\s*:\s*["']?\d{3}\b/.test(n)&&/\bbody\b/.test(n)&&!i(r,"method|query|rawBody")?"lambda":void 0}var St=e=>/^_?req(?:uest)?$/i.test(e),Et=e=>/^_?res(?:p|ponse)?$/i.test(e);function Es(e,t,n){if(t.startsWith("{"))return new RegExp(`[{,]\\s*(?:${n})\\b`).test(t);if(!/^[\w$]+$/.test(t))return!1;let r=t.replaceAll("$","\\$");return new RegExp(`(?<![\\w$.])${r}\\s*\\??\\.\\s*(?:${n})(?![\\w$])`).test(e)||new RegExp(`\\{[^{}]*?\\b(?:${n})\\b[^{}]*\\}\\s*=\\s*${r}(?![\\w$.])`).test(e)}function tr(e){let t=bt(e);if(/@google-cloud\/functions-framework|\bres(?:p|ponse)?\s*\.\s*(?:send|json|status|sendStatus)\s*\(/.test(t))return"gcf";if(/\bcloudEventResponse\b/.test(t))return"knative";if(/\bcontext\s*\.\s*(?:status|headers)\s*\(/.test(t))return"openfaas";if(new RegExp(`\\bstatusCode\\b|\\bawslambda\\b|\\b(?:${Zn}|awsRequestId)\\b`).test(t)||/\bcontext\s*\.\s*(?:succeed|fail|done)\s*\(/.test(t))return"lambda";if(/\b(?:specversion|datacontenttype)\b/.test(t))return"cloudevents"}var Le=u(rr(),1),sr=u(Ot(),1);function M({url:e="/"}){let t=e.indexOf("?");return t<0?{path:e,query:""}:{path:e.slice(0,t)||"/",query:e.slice(t+1)}}function z(e){return ir(M(e).query)}function Ne({headers:e,socket:t}){let n=e["x-forwarded-for"];return String(n??t.remoteAddress??"127.0.0.1").split(",").at(-1)?.trim()}function x({request:e}){return(0,Le.hasBody)(e)?(0,Le.readBody)(e):Promise.resolve(Buffer.alloc(0))}function H({headers:e},t,n=""){if(t.length===0)return;let r=e["content-type"]??n,o=(0,sr.parseBody)(t,r);return/^\s*application\/x-www-form-urlencoded/i.test(r)?ir(o):o}function ir(e){let t=new Map;for(let[n,r]of new URLSearchParams(e)){let o=t.get(n);t.set(n,o===void 0?r:[o,r].flat())}return Object.fromEntries(t)}function Ie({request:e},t){let{headers:n,url:r}=e,o=a=>n[/^referrer$/i.test(a)?"referer":a.toLowerCase()],s=String(n["x-forwarded-proto"]??"http"),i=String(n["x-forwarded-host"]??n.host??""),d={body:H(e,t)??{},rawBody:t.length===0?void 0:t,query:z(e),path:M(e).path,originalUrl:r,baseUrl:"",params:{0:M(e).path},protocol:s,secure:s==="https",host:i,hostname:i.replace(/:\d+$/,""),ip:Ne(e),ips:String(n["x-forwarded-for"]??"").split(/\s*,\s*\u{2f}).filter(Boolean),xhr:/^xmlhttprequest$/i.test(String(n["x-requested-with"])),get:o,header:o,is:(...a)=>Os(String(n["content-type"]??""),a.flat())};return Object.assign(e,d)}function Os(e,t){let n=e.split(";",1)[0]?.trim().toLowerCase(),r=o=>o.includes("*")?n.startsWith(o.replace(/\*.*\u{2f},"")):o===n||n.endsWith(`/${o}`)||n.endsWith(`+${o}`);return n===""?!1:t.find(r)??!1}var kt=w("node:http"),dr={bin:"application/octet-stream",css:"text/css; charset=utf-8",csv:"text/csv; charset=utf-8",html:"text/html; charset=utf-8",js:"text/javascript; charset=utf-8",json:"application/json; charset=utf-8",text:"text/plain; charset=utf-8",txt:"text/plain; charset=utf-8",xml:"application/xml; charset=utf-8"};function _e({response:e}){let t=a=>(...c)=>(a(...c),e),n=(a,c)=>{for(let[f,p]of typeof a=="string"?[[a,c]]:Object.entries(a))ar(e,f,p)},r=a=>ar(e,"Content-Type",a.includes("/")?a:xs(a)),o=(a,c)=>e.appendHeader(a,c),s=(a,c,f={})=>o("Set-Cookie",ks(a,c,f)),i=a=>e.setHeader("Location",encodeURI(a).replace(/%25([\dA-F]{2})/gi,"%$1")),d={locals:{},status:t(a=>{e.statusCode=a}),set:t(n),header:t(n),get:a=>e.getHeader(a),type:t(r),contentType:t(r),append:t(o),vary:t(a=>o("Vary",a)),cookie:t(s),clearCookie:t((a,c={})=>s(a,"",{...c,expires:new Date(0)})),location:t(i),send:t(a=>xt(e,a)),json:t(a=>cr(e,a)),sendStatus:t(a=>{e.statusCode=a,r("txt"),xt(e,kt.STATUS_CODES[a]??String(a))}),redirect:t((...a)=>{let[c,f]=a;e.statusCode=typeof c=="number"?c:302,i(String(typeof c=="number"?f:c)),r("txt"),xt(e,`${kt.STATUS_CODES[e.statusCode]}. Redirecting to ${e.getHeader("Location")}`)})};return Object.assign(e,d)}function xs(e){return dr[e.replace(/^\./,"")]??"application/octet-stream"}function ar(e,t,n){if(n===void 0)return;if(Array.isArray(n)){e.setHeader(t,n.map(String));return}let r=String(n),o=/^content-type$/i.test(t)&&/^(?:text\/|application\/json)[^;]*$/i.test(r);e.setHeader(t,o?`${r}; charset=utf-8`:r)}function xt(e,t){if(!e.headersSent)if(typeof t=="string")Pe(e,"text/html; charset=utf-8",t);else if(t==null)Pe(e,void 0,"");else if(ArrayBuffer.isView(t)){let n=Buffer.from(t.buffer,t.byteOffset,t.byteLength);Pe(e,"application/octet-stream",n)}else cr(e,t)}function cr(e,t){e.headersSent||Pe(e,dr.json,JSON.stringify(t)??"")}function Pe(e,t,n){if(t!==void 0&&!e.hasHeader("Content-Type")&&e.setHeader("Content-Type",t),e.statusCode===204||e.statusCode===304){for(let r of["Content-Type","Content-Length"])e.removeHeader(r);e.end();return}e.setHeader("Content-Length",Buffer.byteLength(n)),e.end(n)}function ks(e,t,n){let r=typeof t=="object"?`j:${JSON.stringify(t)}`:String(t),{maxAge:o,expires:s,sameSite:i,domain:d,path:a="/",httpOnly:c,secure:f,encode:p=encodeURIComponent}=n,m=o===void 0?s:new Date(Date.now()+o);return[`${e}=${p(r)}`,o===void 0?"":`Max-Age=${Math.floor(o/1e3)}`,d?`Domain=${d}`:"",`Path=${a}`,m?`Expires=${m.toUTCString()}`:"",c?"HttpOnly":"",f?"Secure":"",i?`SameSite=${i===!0?"Strict":Rs(String(i))}`:""].filter(Boolean).join("; ")}function Rs(e){return e.charAt(0).toUpperCase()+e.slice(1)}function ur(e){return async t=>{let n={request:Ie(t,await x(t)),response:_e(t)},{response:r}=n,o=(i,d,a)=>{i&&(a&&r.set(a),r.status(i),r.send(d))};await B(t,{request:async()=>{let i=await e(n,o);e.length<2&&!r.headersSent&&o(i?.status??200,i?.body,i?.headers)}})}}var vt=w("node:fs");var Ue=u(k(),1),Ct=u(g(),1);var Be=u(g(),1),$e=u(Ot(),1),Rt=u(J(),1),pr=["id","source","specversion","type"],lr=new Set(["data","data_base64","datacontenttype"]),P=class{constructor(t){Object.assign(this,t)}};function Me(e){return e["ce-id"]!==void 0||e["ce-specversion"]!==void 0||mr(e).startsWith("application/cloudevents")}function mr(e){return(e["content-type"]??"").split(";",1)[0]?.trim().toLowerCase()}function ce(e,t){let n=mr(e);if(n.startsWith("application/cloudevents-batch"))throw K("Batches of CloudEvents are not supported: send each event in its own request");let r=n.startsWith("application/cloudevents");if(r&&n!=="application/cloudevents+json")throw K(`Expected a CloudEvent of the type application/cloudevents+json, got ${n}`);let o=r?As((0,$e.parseBody)(t,Rt.JSON_TYPE)):vs(e,t);for(let s of pr)if(typeof o[s]!="string"||o[s]==="")throw K(`Expected a CloudEvent with the attribute "${s}", ${r?"in the body":`as the header "ce-${s}"`}`);if(o.specversion!=="1.0"&&o.specversion!=="0.3")throw K(`Expected a CloudEvent of specversion 1.0, got "${o.specversion}"`);return o}function K(e){return new Be.Problem("INVALID_REQUEST",e)}function vs(e,t){let n={};for(let o in e)o.startsWith("ce-")&&!lr.has(o.slice(3))&&(n[o.slice(3)]=Cs(String(e[o])));let r=e["content-type"];return r!==void 0&&(n.datacontenttype=r),t.length>0&&(n.data=(0,$e.parseBody)(t,r)),new P(n)}function Cs(e){let t=/^".*"$/.test(e)?e.slice(1,-1).replace(/\\(.)/g,"$1"):e;try{return decodeURIComponent(t)}catch{return t}}function As(e){if(typeof e!="object"||e===null||Array.isArray(e))throw K("Expected a CloudEvent as a JSON object");let{data_base64:t,...n}=e;if(t==null)return new P(n);let r=Buffer.from(String(t),"base64"),o=String(n.datacontenttype??"");try{return new P({...n,data:(0,$e.parseBody)(r,o),data_base64:t})}catch(s){throw K(`The data of the CloudEvent is not of its datacontenttype ${o}: ${(0,Be.messageOf)(s)}`)}}function ue(e){return typeof e=="object"&&e!==null&&pr.every(t=>typeof e[t]=="string")}function He(e){let t={},n=e.toJSON,r=n===void 0?e:n.call(e);for(let[d,a]of Object.entries(r))!lr.has(d)&&a!==void 0&&a!==null&&typeof a!="function"&&(t[`ce-${d.toLowerCase()}`]=Ts(a instanceof Date?a.toISOString():String(a)));let{data:o,data_base64:s,datacontenttype:i}=e;return o===void 0&&typeof s=="string"?Fe(t,i,Buffer.from(s,"base64")):o==null?Fe(t,i,""):typeof o=="string"||ArrayBuffer.isView(o)?Fe(t,i,o):Fe(t,i??Rt.JSON_TYPE,JSON.stringify(o))}function Fe(e,t,n){return typeof t=="string"&&(e["Content-Type"]=t),{status:200,headers:e,body:n}}function Ts(e){return e.replace(/[^\x21\x23\x24\x26-\x7e]+/gu,t=>Array.from(Buffer.from(t),n=>`%${n.toString(16).toUpperCase().padStart(2,"0")}`).join(""))}function hr(e){let t=process.getBuiltinModule("node:module").createRequire(e),n="@google-cloud/functions-framework";try{return{...t(n),...t(`${n}/testing`)}}catch(r){if(/MODULE_NOT_FOUND|ERR_PACKAGE_PATH_NOT_EXPORTED/.test(String(r.code)))return;throw r}}function*Ls(e){let{FUNCTION_TARGET:t,GOOGLE_FUNCTION_TARGET:n}=process.env;for(let r of[t,n,e])r&&(yield r);try{let{scripts:r}=JSON.parse((0,vt.readFileSync)((0,Ue.pathOf)("package.json"),"utf8")),[,o]=/functions-framework\b.*--target[= ]([\w-]+)/.exec(JSON.stringify(r))??[];o!==void 0&&(yield o)}catch{}yield"function"}function gr(e,t){let n=hr(e);if(n===void 0)return;let r=a=>{try{return n.getTestServer(a)}catch{return}};for(let a of Ls(t)){let c=r(a);if(c)return{app:new R(c)}}let o=(0,vt.readFileSync)(e,"utf8"),s=Array.from(o.matchAll(/\b(?:http|cloudEvent)\)?\s*\(\s*["'`]([\w-]+)["'`]/g),([,a])=>a),i=[...new Set(s)].filter(r);if(i.length>1)throw new Ct.Problem("FUNCTION_LOAD_FAILED",`${(0,Ue.nameOf)(e)}: registers the functions ${i.join(", ")}. Set the variable FUNCTION_TARGET to one of them, as in --env FUNCTION_TARGET=${i[0]}`);let d=i[0]===void 0?void 0:r(i[0]);return d&&{app:new R(d)}}function yr(e,t,n){let r=process.env.FUNCTION_SIGNATURE_TYPE??Ns(n);if(r==="event")return{respond:Ps(e)};if(r==="cloudevent")return{respond:At(e)};let o=hr(t);return o===void 0?{respond:Is(e)}:(o.http("function",e),{app:new R(o.getTestServer("function"))})}function Ns([e="",t=""]){return/^_?(?:cloud_?event|ce)$/i.test(e)?"cloudevent":/^_?(?:data|event|message|file|pubsub\w*)$/i.test(e)&&!/^_?res/i.test(t)?"event":"http"}function Is(e){return async t=>{let n=Ie(t,await x(t));await B(t,{request:()=>e(n,_e(t))})}}function At(e){let t=$(I(L(e))[1]);return async n=>{let r=ce(n.request.headers,await x(n)),o=await wr(s=>e(r,t?s:n.context),t);return ue(o)?He(o):o}}function Ps(e){return async t=>{let{headers:n}=t.request,r=await x(t),o=Me(n)?ce(n,r):H(t.request,r,"application/json");if(typeof o!="object"||o===null||Buffer.isBuffer(o))throw new Ct.Problem("INVALID_REQUEST",'Expected an event as a JSON object with "data" and "context", or a CloudEvent');let{data:s,context:i,...d}=o,a=i??(o instanceof P?_s(d):d);return wr(c=>e(s,a,c),e.length>2)}}function _s({id:e,time:t,type:n,source:r,...o}){return{eventId:e,timestamp:t,eventType:n,resource:r,...o}}function wr(e,t){return new Promise((n,r)=>{let o=e((s,i)=>s?r(s):n(i));(o!==void 0||!t)&&n(o)})}var br=u(g(),1);var Fs="OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH",Bs=["trace","debug","info","warn","error","fatal"];async function Sr({handle:e,init:t,shutdown:n,cors:r}){return await t?.(),n&&process.on("SIGTERM",n),async o=>{let{request:s}=o,i=$s(r,s.headers);if(s.method==="OPTIONS")return{status:204,headers:{...i,"access-control-allow-headers":"*"}};let d=await x(o),a=Me(s.headers)?ce(s.headers,d):void 0,c=a===void 0?H(s,d):void 0,f=Ms(o,d,c,a);try{return Us(await e(f,a??c),i)}catch(p){let m=p?.code;if(typeof m!="number"||m<400||m>599)throw p;return{status:m,headers:i,body:(0,br.messageOf)(p)}}}}function $s(e,{origin:t}){let n={"access-control-allow-methods":Fs};return e===void 0?n["access-control-allow-origin"]="*":t!==void 0&&e().includes(t)&&(n["access-control-allow-origin"]=t),n}function Ms(e,t,n,r){let{request:o}=e,{headers:s,method:i,httpVersion:d,httpVersionMajor:a,httpVersionMinor:c}=o,f=z(o);return{body:r===void 0?n:r.data,headers:{...s},method:i,httpVersion:d,httpVersionMajor:a,httpVersionMinor:c,contentType:s["content-type"],rawBody:t.toString(),...f,query:f,...r&&{cloudevent:r,cloudEvent:r},log:Object.fromEntries(Bs.map(p=>[p,Hs(e,p)])),cloudEventResponse:p=>new Tt(p)}}function Hs({requestId:e},t){return(n,r)=>{let o=typeof n=="object"?{...n,...r!==void 0&&{message:r}}:{message:n};process.stderr.write(`${JSON.stringify({level:t,requestId:e,...o})}
`)}}var Tt=class{#e;constructor(t){this.#e={data:t}}version(t){return this.#n("specversion",t)}id(t){return this.#n("id",t)}type(t){return this.#n("type",t)}source(t){return this.#n("source",t)}response(){let t={id:crypto.randomUUID(),time:new Date().toISOString(),specversion:"1.0"},n=new P({...t,...this.#e});if(!ue(n))throw new TypeError("Expected the CloudEvent to have a type and a source");return n}#n(t,n){return this.#e[t]=n,this}};function Us(e,t){if(ue(e)){let a=He(e);return{...a,headers:{...t,...a.headers}}}if(e==null||e==="")return{status:204,headers:t};if(typeof e=="string"||ArrayBuffer.isView(e))return{status:200,headers:t,body:e};let{statusCode:n,headers:r,body:o}=e,s={"content-type":"application/json; charset=utf-8",...t};if(typeof r=="object"&&r!==null)for(let[a,c]of Object.entries(r))s[a.toLowerCase()]=c;let i=o===void 0?r===void 0&&n===void 0?e:"":o,d=typeof i=="string"||ArrayBuffer.isView(i)||Ds(i);return{status:n??200,headers:s,body:d?i:JSON.stringify(i)}}function Ds(e){return typeof e?.pipe=="function"}var Pt=u(g(),1),De=u(J(),1);var U=u(k(),1),Er="$LATEST",js=256;function Lt(){let e=`/aws/lambda/${U.identity.endpoint}`,t={AWS_LAMBDA_FUNCTION_NAME:U.identity.endpoint,AWS_LAMBDA_FUNCTION_VERSION:Er,AWS_LAMBDA_FUNCTION_MEMORY_SIZE:String(qs()),AWS_LAMBDA_LOG_GROUP_NAME:e,AWS_LAMBDA_LOG_STREAM_NAME:U.identity.revision,LAMBDA_TASK_ROOT:U.folder,_HANDLER:U.handlerSetting??"index.handler"};for(let[n,r]of Object.entries(t))process.env[n]??=r}function qs(){let e=process.constrainedMemory();return e>0&&e<2**40?Math.round(e/2**20):js}function Nt({requestId:e,deadline:t},n){let{env:r}=process,o=r.AWS_LAMBDA_FUNCTION_NAME,s=r.AWS_REGION??r.AWS_DEFAULT_REGION??"local";return{awsRequestId:e,callbackWaitsForEmptyEventLoop:!0,functionName:o,functionVersion:Er,invokedFunctionArn:`arn:aws:lambda:${s}:000000000000:function:${o}`,logGroupName:r.AWS_LAMBDA_LOG_GROUP_NAME,logStreamName:r.AWS_LAMBDA_LOG_STREAM_NAME,memoryLimitInMB:r.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,getRemainingTimeInMillis:()=>Math.max(0,t-Date.now()),done:n,succeed:i=>n(null,i),fail:i=>n(i??new Error("The function called context.fail"))}}var Or=u(k(),1);var Ws=/^\s*(?:text\/|application\/(?:json|javascript|xml|[\w.-]+\+(?:json|xml))\s*(?:;|$))/i;function It({request:e,requestId:t},n){let{method:r="GET",httpVersion:o}=e,{path:s,query:i}=M(e),d=Gs(e.headers,e.headersDistinct),a=d.cookie?.split(/; *\u{2f}),c=i===""?void 0:Vs(i),f=new Date,p=d.host??"",m=zs(d["content-type"],n);return{version:"2.0",routeKey:"$default",rawPath:s,rawQueryString:i,...a&&{cookies:a},headers:d,...c&&{queryStringParameters:c},requestContext:{accountId:"anonymous",apiId:Or.identity.endpoint,domainName:p,domainPrefix:p.split(".",1)[0],http:{method:r,path:s,protocol:`HTTP/${o}`,sourceIp:Ne(e),userAgent:d["user-agent"]??""},requestId:t,routeKey:"$default",stage:"$default",time:Js(f),timeEpoch:f.getTime()},...n.length>0&&{body:n.toString(m?"utf8":"base64")},isBase64Encoded:n.length>0&&!m,httpMethod:r,path:s}}function Gs(e,t){let n={};for(let r in e)n[r]=t[r]?.join(r==="cookie"?"; ":",")??"";return n}function Vs(e){let t=new Map;for(let[n,r]of new URLSearchParams(e)){let o=t.get(n);t.set(n,o===void 0?r:`${o},${r}`)}return Object.fromEntries(t)}function zs(e,t){return e!==void 0?Ws.test(e):process.getBuiltinModule("node:buffer").isUtf8(t)}function Js(e){let[,t,n,r,o]=e.toUTCString().split(" ");return`${t}/${n}/${r}:${o} +0000`}function kr(e){if(Te in e)return n=>Ks(n,e);let t=e.length>2||/\.\s*(?:done|succeed|fail)\b/.test(String(e));return async n=>{let r=It(n,await x(n)),{promise:o,resolve:s,reject:i}=Promise.withResolvers(),d=(c,f)=>{c==null?s(f):i(c instanceof Error?c:new Error(typeof c=="string"?c:JSON.stringify(c)))},a=e(r,Nt(n,d),d);if(typeof a?.then=="function"){let c=t?Promise.race([o,a]):a;return xr(await c)}return xr(a===void 0&&t?await o:a)}}function xr(e){if(typeof e!="object"||e===null||!("statusCode"in e)){let d=typeof e=="string"?e:JSON.stringify(e??null);return{status:200,headers:{"Content-Type":De.JSON_TYPE},body:d}}let{statusCode:t,body:n,isBase64Encoded:r,...o}=e,s=Rr(t),i=vr(o);if(n==null||n==="")return{status:s,headers:i,body:""};if(r)return{status:s,headers:i,body:Buffer.from(String(n),"base64")};if(typeof n=="object")throw new Pt.Problem("INVALID_RESPONSE",'Expected "body" to be a string, got an object: use JSON.stringify');return{status:s,headers:(0,De.withType)(i,"text/plain; charset=utf-8"),body:String(n)}}function Rr(e){let t=typeof e=="string"?Number(e):e;if(typeof t=="number"&&Number.isInteger(t)&&t>=200&&t<=599)return t;throw new Pt.Problem("INVALID_RESPONSE",`Expected "statusCode" to be from 200 to 599, got ${JSON.stringify(e)}`)}function vr({headers:e,multiValueHeaders:t,cookies:n}){let r={};for(let[o,s]of Object.entries(e??{}))s!=null&&(r[o.toLowerCase()]=Array.isArray(s)?s.map(String):String(s));for(let[o,s]of Object.entries(t??{}))r[o.toLowerCase()]=s.map(String);return n?.length&&(r["set-cookie"]=[r["set-cookie"]??[],n].flat(2)),r}async function Ks(e,t){let n=It(e,await x(e)),r=e.response;r.setContentType=s=>r.setHeader("Content-Type",s),r.setHeader("Content-Type","application/octet-stream");let o=Nt(e,()=>{});await B(e,{request:()=>t(n,r,o)})}function Cr(){Object.defineProperty(globalThis,"awslambda",{configurable:!0,get:Qs})}function Qs(){let e={streamifyResponse:t=>Object.assign(t,{[Te]:"response"}),HttpResponseStream:{from(t,{statusCode:n,...r}={}){n!==void 0&&(t.statusCode=Rr(n));for(let[o,s]of Object.entries(vr(r)))t.setHeader(o,s);return t}}};return Object.defineProperty(globalThis,"awslambda",{configurable:!0,writable:!0,value:e}),e}var Tr=u(g(),1),fe=u(J(),1);function Lr(e){let t=I(L(e));return $(t[1])&&t.length===2?Zs(e):Ys(e)}var _t=class{constructor(t){this.statusCode=200;this.headerValues={};this.cbCalled=0;this.cb=t}status(t){return t?(this.statusCode=t,this):this.statusCode}headers(t){return t?(this.headerValues=t,this):this.headerValues}succeed(t){this.cbCalled++,this.cb(void 0,t)}fail(t){this.statusCode===200&&(this.statusCode=500),this.cbCalled++,this.cb(t)}},je=class{constructor(t){this.value=t}};function Ys(e){let t=e.length>2||/\.\s*(?:succeed|fail)\s*\(/.test(L(e));return async n=>{let{request:r}=n,o=await x(n),s={body:process.env.RAW_BODY==="true"?o:H(r,o,"text/plain")??{},headers:r.headers,method:r.method??"GET",query:z(r),path:M(r).path},{promise:i,resolve:d}=Promise.withResolvers(),a=(he,ge)=>d(he?new je(he):ge),c=new _t(a),f=e(s,c,a),p=typeof f?.then=="function",m;if(p){let he=Promise.resolve(f).then(ge=>ge===c||c.cbCalled>0?i:ge);m=await Promise.race([i,he])}else m=(f===void 0||f===c)&&t?await i:f;let{statusCode:ne,headerValues:F}=c;return m instanceof je?(console.error(m.value),Ar(ne===200?500:ne,{},Xs(m.value))):Ar(ne,F,m)}}function Xs(e){return e instanceof Error?String(e):typeof e=="string"?e:JSON.stringify(e)}function Ar(e,t,n){let r={...t};return n==null?{status:e,headers:r,body:""}:typeof n=="string"?{status:e,headers:(0,fe.withType)(r,"text/html; charset=utf-8"),body:n}:ArrayBuffer.isView(n)?{status:e,headers:r,body:n}:{status:e,headers:(0,fe.withType)(r,fe.JSON_TYPE),body:JSON.stringify(n)}}function Zs(e){return async t=>{let n=(await x(t)).toString();return new Promise((r,o)=>{let s=(d,a)=>{d?o(d instanceof Error?d:new Error((0,Tr.messageOf)(d))):r(a??"")},i=e(n,s);i instanceof Promise&&i.then(d=>s(void 0,d),o)})}}var ei={lambda:["handler","lambdaHandler"],knative:["handle","default"],openfaas:["default","handler"]},Ir=y.handlerSetting?.slice(y.handlerSetting.lastIndexOf(".")+1);function Pr(){y.signatureSetting==="lambda"&&Lt(),(y.signatureSetting==="lambda"||y.signatureSetting===void 0)&&Cr()}async function _r(e,t,n,r){if(y.signatureSetting==="faas"||(y.appSetting??"function")!=="function")return;let o=c=>c!==void 0&&typeof t(c)=="function",s=o(e)?e:ti(o,t,n());if(y.signatureSetting===void 0?s===void 0:/^(?:gcf|cloudevents)$/.test(y.signatureSetting)){let c=gr(r,Ir);if(c)return c}if(s===void 0){if(y.signatureSetting===void 0)return;throw new Nr.Problem("FUNCTION_LOAD_FAILED",`${(0,y.nameOf)(r)}: expected a function of the signature ${y.signatureSetting}, but it exports ${n().join(", ")||"nothing"}. Set the handler to "file.export"`)}let d=t(s),a=y.signatureSetting??er(d,s);if(!(a===void 0||a==="faas"))return a==="gcf"?yr(d,r,I(L(d))):{respond:await ni(a,d,t)}}function ti(e,t,n){if(Ir!==void 0)return;let{FUNCTION_TARGET:r,GOOGLE_FUNCTION_TARGET:o}=process.env,s=ei[y.signatureSetting??""]??["handle","lambdaHandler"],i=[r,o,...s].find(e);if(i!==void 0)return i;let[d,...a]=n.filter(m=>m!=="default"&&e(m));if(d===void 0||a.length>0)return;let[c="",f=""]=I(L(t(d)));return y.signatureSetting==="gcf"||y.signatureSetting==="cloudevents"||St(c)&&Et(f)?d:void 0}async function ni(e,t,n){switch(e){case"lambda":return Lt(),kr(t);case"cloudevents":return At(t);case"openfaas":return Lr(t);case"fission":return ur(t);case"knative":{let r=d=>typeof n(d)=="function"?n(d):void 0,[o,s,i]=["init","shutdown","cors"].map(r);return Sr({handle:t,init:o,shutdown:s,cors:i})}}}var Hr=u(Br(),1);var $t=["handler","main","default"],Mt=["app","server","default","main","handler"],Ur=2e3,Dr=5e4;async function jr(e,t){let n=ri(e),r=n("websocket");if(typeof r!="function")return $r(e,n,t);let o=[...$t,...Mt,"fetch"].some(d=>n(d)!==void 0);return{...(l.handlerSetting?l.handlerSetting.endsWith(".websocket"):!o)?{}:await $r(e,n,t),websocket:r}}async function $r(e,t,n){let r=l.handlerSetting?l.handlerSetting.slice(l.handlerSetting.lastIndexOf(".")+1):$t.find(p=>t(p)!==void 0),o=r===void 0?void 0:await t(r),s=V()!==void 0||Ht(o)||Ce(o);if(l.signatureSetting!==void 0||!s&&(0,Hr.mayBeForeign)(r,o)){let p=await _r(r,t,()=>oi(e),n);if(p!==void 0)return(0,Ft.stopInterceptingListen)(),p}if(ii(o)&&l.appSetting!=="http"&&l.appSetting!=="fetch"&&(l.handlerSetting!==void 0||r==="handler"||V()===void 0))return ai(o,n);let i=l.appSetting==="fetch"?qr(o,t):await ci(o,t);if(i!==void 0)return i;let a=await Se(l.appSetting==="http"?Dr:typeof o!="object"&&o!==void 0?0:Ur);if(a!==void 0)return{app:a};let c=l.appSetting===void 0?tr((0,Mr.readFileSync)(n,"utf8")):void 0,f=c===void 0?"":`. A function of another platform needs --signature ${c} and --handler`;throw new Bt.Problem("FUNCTION_LOAD_FAILED",`${(0,l.nameOf)(n)}: ${fi(e,o,r)}${f}`)}function ri(e){let t=e.default;return n=>n!=="default"?e[n]??t?.[n]:t?.__esModule?t.default:si(t)?void 0:t}function oi(e){return[...new Set([...Object.keys(e),...Object.keys(e.default??{})])]}function si(e){return typeof e!="object"||e===null||Object.getPrototypeOf(e)!==Object.prototype?!1:Object.keys(e).length===0}function ii(e){return typeof e=="function"&&!Ce(e)&&typeof e.fetch!="function"}function ai(e,t){(0,Ft.stopInterceptingListen)();let n=String(e),r=Ae(n);if(l.appSetting===void 0&&l.signatureSetting===void 0&&Xn(r))return{app:W(e)};let o=l.signatureSetting==="faas"?void 0:di(n,r);if(o!==void 0)throw new Bt.Problem("FUNCTION_LOAD_FAILED",`${(0,l.nameOf)(t)}: ${o}`);return{handler:e}}function di(e,t){let n=t[2];if(n!==void 0&&t.length===3&&/^_*(?:callback|cb|done)$/i.test(n))return`expected handler(event, context), but its third parameter is "${n}". Deploy a function for AWS Lambda with --signature lambda, or return the result`;if(e.includes("statusCode")&&/(?:\breturn\s*\(?|=>\s*\()\s*\{\s*["']?statusCode["']?\s*:/.test(e))return'the function returns "statusCode", as on AWS Lambda. Deploy it with --signature lambda, or return "status"'}async function ci(e,t){let[n,r]=await ui(e,t);if(V()!==void 0&&(n===void 0||mn(r)))return{app:await Se(0)};if(n!==void 0)return se(),be(r),{app:n};let o=qr(e,t);return o!==void 0||l.appSetting!=="http"||typeof e!="function"?o:{app:(e.length<2?await Se(Ur):void 0)??W(e)}}async function ui(e,t){let n=await yt(e);if(n!==void 0||typeof e=="function"||Ht(e))return[n,e];for(let r of Mt){let o=await t(r),s=o===e?void 0:await yt(o);if(s!==void 0)return[s,o]}return[void 0,e]}function Ht(e){return e!=null&&typeof e.fetch=="function"}function qr(e,t){for(let r of[e,...Mt.map(t)])if(Ht(r))return be(r),{fetch:wt(r.fetch,r)};let n=l.appSetting==="fetch"&&typeof e=="function"?e:t("fetch");if(typeof n=="function")return be(n),{fetch:wt(n)}}function fi(e,t,n){if(pi())return'it starts processes with node:cluster. Deploy it as a server of its own, such as --command "node server.js"; replicas are started by faas';if(l.appSetting==="http")return`expected it to listen on PORT within ${Dr/1e3} s or to export an application, but it does neither`;let r="A server has to call listen() while it loads, or be deployed with --app http";if(t===void 0){let s=Object.keys(e).join(", ")||"nothing";return`expected it to export ${l.handlerSetting?`"${n}"`:$t.map(d=>`"${d}"`).join(" or ")}, but it exports ${s}. ${r}`}let o=t===null?"null":typeof t;return l.appSetting==="fetch"?`expected "${n}" to have a function fetch, got ${o}`:`expected "${n}" to be a function, an application or an object with fetch, got ${o}. ${r}`}function pi(){let e=process.getBuiltinModule("node:cluster"),t=Object.values(e.workers??{});for(let n of t)n?.kill();return t.length>0}var Ut;function Wr(){Ut=Vr("read -r _ || exit; ","pipe"),Ut.stdin?.on("error",()=>{})}function Gr(){let e=Ut??Vr("","ignore");return e.stdin?.end(`
`),()=>{try{e.pid!==void 0&&process.kill(-e.pid,"SIGKILL")}catch{}}}function Vr(e,t){let{spawn:n}=process.getBuiltinModule("node:child_process"),r=`${e}sleep 5; exec "$0" -e "$1"`,o=`(${li})(${process.pid}, 6)`,s=n("sh",["-c",r,process.execPath,o],{detached:!0,env:{PATH:process.env.PATH},stdio:[t,"ignore","inherit"]});return s.on("error",()=>{}),s.unref(),s}async function li(e,t){for(process.kill(e,"SIGUSR1"),setTimeout(()=>process.exit(),2e4).unref();;){let n=await fetch("http://127.0.0.1:9229/json/list").then(i=>i.json()).catch(()=>[]),[{webSocketDebuggerUrl:r}={webSocketDebuggerUrl:void 0}]=n;if(r===void 0){await new Promise(i=>setTimeout(i,100));continue}let o=new WebSocket(r),s="JSON.stringify([process.cwd(), new Error().stack])";o.onopen=()=>o.send(JSON.stringify({id:1,method:"Runtime.evaluate",params:{expression:s}})),o.onmessage=({data:i})=>{let[d,a]=JSON.parse(JSON.parse(String(i)).result.result.value),c=a.split(`
`).filter(F=>F.includes(`${d}/`)&&!F.includes("/.interface.mjs")),f=c.find(F=>!F.includes("/node_modules/"))??c[0],[,p,m,ne]=/^ +at (?:async )?(?:(.+?) \()?(?:file:\/\/)?(\/.+?):(\d+)(?::\d+)?\)?$/.exec(f??"")??[];if(m!==void 0){let F=`${decodeURI(m).slice(d.length+1)}:${ne}${p?` (${p})`:""}`;process.stderr.write(`Still loading after ${t} s, at ${F}
`)}process.exit()};return}}var G=u(g(),1),Jr=u(ie(),1),_=u(Ee(),1),Kr={gzip:e=>e.createGunzip(),"x-gzip":e=>e.createGunzip(),deflate:(e,t)=>(t&15)===8?e.createInflate():e.createInflateRaw(),br:e=>e.createBrotliDecompress()},zr=3;function Dt(){return process.getBuiltinModule("node:zlib")}function qe(e){return e.split(",").map(n=>n.trim().toLowerCase()).filter(n=>n!==""&&n!=="identity")}function jt(e,t){let n=qe(t),r=n.find(s=>!Object.hasOwn(Kr,s));if(r!==void 0)throw new G.Problem("UNSUPPORTED_MEDIA_TYPE",`The body has Content-Encoding "${r}", which cannot be decoded. Send it with ${Jr.ACCEPTED_ENCODINGS}, or without`);if(n.length>zr)throw new G.Problem("INVALID_REQUEST",`Expected at most ${zr} content codings, got ${n.length}`);let o=(0,_.limitedChunks)((0,_.chunksOf)(e));for(let s of n.reverse())o=(0,_.limitedChunks)(mi(o,s));return o}async function*mi(e,t){let{value:n}=await e.next();if(n===void 0)return;let r=Kr[t]?.(Dt(),n[0]),{pipeline:o,Readable:s}=process.getBuiltinModule("node:stream"),i=s.from((async function*(){yield n,yield*e})());try{yield*o(i,r,()=>{})}catch(d){throw d instanceof G.Problem?d:new G.Problem("INVALID_REQUEST",`The body is not valid ${t}: ${(0,G.messageOf)(d)}`)}}async function Qr(e,t){if((0,_.declaresTooLarge)(e))throw(0,_.bodyTooLarge)();let n=[];for await(let r of jt(e,t))n.push(r);return delete e.headers["content-encoding"],delete e.headers["content-length"],Buffer.concat(n)}var hi=["gzip","x-gzip","deflate","br"],qt=16*1024;function Xr({type:e,headers:t}){return e==="default"?!1:qe(t.get("content-encoding")??"").every(n=>hi.includes(n))}function Wt(e,t,n){let r=qe(String(e[t])).at(-1);ArrayBuffer.isView(n)&&(r===void 0||gi(new Uint8Array(n.buffer,n.byteOffset,n.byteLength),r))||delete e[t]}async function We(e,t,n){let r=(async function*(){yield*e})(),o=await r.next();for(;!o.done&&o.value?.length===0;)o=await r.next();return o.done||Wt(t,n,o.value),{[Symbol.asyncIterator](){return this},next(){let s=o;return o=void 0,s===void 0?r.next():Promise.resolve(s)},return:()=>r.return(void 0)}}function gi(e,t){if(t==="gzip"||t==="x-gzip")return Yr(e,[31,139]);if(t==="zstd")return Yr(e,[40,181,47,253]);let n=Dt(),r=e.subarray(0,qt);try{return t==="br"?n.brotliDecompressSync(r,{finishFlush:n.constants.BROTLI_OPERATION_FLUSH,maxOutputLength:qt}):t==="deflate"&&!yi(e)&&n.inflateRawSync(r,{finishFlush:n.constants.Z_SYNC_FLUSH,maxOutputLength:qt}),!0}catch(o){return o.code==="ERR_BUFFER_TOO_LARGE"}}function Yr(e,t){return t.every((n,r)=>r>=e.length||e[r]===n)}function yi([e=0,t=0]){return(e&15)===8&&(e*256+t)%31===0}var pe=u(Ge(),1);async function eo(e,{status:t,body:n},r,o){return(0,pe.isStream)(n)?(0,pe.sendBody)(e,t,r,await We(n,r,o)):(n!=null&&Wt(r,o,n instanceof ArrayBuffer?new Uint8Array(n):n),(0,pe.sendBody)(e,t,r,n))}var oo=u(g(),1);var Ve=u(J(),1),ze=u(Gt(),1),so=u(ro(),1);async function Je(e,t){if(!wi(t))throw new oo.Problem("INVALID_RESPONSE",`Expected fetch to return a Response, got ${t===null?"null":typeof t}`);let{status:n,body:r}=t,o=bi(t),s=t.headers.get("content-length"),i=(0,Ve.encodingHeaderOf)(o);if(i!==void 0&&Xr(t)&&(delete o[i],s=null),r===null)return(0,ze.send)(e,n,o,void 0);let d=r;return i!==void 0&&i in o&&(d=await We(d,o,i),i in o||(s=null)),e.request.method==="HEAD"&&s!==null?(await(d===r?r.cancel():d.return?.()),(0,ze.sendHeadOnly)(e,n,o,Number(s))):(0,so.sendStream)(e,n,o,d)}function wi(e){if(e instanceof Response)return!0;let{status:t,headers:n}=e??{};return typeof t=="number"&&typeof n?.get=="function"}function bi({headers:e}){let t={},n=[];for(let[r,o]of e)(0,Ve.isFraming)(r,o)||(r!=="set-cookie"?t[r]=o:(n.push(o),t[r]=n));return t}var Ro=w("node:path"),et=u(Oe(),1);var Y=u(k(),1),N=u(g(),1),vo=u(J(),1),Co=u(ie(),1),Ao=u(Gt(),1),To=u(ao(),1),X=u(uo(),1),Z=u(ut(),1);var po=w("node:path"),lo=u(g(),1),Si=420,Ei=493;function Ke(e){let t=e.indexOf(`
`),n=e.subarray(t+1),{folder:r,env:o,digest:s,files:i}=Oi(e.toString("utf8",0,Math.max(0,t)));if(typeof r!="string"||r!==(0,po.resolve)(r)||r.includes("\0"))throw C('expected "folder" to be an absolute path');if(!Vt(o)||!Object.entries(o).every(vi))throw C('expected "env" to have names and texts of variables');if(!Array.isArray(i))throw C('expected "files" to be a list');let d=i.map(xi),a=d.reduce((f,p)=>f+(p.size??0),0);if(a!==n.length)throw C(`expected ${a} bytes of files, got ${n.length}`);let c=`sha256:${process.getBuiltinModule("node:crypto").hash("sha256",n)}`;if(s!==c)throw C(`expected files with the digest ${s}, got ${c}`);return{folder:r,env:o,files:ki(d),contents:n}}function Oi(e){let t;try{t=JSON.parse(e)}catch{}if(!Vt(t))throw C("expected a line with a JSON object");return t}function xi(e){if(!Vt(e))throw C("expected each file to be an object");let{path:t,mode:n,size:r,link:o,type:s}=e;if(typeof t!="string"||!Ri(t))throw C(`the path ${JSON.stringify(t)} is not allowed`);if(n!==void 0&&!fo(n))throw C(`expected a mode for ${t}`);if(o!==void 0){if(typeof o!="string"||o===""||o.includes("\0"))throw C(`expected a target for ${t}`);return{path:t,mode:0,size:void 0,link:o}}if(s==="folder")return{path:t,mode:n??Ei,size:void 0,link:void 0};if(!fo(r))throw C(`expected a size for ${t}`);return{path:t,mode:n??Si,size:r,link:void 0}}function ki(e){let t=e.filter(({link:n})=>n!==void 0).map(({path:n})=>`${n}/`);for(let{path:n}of t.length===0?[]:e)if(t.some(r=>n.startsWith(r)))throw C(`${n} is below a link`);return e}function Ri(e){return!e.includes("\0")&&e.split("/").every(t=>t!==""&&t!=="."&&t!=="..")}function vi([e,t]){return e===""||e.includes("=")||e.includes("\0")?!1:typeof t=="string"&&!t.includes("\0")}function Vt(e){return typeof e=="object"&&e!==null&&!Array.isArray(e)}function fo(e){return Number.isSafeInteger(e)&&e>=0}function C(e){return new lo.Problem("INVALID_REQUEST",`Invalid claim: ${e}`)}var Qe=u(g(),1),mo=8*2**20;function ho(e){return new Promise((t,n)=>{let r=Number(e.headers["content-length"]);if(Number.isNaN(r))throw new Qe.Problem("INVALID_REQUEST","Expected a claim with Content-Length");if(r>mo)throw new Qe.Problem("BODY_TOO_LARGE",`Expected a claim of at most ${mo} bytes, got ${r}`);let o=[];e.on("data",s=>o.push(s)),e.once("end",()=>t(o.length===1?o[0]:Buffer.concat(o,r))),e.once("error",()=>n(new Qe.Problem("INVALID_REQUEST","The claim ended before it was complete")))})}var Q=w("node:fs");function go(e,{folder:t,env:n}){let r=`${e}.partial`;try{(0,Q.writeFileSync)(r,JSON.stringify({folder:t,env:n}),{mode:384}),(0,Q.renameSync)(r,e)}catch(o){console.error(`Cannot keep the claim for a restart: ${o.message}`)}}function yo(e){try{return JSON.parse((0,Q.readFileSync)(e,"utf8"))}catch{return}}var So=w("node:events"),Ze=w("node:fs"),Eo=w("node:os"),Kt=w("node:path"),Oo=u(Oe(),1);var A=w("node:fs"),le=w("node:path"),Ye=u(g(),1),bo=146;function Xe({folder:e,files:t,contents:n}){let r=new zt(e),o=0;for(let s of t){let i=(0,le.join)(e,s.path),d=o+(s.size??0);try{if(r.create((0,le.dirname)(i)),s.link!==void 0)wo(i,()=>(0,A.symlinkSync)(s.link,i));else if(s.size===void 0)r.create(i,s.mode);else{let a={flag:"wx",mode:s.mode&~bo};wo(i,()=>(0,A.writeFileSync)(i,n.subarray(o,d),a))}}catch(a){throw new Ye.Problem("FUNCTION_LOAD_FAILED",`Cannot write ${s.path}: ${(0,Ye.messageOf)(a)}`)}o=d}r.protect()}var zt=class{#e;constructor(t){(0,A.mkdirSync)(t,{recursive:!0}),this.#e=new Map([[t,void 0]])}create(t,n=493){if(this.#e.has(t))return;this.create((0,le.dirname)(t));let r=(0,A.mkdirSync)(t,{recursive:!0})!==void 0;this.#e.set(t,r?n:void 0)}protect(){for(let[t,n]of this.#e)n!==void 0&&(0,A.chmodSync)(t,n&~bo)}};function wo(e,t){try{t()}catch(n){if(n.code!=="EEXIST")throw n;(0,A.rmSync)(e),t()}}var Ci=5,Jt={"index.mjs":"export const handler = () => ({});","index.cjs":"exports.handler = () => ({});"};async function xo(e){await e({host:"127.0.0.1",port:0},async n=>{for(let r=0;r<Ci;r++)await Ai(n)});let t=Ti();if(t!==void 0)try{Xe(Ke(Li(t)));for(let n of Object.keys(Jt))await(0,Oo.importModule)((0,Kt.join)(t,n))}finally{(0,Ze.rmSync)(t,{recursive:!0,force:!0})}}async function Ai(e){let{connect:t}=process.getBuiltinModule("node:net"),n=t(e.address().port,"127.0.0.1");n.write(`POST / HTTP/1.1\r
Host: localhost\r
Content-Type: application/json\r
Content-Length: 2\r
Connection: close\r
\r
{}`),await(0,So.once)(n.resume(),"close")}function Ti(){try{return(0,Ze.mkdtempSync)((0,Kt.join)((0,Eo.tmpdir)(),"faas-"))}catch{return}}function Li(e){let t=Object.values(Jt).join(""),n=Object.entries(Jt).map(([o,{length:s}])=>({path:o,size:s})),r=`sha256:${process.getBuiltinModule("node:crypto").hash("sha256",t)}`;return Buffer.from(`${JSON.stringify({folder:e,env:{},digest:r,files:n})}
${t}`)}async function Lo(e,{rehearse:t,start:n}){let r=process.env.FAAS_CLAIM_SHA256??"";if(!/^[0-9a-f]{64}$/.test(r))throw new Error("Expected FAAS_CLAIM_SHA256 to be a SHA-256 in hexadecimal");let o=(0,X.createWrapperServer)(),s=process.env.FAAS_CLAIM_FILE,i=s===void 0?void 0:yo(s),d=new Qt(r,s,a=>n(a,o));(0,Z.drainOnSigterm)(o,()=>d.isClaimed),(0,Z.exitOnUncaughtError)(),process.setSourceMapsEnabled(!0),process.env.FAAS_LOADING_WATCH==="1"&&Wr(),process.stdout,process.stderr,i===void 0&&await xo(t),(0,Y.readSettings)(process.env,e),(0,et.useFunction)({problem:new N.Problem("NO_CAPACITY","The replica waits for its function")}),(0,X.setOwnRoutes)((a,c)=>d.answer(a,c)),i!==void 0&&d.resume(i),(0,Z.exitOnListenError)(o.listen(Y.address))}var Ni=["FAAS_WARM","FAAS_WARM_FOLDER","FAAS_CLAIM_SHA256","FAAS_CLAIM_FILE"],Qt=class{constructor(t,n,r){this.isClaimed=!1;this.#e=Buffer.from(t),this.#n=n,this.#r=r}#e;#n;#r;answer(t,n){if(n==="/-/claim")this.#t(t);else if(n==="/-/ready"&&!this.isClaimed)(0,Ao.send)(t,200,{"Content-Type":vo.JSON_TYPE},'{"status":"warm"}');else return!1;return!0}resume(t){this.isClaimed=!0,this.#s(t,()=>{})}async#t(t){let n;try{if(this.#o(t),n=Ke(await ho(t.request)),this.isClaimed)throw ko()}catch(r){if(!(r instanceof N.Problem))throw r;(0,Co.sendProblem)(t,r);return}this.isClaimed=!0,this.#s(n,()=>{Xe(n),this.#n!==void 0&&go(this.#n,n)}),await(0,X.answerReady)(t)}#o({request:t}){if(this.isClaimed)throw ko();let{hash:n,timingSafeEqual:r}=process.getBuiltinModule("node:crypto"),[,o=""]=/^Bearer (.+)$/.exec(t.headers.authorization??"")??[];if(!r(Buffer.from(n("sha256",o)),this.#e))throw new N.Problem("FORBIDDEN","The claim does not have the token of this replica");if(t.method!=="POST")throw new N.Problem("INVALID_REQUEST","Expected a claim to be a POST request")}#s({folder:t,env:n},r){To.deadlines.stop();for(let o of Ni)delete process.env[o];Object.assign(process.env,n);try{r(),process.chdir(t)}catch(o){let s=o instanceof N.Problem?o:new N.Problem("FUNCTION_LOAD_FAILED",(0,N.messageOf)(o));(0,et.useFunction)({problem:s}),console.error(s.message);return}process.argv.splice(1,process.argv.length,(0,Ro.join)(t,Y.WRAPPER_FILE)),(0,et.useFunction)(void 0),this.#r(t)}},ko=()=>new N.Problem("REPLICA_CLAIMED","The replica has a function already");var Yt=u(k(),1),b={CONTINUATION:0,TEXT:1,BINARY:2,CLOSE:8,PING:9,PONG:10},E={NORMAL:1e3,PROTOCOL_ERROR:1002,NONE:1005,LOST:1006,INVALID_DATA:1007,TOO_LARGE:1009,ERROR:1011,RESTART:1012},T=class extends Error{constructor(t,n){super(n),this.code=t}};function me(e,t){let{length:n}=t,r=n<126?2:n<65536?4:10,o=Buffer.allocUnsafe(r+n);return o[0]=128|e,r===2?o[1]=n:r===4?(o[1]=126,o.writeUInt16BE(n,2)):(o[1]=127,o.writeBigUInt64BE(BigInt(n),2)),t.copy(o,r),o}function nt(e,t=""){if(e===E.NONE)return me(b.CLOSE,Buffer.alloc(0));let n=Buffer.alloc(2+Buffer.byteLength(t));return n.writeUInt16BE(e,0),n.write(t,2),me(b.CLOSE,n)}function Xt(e){return e>=3e3&&e<=4999?!0:e>=1e3&&e<=1014&&e!==1004&&e!==E.NONE&&e!==E.LOST}var tt=class{#e;#n=new TextDecoder("utf-8",{fatal:!0,ignoreBOM:!0});#r=[];#t=0;#o=[];#s=0;#i=b.CONTINUATION;#a=!1;constructor(t){this.#e=t}write(t){for(this.#r.push(t),this.#t+=t.length;!this.#a;){let n=this.#p();if(n===void 0||this.#t<n.size+n.length)return;let r=this.#h(n.size+n.length),o=r.subarray(n.size);Ii(o,r.subarray(n.size-4,n.size)),this.#c(n,o)}}#p(){if(this.#t<2)return;let[t=0,n=0]=this.#f(2),r=t&15,o=n&127;if(t&112)throw new T(E.PROTOCOL_ERROR,"a reserved bit is set");if(!(n&128))throw new T(E.PROTOCOL_ERROR,"a frame is not masked");let s=(t&128)!==0;if(r>=b.CLOSE){if(r>b.PONG||!s||o>125)throw new T(E.PROTOCOL_ERROR,"an invalid control frame")}else if(r>b.BINARY||r===b.CONTINUATION!==this.#l)throw new T(E.PROTOCOL_ERROR,"an unexpected frame");let i=o===127?8:o===126?2:0,d=6+i;if(this.#t<2+i)return;let a=this.#f(2+i),c=i===8?Number(a.readBigUInt64BE(2)):i===2?a.readUInt16BE(2):o;if(r<b.CLOSE&&this.#s+c>Yt.bodyLimit)throw new T(E.TOO_LARGE,`a message is larger than ${Yt.bodyLimit} bytes`);return{isFinal:s,opcode:r,size:d,length:c}}get#l(){return this.#i!==b.CONTINUATION}#c({isFinal:t,opcode:n},r){n===b.CLOSE?this.#u(r):n===b.PING?this.#e.onPing(r):n!==b.PONG&&this.#m(t,n,r)}#m(t,n,r){if(n!==b.CONTINUATION&&(this.#i=n),this.#o.push(r),this.#s+=r.length,!t)return;let o=this.#o.length===1?r:Buffer.concat(this.#o),s=this.#i===b.TEXT;this.#o=[],this.#s=0,this.#i=b.CONTINUATION,this.#e.onMessage(s?this.#d(o):o)}#u(t){if(this.#a=!0,t.length===0){this.#e.onClose(E.NONE,"");return}let n=t.length===1?0:t.readUInt16BE(0);if(!Xt(n))throw new T(E.PROTOCOL_ERROR,"an invalid close code");this.#e.onClose(n,this.#d(t.subarray(2)))}#d(t){try{return this.#n.decode(t)}catch{throw new T(E.INVALID_DATA,"a text is not UTF-8")}}#f(t){let[n]=this.#r;return n!==void 0&&n.length>=t?n.subarray(0,t):(this.#r=[Buffer.concat(this.#r)],this.#r[0].subarray(0,t))}#h(t){let n=this.#r.length===1?this.#r[0]:Buffer.concat(this.#r);return this.#r=n.length>t?[n.subarray(t)]:[],this.#t-=t,n.subarray(0,t)}};function Ii(e,t){for(let n=0;n<e.length;n++)e[n]=e[n]^t[n&3]}var Pi=500,ee=new Map;function No(e){ee.set(e,e.bytesWritten),e.once("close",()=>ee.delete(e))}function rt(e){return e.bytesWritten!==ee.get(e)}function Zt(e){for(let t of ee.keys())t.writable&&rt(t)&&t.end(nt(e))}async function Io(){if(ee.size===0)return;let e=[...ee.keys()],t=Promise.all(e.map(r=>new Promise(o=>r.once("close",o))));Zt(E.RESTART);let n=setTimeout(()=>{for(let r of e)r.destroy()},Pi);await t,clearTimeout(n),await new Promise(r=>setImmediate(r))}var tn=u(k(),1),Uo=u(ct(),1),te=u(g(),1),Do=u(_o(),1),jo=u(ie(),1),qo=u(Ge(),1);var Bo=u(lt(),1);var _i=5e3,Fo=16,ot=class{constructor(t){this.CONNECTING=0;this.OPEN=1;this.CLOSING=2;this.CLOSED=3;this.readyState=0;this.protocol="";this.extensions="";this.binaryType="nodebuffer";this.onopen=null;this.onmessage=null;this.onclose=null;this.onerror=null;this.#n=[];this.#r=new tt(this);this.#s=!1;this.#i=[];this.#p=!1;this.#e=t}#e;#n;#r;#t;#o;#s;#i;#a;#p;accept({protocol:t=this.#e.offered[0]??""}={}){if(this.readyState!==this.CONNECTING)return;let{stream:n,head:r}=this.#e.accept(t);this.protocol=t,this.#t=n,this.readyState=this.OPEN,n.on("close",()=>this.#m()),n.on("end",()=>n.end()),setImmediate(()=>{n.destroyed||(this.#d({type:"open",target:this}),n.on("data",o=>this.#l(o)),r.length>0&&this.#l(r))})}get bufferedAmount(){return this.#t?.writableLength??0}send(t){this.accept();let n=typeof t=="string"?b.TEXT:b.BINARY;this.#u(me(n,Fi(t)))}close(t=E.NORMAL,n=""){if(!Xt(t))throw new RangeError(`Expected a close code from 1000 to 1014 or 3000 to 4999, got ${t}`);if(Buffer.byteLength(n)>123)throw new RangeError("Expected a reason of at most 123 bytes");this.accept(),this.#c(t,n)}addEventListener(t,n,r){this.#n.push([t,n,r?.once===!0])}removeEventListener(t,n){let r=this.#n.findIndex(([o,s])=>o===t&&s===n);r>=0&&this.#n.splice(r,1)}async*[Symbol.asyncIterator](){for(this.accept(),this.#p=!0;;){let t=this.#i.shift();if(t!==void 0)this.#i.length<Fo&&this.#t?.resume(),yield t;else{if(this.readyState>=this.CLOSING)return;await new Promise(n=>this.#a=n)}}}onMessage(t){this.readyState===this.OPEN&&(this.#p&&(this.#i.push(t),this.#i.length>=Fo&&this.#t?.pause(),this.#a?.()),this.#d({type:"message",target:this,data:t}))}onPing(t){this.#u(me(b.PONG,t))}onClose(t,n){this.#o??={code:t,reason:n},this.#c(t,""),this.#t?.end()}fail(t){let{requestId:n}=this.#e;(0,Bo.logError)(t,n),this.#c(E.ERROR,"")}#l(t){try{this.#r.write(t)}catch(n){if(!(n instanceof T))throw n;this.#o={code:n.code,reason:n.message},this.#d({type:"error",target:this,message:n.message}),this.#c(n.code,n.message),this.#t?.removeAllListeners("data"),this.#t?.resume(),this.#t?.end()}}#c(t,n){this.#s||this.readyState===this.CLOSED||(this.readyState=this.CLOSING,this.#u(nt(t,n)),this.#s=!0,this.#a?.(),this.#t?.resume(),setTimeout(()=>this.#t?.destroy(),_i).unref())}#m(){this.readyState=this.CLOSED;let{code:t,reason:n}=this.#o??{code:E.LOST,reason:""};this.#a?.(),this.#d({type:"close",target:this,code:t,reason:n,wasClean:t!==E.LOST})}#u(t){this.#s||this.#t?.writable!==!0||this.#t.write(t)}#d(t){let n=this.#n.filter(([o])=>o===t.type);for(let[o,s,i]of n)i&&this.removeEventListener(o,s),this.#f(s,t);let r=this[`on${t.type}`];typeof r=="function"&&this.#f(r,t)}#f(t,n){try{let r=t.call(this,n);r instanceof Promise&&r.catch(o=>this.fail(o))}catch(r){this.fail(r)}}};function Fi(e){if(typeof e=="string"||e instanceof ArrayBuffer)return Buffer.from(e);if(ArrayBuffer.isView(e))return Buffer.from(e.buffer,e.byteOffset,e.byteLength);throw new TypeError(`Expected a string or bytes to send, got ${e===null?"null":typeof e}`)}var en=u(g(),1),Bi="258EAFA5-E914-47DA-95CA-C5AB0DC85B11",$i=/^[\w!#$%&'*+.^`|~-]+$/;function $o({headers:e}){if(e["sec-websocket-version"]!=="13")throw new en.Problem("INVALID_REQUEST","Expected Sec-WebSocket-Version to be 13");if(!/^[A-Za-z0-9+/]{22}==$/.test(e["sec-websocket-key"]??""))throw new en.Problem("INVALID_REQUEST","Expected Sec-WebSocket-Key to be 16 bytes in Base64")}function Mo({headers:e}){return(e["sec-websocket-protocol"]?.split(",").map(n=>n.trim())??[]).filter(n=>$i.test(n))}function Ho({headers:e},t,n){let{createHash:r}=process.getBuiltinModule("node:crypto"),o=r("sha1").update(e["sec-websocket-key"]+Bi).digest("base64"),s=n===""?"":`Sec-WebSocket-Protocol: ${n}\r
`;return`HTTP/1.1 101 Switching Protocols\r
Upgrade: websocket\r
Connection: Upgrade\r
Sec-WebSocket-Accept: ${o}\r
${s}X-Request-Id: ${t}\r
\r
`}function Wo(e,t,n){let{app:r,websocket:o,handler:s}=n,i=r?.server;if(i!==void 0&&i.listenerCount("upgrade")>0)return Mi(e,t,i);if(o!==void 0)return Hi(e,t,o);if(s!==void 0)throw new te.Problem("UPGRADE_REQUIRED",'The function does not accept WebSockets: it does not export "websocket"')}function Mi(e,{socket:t,head:n},r){Go(e,t);let o=i=>rt(t)?t.destroy():t.end((0,jo.rawProblem)(i,e.requestId)),s=setTimeout(()=>{let i=`The application did not accept the WebSocket within ${tn.timeoutMs} ms`;rt(t)||o(new te.Problem("FUNCTION_TIMEOUT",i))},tn.timeoutMs);return new Promise((i,d)=>{t.once("close",()=>{clearTimeout(s),i()});try{r.emit("upgrade",e.request,t,n)}catch(a){o(new te.Problem("FUNCTION_ERROR",(0,te.messageOf)(a))),d(a)}})}async function Hi(e,{socket:t,head:n},r){let{request:o,requestId:s}=e;$o(o);let i=new Promise(c=>{t.once("close",()=>c())}),d=c=>{if(e.isLate||t.destroyed)throw new Error("The WebSocket was closed before it was accepted");return Go(e,t),t.write(Ho(o,s,c)),{stream:t,head:n}},a=new ot({requestId:s,offered:Mo(o),accept:d});try{let c=await r(a,new Do.FunctionEvent(o),e.context);a.readyState!==a.CONNECTING?await i:c!=null?await(0,qo.sendResult)(e,c):(a.accept(),await i)}catch(c){if(a.readyState===a.CONNECTING)throw c;a.fail(c),await i}}function Go(e,t){e.deadlines?.remove(e),e.response.detachSocket(t),No(t),(0,Uo.emitForCall)(t,e.requestId)}var zo=u(g(),1);var D=u(Ee(),1);function Vo({request:e,signal:t}){if((0,D.declaresTooLarge)(e))throw(0,D.bodyTooLarge)();let{method:n="GET",rawHeaders:r}=e,o=new Headers;for(let d=0;d<r.length;d+=2)o.append(r[d],r[d+1]);let s=e.headers["content-encoding"],i;if(n!=="GET"&&n!=="HEAD"&&(i=s===void 0?(0,D.limitedChunks)((0,D.chunksOf)(e)):jt(e,s),s!==void 0))for(let d of["content-encoding","content-length"])o.delete(d);return new Request(Ui(e),{method:n,headers:o,signal:t,...i===void 0?{}:{body:i,duplex:"half"}})}function Ui({url:e="/",headers:t}){let n=s=>String(s??"").split(",",1)[0]?.trim(),r=n(t["x-forwarded-proto"])||"http",o=n(t["x-forwarded-host"])||t.host||"localhost";return`${r}://${o}${e.startsWith("/")?e:"/"}`}var Jo=u(Ge(),1);async function Ko(e,{app:t,fetch:n,respond:r}){if(t!==void 0)return B(e,t);if(n!==void 0)return Je(e,await n(Vo(e),e));if(r!==void 0)return(0,Jo.sendResult)(e,await r(e));throw new zo.Problem("UPGRADE_REQUIRED","The function accepts only WebSockets")}var Di={chooseFunction:jr,prepareSignature:Pr,waitForClaim:Lo,watchLoading:Gr,actAsEntryPoint:sn,needsServiceWorker:Jn,defineServiceWorker:Kn,serviceWorker:Qn,describeSyntaxError:Fn,locationIn:Bn,explain:Mn,withoutMessage:$n,readEncoded:Qr,sendEncoded:eo,sendWebResponse:Je,listenAsApp:hn,releaseCaptured:se,timesOf:ft,runTraced:vn,runOther:Ko,hasProgressed:In,answerForApp:pt,openWebSocket:Wo,endOpenSockets:Io,closeOpenSockets:Zt,whenBackgroundWorkDone:jn};return ns(ji);})();
return lazy.functions;
*/
