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
var loading;
function useFunction(userFunction) {
  loaded = userFunction;
}
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
    setImmediate(() => stopListening(server, closed));
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
  if (result instanceof Response) return lazy().sendWebResponse(call, result);
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
    answering = call.upgrade === void 0 ? handle(call, userFunction) : handleUpgrade(call, userFunction);
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
  const answer = call.progress === void 0 ? sendProblem : lazy().answerForApp;
  if (error instanceof Problem) {
    if (!response.headersSent) answer(call, error);
    return;
  }
  if (response.destroyed || response.writableEnded && call.isAborted) return;
  logError(error, call.requestId);
  if (response.headersSent) response.destroy();
  else answer(call, new Problem("FUNCTION_ERROR", callersMessage(error)));
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
function setOwnRoutes(answer) {
  answerWarmRoute = answer;
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
/* LAZY CODE var lazy=(()=>{var Ho=Object.create;var he=Object.defineProperty;var Do=Object.getOwnPropertyDescriptor;var jo=Object.getOwnPropertyNames;var qo=Object.getPrototypeOf,Wo=Object.prototype.hasOwnProperty;var b=(e=>typeof require<"u"?require:typeof Proxy<"u"?new Proxy(e,{get:(n,t)=>(typeof require<"u"?require:n)[t]}):e)(function(e){if(typeof require<"u")return require.apply(this,arguments);throw Error('Dynamic require of "'+e+'" is not supported')});var h=(e,n)=>()=>{try{return n||e((n={exports:{}}).exports,n),n.exports}catch(t){throw n=0,t}},Go=(e,n)=>{for(var t in n)he(e,t,{get:n[t],enumerable:!0})},et=(e,n,t,r)=>{if(n&&typeof n=="object"||typeof n=="function")for(let o of jo(n))!Wo.call(e,o)&&o!==t&&he(e,o,{get:()=>n[o],enumerable:!(r=Do(n,o))||r.enumerable});return e};var u=(e,n,t)=>(t=e!=null?Ho(qo(e)):{},et(n||!e||!e.__esModule?he(t,"default",{value:e,enumerable:!0}):t,e)),Vo=e=>et(he({},"__esModule",{value:!0}),e);var x=h((Ti,ot)=>{ot.exports=shared("options.ts")});var tn=h((Ni,st)=>{st.exports=shared("app/intercept-listen.ts")});var g=h((Li,it)=>{it.exports=shared("problem.ts")});var an=h((Bi,ht)=>{ht.exports=shared("output/output-tags.ts")});var be=h((Fi,gt)=>{gt.exports=shared("request/body-limit.ts")});var se=h(($i,yt)=>{yt.exports=shared("response/problem.ts")});var dn=h((Mi,wt)=>{wt.exports=shared("shutdown.ts")});var un=h((Di,Nt)=>{Nt.exports=shared("output/log-error.ts")});var Bt=h((qi,_t)=>{_t.exports=shared("call.ts")});var Jt=h((oa,zt)=>{zt.exports=shared("request/body.ts")});var bn=h((sa,Qt)=>{Qt.exports=shared("request/parse-body.ts")});var J=h((ha,tr)=>{tr.exports=shared("response/head.ts")});var Cr=h((Qa,vr)=>{vr.exports=shared("signatures/hints.ts")});var je=h((ad,Wr)=>{Wr.exports=shared("response/result.ts")});var jn=h((ud,Vr)=>{Vr.exports=shared("response/send.ts")});var Jr=h((fd,zr)=>{zr.exports=shared("response/stream.ts")});var qn=h((md,Xr)=>{Xr.exports=shared("load-function.ts")});var Zr=h((hd,Kr)=>{Kr.exports=shared("run-call.ts")});var no=h((gd,eo)=>{eo.exports=shared("server.ts")});var xo=h((Id,ko)=>{ko.exports=shared("request/event.ts")});var vi={};Go(vi,{functions:()=>Ri});var nt=b("node:fs"),te=b("node:module"),tt=b("node:url");function rt(e){process.argv[1]=e;let{cache:n}=(0,te.createRequire)(e);if(Object.defineProperty(process,"mainModule",{configurable:!0,enumerable:!0,get:()=>n[e]}),te.registerHooks===void 0||!(0,nt.readFileSync)(e,"utf8").includes("import.meta.main"))return;let{href:t}=(0,tt.pathToFileURL)(e),r=(0,te.registerHooks)({load(o,s,i){let d=i(o,s);return o!==t||d.format!=="module"?d:(r.deregister(),{...d,source:String(d.source).replaceAll("import.meta.main","(true)          ")})}})}var ct=u(x(),1),re=u(tn(),1);var ge=b("node:http"),at=u(x(),1),dt=u(g(),1);function j(e){return e instanceof ge.Server?!0:typeof e?.listenerCount!="function"?!1:"keepAliveTimeout"in e||e.listenerCount("request")>0}function rn(e){return"setSecureContext"in e}var R=class{#e;#t=0;#r;constructor(n){this.server=n,this.#e=rn(n)}request(n,t){if(this.#e&&(n.socket.encrypted=!0),this.#t++,t.once("close",this.#n),!this.server.emit("request",n,t))throw new dt.Problem("NOT_FOUND","The application's server has no listener for requests")}#n=()=>{this.#t--,this.#t===0&&this.#r?.()};pretendToListen(n){let{server:t}=this;typeof n=="function"&&t.once("listening",n),this.#r=void 0;let r=!0,o=(s,i)=>Object.defineProperty(t,s,{configurable:!0,writable:!0,value:i});o("listening",!0),o("address",()=>r?{address:"::",family:"IPv6",port:at.userPort}:null),o("close",s=>r?(r=!1,o("listening",!1),typeof s=="function"&&t.once("close",s),this.#r=()=>{this.#r=void 0,ge.Server.prototype.close.call(t)},this.#t===0&&this.#r(),t):ge.Server.prototype.close.call(t,s)),process.nextTick(()=>r&&Object.hasOwn(t,"address")&&t.emit("listening"))}stopPretending(){let n=this.server;for(let t of["listening","address","close"])Reflect.deleteProperty(n,t)}};var on,S,sn,ut;function ye(e){on=n=>mt(n,e)}function oe(){if(S===void 0)return;let{app:e,args:n}=S;S=void 0,e.stopPretending(),lt(e.server,typeof n.at(-1)=="function"?n.slice(0,-1):n)}function V(){return S?.app}function ft(e){return S!==void 0&&(S.rank>0||mt(S.app.server,e))}async function we(e){return S===void 0&&await new Promise(n=>{ut=n,setTimeout(n,e)}),S!==void 0?{request:zo,get server(){return S?.app.server}}:sn===void 0?void 0:new R(sn)}var zo=(e,n)=>S?.app.request(e,n);function pt(e,n){if(!j(e))return(0,re.listenReally)(e,n);let t=Jo(n);if(S?.app.server===e){if(e.listening)throw Qo();return S.app.pretendToListen(n.at(-1)),e}if(t===void 0||t===0)return sn??=e,(0,re.listenReally)(e,n);let r=t===ct.userPort?2:rn(e)?1:0;return(S===void 0?on===void 0||r===2||on(e):r>S.rank)?(oe(),S={app:new R(e),port:t,rank:r,args:n},S.app.pretendToListen(n.at(-1)),ut?.(),e):t===S?.port?(new R(e).pretendToListen(n.at(-1)),e):lt(e,n)}function lt(e,n){let t=r=>{if(e.off("error",t),!(e.listenerCount("error")>0)){if(r.code!=="EADDRINUSE"&&r.code!=="EACCES")throw r;e.once("listening",()=>{let{port:o}=e.address();console.error(`${r.message}: the function's second server listens on port ${o} instead`)}),(0,re.listenReally)(e,[0])}};return e.on("error",t),e.once("listening",()=>e.off("error",t)),(0,re.listenReally)(e,n)}function Jo([e]){let n=e;if(typeof e=="object"&&e!==null){let t=e;if(t.fd!==void 0||t._handle!==void 0||t.port===void 0&&t.path!==void 0)return;n=t.port}if(n==null||typeof n=="function")return 0;if(!(typeof n!="number"&&(typeof n!="string"||n.trim()==="")))return Number(n)>=0&&Number(n)<65536?Number(n):void 0}function mt(e,n){if(e.listeners("request").includes(n)||e.listenerCount("upgrade")>0)return!0;let{server:t,callback:r}=n??{};return t===e||n===e||typeof r=="function"}function Qo(){let e=new Error("Listen method has been called more than once without closing.");return Object.assign(e,{code:"ERR_SERVER_ALREADY_LISTEN"})}var bt=u(x(),1),St=u(an(),1),ie=u(be(),1),Et=u(se(),1),Ot=u(dn(),1);function F(e,n){let{request:t,response:r}=e;if((0,ie.declaresTooLarge)(t))throw(0,ie.bodyTooLarge)();return t.headers["transfer-encoding"]!==void 0&&Yo(e),Xo(t.socket),t.complete||(0,St.emitForCall)(t,e.requestId),r.setHeader("X-Request-Id",e.requestId),Ot.isDraining&&(r.shouldKeepAlive=!1),e.progress=0,new Promise((o,s)=>{r.once("close",o);let i=n.request(t,r);typeof i?.then=="function"&&i.then(void 0,s)})}function kt(e){let{socket:n,headersSent:t}=e.response;if(!t||n===null)return!1;let r=e.progress;return e.progress=2*n.bytesWritten-n.writableLength,e.progress!==r}function cn({request:e,response:n,requestId:t},r){let{socket:o}=n;n.headersSent||n.destroyed||o===null?e.socket.destroy():(o.write((0,Et.rawProblem)(r,t,e.method!=="HEAD")),o.destroySoon())}function Yo(e){let{request:n}=e,{push:t}=n,r=0;n.push=(o,...s)=>(r+=o?.length??0,r<=bt.bodyLimit?t.call(n,o,...s):(cn(e,(0,ie.bodyTooLarge)()),!1))}function Xo(e){if(!(e.remoteAddress!==void 0||e.destroyed))for(let[n,t]of[["remoteAddress","127.0.0.1"],["remoteFamily","IPv4"],["remotePort",0]])Object.defineProperty(e,n,{configurable:!0,value:t})}var xt=b("node:fs"),Se=b("node:path"),Rt=b("node:url"),v=u(x(),1);async function vt(e){let{spawnSync:n}=process.getBuiltinModule("node:child_process"),t=(0,xt.readdirSync)(v.folder).filter(r=>v.EXTENSIONS.includes((0,Se.extname)(r))&&r!==v.WRAPPER_FILE);for(let r of[e,...t.map(v.pathOf)]){let{status:o,stderr:s}=n(process.execPath,["--check",r],{encoding:"utf8",timeout:5e3});if(o!==0)return s.split(`
    at `,1)[0]?.trim()}}function Ct(e){for(let[,n="",t]of e.matchAll(/(?:file:\/\/)?(\/[^\s:()]+):(\d+)/g)){let r=(0,v.nameOf)(decodeURI(n));if(!r.startsWith("..")&&r!==v.WRAPPER_FILE)return`${r}:${t}`}}function At(e,n){let t=n===""?-1:e.indexOf(n);if(t<0)return e;let r=e.lastIndexOf(`
`,t)+1,o=e.indexOf(`
`,t+n.length);return(e.slice(0,r)+(o<0?"":e.slice(o+1))).trimEnd()}function Tt(e){let n=e.replaceAll(`${(0,Rt.pathToFileURL)(v.folder).href}/`,"").replaceAll((0,Se.join)(v.folder,"/"),""),[,t]=/^Cannot find (?:package|module) '((?:@[^/']+\/)?[^@./'][^/']*)/.exec(e)??[];return t===void 0?n:`${n}. Add "${t}" to "dependencies" in package.json`}var Lt=u(un(),1),Ee=new Set;function It(e,n){let t=Promise.resolve(e).catch(r=>(0,Lt.logError)(r,n,"waitUntil")).then(()=>Ee.delete(t));Ee.add(t)}async function Pt(){for(;Ee.size>0;)await Promise.all(Ee)}var Mt=u(g(),1);var $t=u(Bt(),1);var Ko=/^(?:FAAS_.*|KUBERNETES_.*|PORT|PATH|HOME|HOSTNAME|TMPDIR|LANG|PWD|SHLVL|_|OMP_NUM_THREADS|OPENBLAS_NUM_THREADS|NODE_COMPILE_CACHE|NODE_VERSION|YARN_VERSION)$/,Ft;function fn(){return Ft??=Object.fromEntries(Object.entries(process.env).filter(([e])=>!Ko.test(e))),Ft}var Oe=class{#e;constructor(n){this.#e=n,Object.assign(this,fn())}get org(){return this.#e.context.org}get endpoint(){return this.#e.context.endpoint}get revision(){return this.#e.context.revision}get requestId(){return this.#e.requestId}get deadline(){return this.#e.deadline}get signal(){return this.#e.signal}get log(){return this.#e.context.log}},q=class extends $t.Context{get waitUntil(){return n=>It(n,this.requestId)}get props(){return{}}passThroughOnException(){}};var ln;function Ut(e){return e instanceof ReferenceError&&/^(?:addEventListener|self) is not defined$/.test(e.message)}function Ht(){let e=(n,t)=>{n==="fetch"&&(ln??=typeof t=="function"?t:r=>t.handleEvent(r))};for(let[n,t]of Object.entries({self:globalThis,addEventListener:e,...fn()}))n in globalThis||Object.defineProperty(globalThis,n,{configurable:!0,writable:!0,value:t})}function Dt(){return ln&&{fetch:Zo}}var Zo=(e,n)=>{let t=new pn(e,new q(n));if(ln?.(t),t.response!==void 0)return t.response;throw new Mt.Problem("INVALID_RESPONSE","The listener of fetch did not call respondWith")},pn=class extends Event{constructor(n,{waitUntil:t}){super("fetch"),this.request=n,this.waitUntil=t}respondWith(n){this.response=n}passThroughOnException(){}};var Tr=b("node:fs");var jt=u(g(),1);var O=e=>typeof e=="function";function xe(e){return O(e)&&O(e.use)&&O(e.handle)}async function mn(e){if(e===null||typeof e!="object"&&!O(e))return;if(j(e))return new R(e);let n=e;if(O(e))return xe(e)?es(e,n):void 0;if(O(n.getHttpAdapter)&&O(n.init)){await n.init();let t=n.getHttpAdapter().getInstance?.();return O(t?.ready)&&await t.ready(),ke(n.getHttpServer.call(n))}if(O(n.ready)&&O(n.inject))return await n.ready(),ke(n.server);if(O(n.initialize)&&j(n.listener))return await n.initialize(),ke(n.listener);if(!(!O(n.use)&&!O(n.listen)))return O(n.callback)?W(n.callback()):O(n.handler)?W(n.handler.bind(n)):j(n.server)?ke(n.server):void 0}function W(e){return{request:e,get server(){return V()?.server}}}function ke(e){return j(e)?new R(e):void 0}function es(e,{listen:n}){return O(n)?W(e):W((t,r)=>new Promise((o,s)=>{e(t,r,i=>s(i??new jt.Problem("NOT_FOUND",`There is nothing at ${t.url}`)))}))}var ns=["req","request","_req","_request","_","__"],ts=["res","response","_res","_response"];function qt(e){return e.length>=2&&e.length<=3&&ts.includes(e[1]??"")&&ns.includes(e[0]??"")}var In=u(tn(),1);function Re(e){let n=e.indexOf("("),t=e.slice(n+1,e.indexOf(")",n));return n<0||t===""?[]:t.split(",").map(r=>r.trim())}function hn(e,n){let t=Re(String(e));return t.length===2&&/^_*(?:context|ctx)$/.test(t[1])?(r,o)=>{let s=new q(o);return e.call(n,r,s,s)}:(r,o)=>e.call(n,r,new Oe(o),new q(o))}var l=u(x(),1),Pn=u(g(),1);var y=u(x(),1),Or=u(g(),1);function N(e){return gn(Function.prototype.toString.call(e))}function gn(e){return e.replace(/\/\*[\s\S]*?\*\/|(?<![:\\])\/\/.*$/gm,"")}function I(e){let n=/^(?:async\s+)?([\w$]+)\s*=>/.exec(e);if(n)return[n[1]];let t=e.indexOf("("),r=[],o=0,s="";for(let i of e.slice(t)){if(")]}".includes(i)&&o--,o===0||o===1&&i===","){if(s.trim()!==""&&r.push(s.replace(/=[\s\S]*$/,"").trim()),s="",o===0&&i===")")break}else s+=i;"([{".includes(i)&&o++}return r}function $(e){return e!==void 0&&/^_?(?:callback|cb|done)$/i.test(e)}var ve=Symbol.for("aws.lambda.runtime.handler.streaming"),Wt="rawPath|rawQueryString|requestContext|queryStringParameters|multiValueQueryStringParameters|multiValueHeaders|pathParameters|isBase64Encoded|httpMethod|stageVariables|routeKey",rs="awsRequestId|getRemainingTimeInMillis|callbackWaitsForEmptyEventLoop|invokedFunctionArn|functionName|functionVersion|memoryLimitInMB|logGroupName|logStreamName|clientContext|done",os="body|rawBody|query|params|path|get|header|ip|hostname|protocol|cookies",ss="status|send|json|sendStatus|redirect|set|type|cookie|header";function Gt(e,n){if(ve in e)return"lambda";let t=N(e),[r="",o="",s]=I(t),i=(a,c)=>is(t,a,c);if(yn(r)&&wn(o))return i(r,os)||i(o,ss)?"gcf":void 0;if(r==="context"){if(i(r,"request|response"))return"fission";if($(o))return"openfaas"}return n==="handle"?"knative":/^lambda_?handler$/i.test(n)?"lambda":i(o,"status|headers")?"openfaas":i(o,"succeed|fail")?n==="default"?"openfaas":"lambda":n==="default"?$(s)?"openfaas":void 0:$(s)?r==="data"?"gcf":"lambda":i(r,Wt)||i(o,rs)||/\bstatusCode["']?\s*:\s*["']?\d{3}\b/.test(t)&&/\bbody\b/.test(t)&&!i(r,"method|query|rawBody")?"lambda":void 0}var yn=e=>/^_?req(?:uest)?$/i.test(e),wn=e=>/^_?res(?:p|ponse)?$/i.test(e);function is(e,n,t){if(n.startsWith("{"))return new RegExp(`[{,]\\s*(?:${t})\\b`).test(n);if(!/^[\w$]+$/.test(n))return!1;let r=n.replaceAll("$","\\$");return new RegExp(`(?<![\\w$.])${r}\\s*\\??\\.\\s*(?:${t})(?![\\w$])`).test(e)||new RegExp(`\\{[^{}]*?\\b(?:${t})\\b[^{}]*\\}\\s*=\\s*${r}(?![\\w$.])`).test(e)}function Vt(e){let n=gn(e);if(/@google-cloud\/functions-framework|\bres(?:p|ponse)?\s*\.\s*(?:send|json|status|sendStatus)\s*\(/.test(n))return"gcf";if(/\bcloudEventResponse\b/.test(n))return"knative";if(/\bcontext\s*\.\s*(?:status|headers)\s*\(/.test(n))return"openfaas";if(new RegExp(`\\bstatusCode\\b|\\bawslambda\\b|\\b(?:${Wt}|awsRequestId)\\b`).test(n)||/\bcontext\s*\.\s*(?:succeed|fail|done)\s*\(/.test(n))return"lambda";if(/\b(?:specversion|datacontenttype)\b/.test(n))return"cloudevents"}var Ce=u(Jt(),1),Yt=u(bn(),1);function M({url:e="/"}){let n=e.indexOf("?");return n<0?{path:e,query:""}:{path:e.slice(0,n)||"/",query:e.slice(n+1)}}function z(e){return Xt(M(e).query)}function Ae({headers:e,socket:n}){let t=e["x-forwarded-for"];return String(t??n.remoteAddress??"127.0.0.1").split(",").at(-1)?.trim()}function k({request:e}){return(0,Ce.hasBody)(e)?(0,Ce.readBody)(e):Promise.resolve(Buffer.alloc(0))}function U({headers:e},n,t=""){if(n.length===0)return;let r=e["content-type"]??t,o=(0,Yt.parseBody)(n,r);return/^\s*application\/x-www-form-urlencoded/i.test(r)?Xt(o):o}function Xt(e){let n=new Map;for(let[t,r]of new URLSearchParams(e)){let o=n.get(t);n.set(t,o===void 0?r:[o,r].flat())}return Object.fromEntries(n)}function Te({request:e},n){let{headers:t,url:r}=e,o=a=>t[/^referrer$/i.test(a)?"referer":a.toLowerCase()],s=String(t["x-forwarded-proto"]??"http"),i=String(t["x-forwarded-host"]??t.host??""),d={body:U(e,n)??{},rawBody:n.length===0?void 0:n,query:z(e),path:M(e).path,originalUrl:r,baseUrl:"",params:{0:M(e).path},protocol:s,secure:s==="https",host:i,hostname:i.replace(/:\d+$/,""),ip:Ae(e),ips:String(t["x-forwarded-for"]??"").split(/\s*,\s*\u{2f}).filter(Boolean),xhr:/^xmlhttprequest$/i.test(String(t["x-requested-with"])),get:o,header:o,is:(...a)=>as(String(t["content-type"]??""),a.flat())};return Object.assign(e,d)}function as(e,n){let t=e.split(";",1)[0]?.trim().toLowerCase(),r=o=>o.includes("*")?t.startsWith(o.replace(/\*.*\u{2f},"")):o===t||t.endsWith(`/${o}`)||t.endsWith(`+${o}`);return t===""?!1:n.find(r)??!1}var En=b("node:http"),Zt={bin:"application/octet-stream",css:"text/css; charset=utf-8",csv:"text/csv; charset=utf-8",html:"text/html; charset=utf-8",js:"text/javascript; charset=utf-8",json:"application/json; charset=utf-8",text:"text/plain; charset=utf-8",txt:"text/plain; charset=utf-8",xml:"application/xml; charset=utf-8"};function Le({response:e}){let n=a=>(...c)=>(a(...c),e),t=(a,c)=>{for(let[f,p]of typeof a=="string"?[[a,c]]:Object.entries(a))Kt(e,f,p)},r=a=>Kt(e,"Content-Type",a.includes("/")?a:ds(a)),o=(a,c)=>e.appendHeader(a,c),s=(a,c,f={})=>o("Set-Cookie",cs(a,c,f)),i=a=>e.setHeader("Location",encodeURI(a).replace(/%25([\dA-F]{2})/gi,"%$1")),d={locals:{},status:n(a=>{e.statusCode=a}),set:n(t),header:n(t),get:a=>e.getHeader(a),type:n(r),contentType:n(r),append:n(o),vary:n(a=>o("Vary",a)),cookie:n(s),clearCookie:n((a,c={})=>s(a,"",{...c,expires:new Date(0)})),location:n(i),send:n(a=>Sn(e,a)),json:n(a=>er(e,a)),sendStatus:n(a=>{e.statusCode=a,r("txt"),Sn(e,En.STATUS_CODES[a]??String(a))}),redirect:n((...a)=>{let[c,f]=a;e.statusCode=typeof c=="number"?c:302,i(String(typeof c=="number"?f:c)),r("txt"),Sn(e,`${En.STATUS_CODES[e.statusCode]}. Redirecting to ${e.getHeader("Location")}`)})};return Object.assign(e,d)}function ds(e){return Zt[e.replace(/^\./,"")]??"application/octet-stream"}function Kt(e,n,t){if(t===void 0)return;if(Array.isArray(t)){e.setHeader(n,t.map(String));return}let r=String(t),o=/^content-type$/i.test(n)&&/^(?:text\/|application\/json)[^;]*$/i.test(r);e.setHeader(n,o?`${r}; charset=utf-8`:r)}function Sn(e,n){if(!e.headersSent)if(typeof n=="string")Ne(e,"text/html; charset=utf-8",n);else if(n==null)Ne(e,void 0,"");else if(ArrayBuffer.isView(n)){let t=Buffer.from(n.buffer,n.byteOffset,n.byteLength);Ne(e,"application/octet-stream",t)}else er(e,n)}function er(e,n){e.headersSent||Ne(e,Zt.json,JSON.stringify(n)??"")}function Ne(e,n,t){if(n!==void 0&&!e.hasHeader("Content-Type")&&e.setHeader("Content-Type",n),e.statusCode===204||e.statusCode===304){for(let r of["Content-Type","Content-Length"])e.removeHeader(r);e.end();return}e.setHeader("Content-Length",Buffer.byteLength(t)),e.end(t)}function cs(e,n,t){let r=typeof n=="object"?`j:${JSON.stringify(n)}`:String(n),{maxAge:o,expires:s,sameSite:i,domain:d,path:a="/",httpOnly:c,secure:f,encode:p=encodeURIComponent}=t,m=o===void 0?s:new Date(Date.now()+o);return[`${e}=${p(r)}`,o===void 0?"":`Max-Age=${Math.floor(o/1e3)}`,d?`Domain=${d}`:"",`Path=${a}`,m?`Expires=${m.toUTCString()}`:"",c?"HttpOnly":"",f?"Secure":"",i?`SameSite=${i===!0?"Strict":us(String(i))}`:""].filter(Boolean).join("; ")}function us(e){return e.charAt(0).toUpperCase()+e.slice(1)}function nr(e){return async n=>{let t={request:Te(n,await k(n)),response:Le(n)},{response:r}=t,o=(i,d,a)=>{i&&(a&&r.set(a),r.status(i),r.send(d))};await F(n,{request:async()=>{let i=await e(t,o);e.length<2&&!r.headersSent&&o(i?.status??200,i?.body,i?.headers)}})}}var kn=b("node:fs");var $e=u(x(),1),xn=u(g(),1);var Pe=u(g(),1),_e=u(bn(),1),On=u(J(),1),rr=["id","source","specversion","type"],or=new Set(["data","data_base64","datacontenttype"]),P=class{constructor(n){Object.assign(this,n)}};function Be(e){return e["ce-id"]!==void 0||e["ce-specversion"]!==void 0||sr(e).startsWith("application/cloudevents")}function sr(e){return(e["content-type"]??"").split(";",1)[0]?.trim().toLowerCase()}function ae(e,n){let t=sr(e);if(t.startsWith("application/cloudevents-batch"))throw Q("Batches of CloudEvents are not supported: send each event in its own request");let r=t.startsWith("application/cloudevents");if(r&&t!=="application/cloudevents+json")throw Q(`Expected a CloudEvent of the type application/cloudevents+json, got ${t}`);let o=r?ls((0,_e.parseBody)(n,On.JSON_TYPE)):fs(e,n);for(let s of rr)if(typeof o[s]!="string"||o[s]==="")throw Q(`Expected a CloudEvent with the attribute "${s}", ${r?"in the body":`as the header "ce-${s}"`}`);if(o.specversion!=="1.0"&&o.specversion!=="0.3")throw Q(`Expected a CloudEvent of specversion 1.0, got "${o.specversion}"`);return o}function Q(e){return new Pe.Problem("INVALID_REQUEST",e)}function fs(e,n){let t={};for(let o in e)o.startsWith("ce-")&&!or.has(o.slice(3))&&(t[o.slice(3)]=ps(String(e[o])));let r=e["content-type"];return r!==void 0&&(t.datacontenttype=r),n.length>0&&(t.data=(0,_e.parseBody)(n,r)),new P(t)}function ps(e){let n=/^".*"$/.test(e)?e.slice(1,-1).replace(/\\(.)/g,"$1"):e;try{return decodeURIComponent(n)}catch{return n}}function ls(e){if(typeof e!="object"||e===null||Array.isArray(e))throw Q("Expected a CloudEvent as a JSON object");let{data_base64:n,...t}=e;if(n==null)return new P(t);let r=Buffer.from(String(n),"base64"),o=String(t.datacontenttype??"");try{return new P({...t,data:(0,_e.parseBody)(r,o),data_base64:n})}catch(s){throw Q(`The data of the CloudEvent is not of its datacontenttype ${o}: ${(0,Pe.messageOf)(s)}`)}}function de(e){return typeof e=="object"&&e!==null&&rr.every(n=>typeof e[n]=="string")}function Fe(e){let n={},t=e.toJSON,r=t===void 0?e:t.call(e);for(let[d,a]of Object.entries(r))!or.has(d)&&a!==void 0&&a!==null&&typeof a!="function"&&(n[`ce-${d.toLowerCase()}`]=ms(a instanceof Date?a.toISOString():String(a)));let{data:o,data_base64:s,datacontenttype:i}=e;return o===void 0&&typeof s=="string"?Ie(n,i,Buffer.from(s,"base64")):o==null?Ie(n,i,""):typeof o=="string"||ArrayBuffer.isView(o)?Ie(n,i,o):Ie(n,i??On.JSON_TYPE,JSON.stringify(o))}function Ie(e,n,t){return typeof n=="string"&&(e["Content-Type"]=n),{status:200,headers:e,body:t}}function ms(e){return e.replace(/[^\x21\x23\x24\x26-\x7e]+/gu,n=>Array.from(Buffer.from(n),t=>`%${t.toString(16).toUpperCase().padStart(2,"0")}`).join(""))}function ir(e){let n=process.getBuiltinModule("node:module").createRequire(e),t="@google-cloud/functions-framework";try{return{...n(t),...n(`${t}/testing`)}}catch(r){if(/MODULE_NOT_FOUND|ERR_PACKAGE_PATH_NOT_EXPORTED/.test(String(r.code)))return;throw r}}function*hs(e){let{FUNCTION_TARGET:n,GOOGLE_FUNCTION_TARGET:t}=process.env;for(let r of[n,t,e])r&&(yield r);try{let{scripts:r}=JSON.parse((0,kn.readFileSync)((0,$e.pathOf)("package.json"),"utf8")),[,o]=/functions-framework\b.*--target[= ]([\w-]+)/.exec(JSON.stringify(r))??[];o!==void 0&&(yield o)}catch{}yield"function"}function ar(e,n){let t=ir(e);if(t===void 0)return;let r=a=>{try{return t.getTestServer(a)}catch{return}};for(let a of hs(n)){let c=r(a);if(c)return{app:new R(c)}}let o=(0,kn.readFileSync)(e,"utf8"),s=Array.from(o.matchAll(/\b(?:http|cloudEvent)\)?\s*\(\s*["'`]([\w-]+)["'`]/g),([,a])=>a),i=[...new Set(s)].filter(r);if(i.length>1)throw new xn.Problem("FUNCTION_LOAD_FAILED",`${(0,$e.nameOf)(e)}: registers the functions ${i.join(", ")}. Set the variable FUNCTION_TARGET to one of them, as in --env FUNCTION_TARGET=${i[0]}`);let d=i[0]===void 0?void 0:r(i[0]);return d&&{app:new R(d)}}function dr(e,n,t){let r=process.env.FUNCTION_SIGNATURE_TYPE??gs(t);if(r==="event")return{respond:ws(e)};if(r==="cloudevent")return{respond:Rn(e)};let o=ir(n);return o===void 0?{respond:ys(e)}:(o.http("function",e),{app:new R(o.getTestServer("function"))})}function gs([e="",n=""]){return/^_?(?:cloud_?event|ce)$/i.test(e)?"cloudevent":/^_?(?:data|event|message|file|pubsub\w*)$/i.test(e)&&!/^_?res/i.test(n)?"event":"http"}function ys(e){return async n=>{let t=Te(n,await k(n));await F(n,{request:()=>e(t,Le(n))})}}function Rn(e){let n=$(I(N(e))[1]);return async t=>{let r=ae(t.request.headers,await k(t)),o=await cr(s=>e(r,n?s:t.context),n);return de(o)?Fe(o):o}}function ws(e){return async n=>{let{headers:t}=n.request,r=await k(n),o=Be(t)?ae(t,r):U(n.request,r,"application/json");if(typeof o!="object"||o===null||Buffer.isBuffer(o))throw new xn.Problem("INVALID_REQUEST",'Expected an event as a JSON object with "data" and "context", or a CloudEvent');let{data:s,context:i,...d}=o,a=i??(o instanceof P?bs(d):d);return cr(c=>e(s,a,c),e.length>2)}}function bs({id:e,time:n,type:t,source:r,...o}){return{eventId:e,timestamp:n,eventType:t,resource:r,...o}}function cr(e,n){return new Promise((t,r)=>{let o=e((s,i)=>s?r(s):t(i));(o!==void 0||!n)&&t(o)})}var ur=u(g(),1);var Ss="OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH",Es=["trace","debug","info","warn","error","fatal"];async function fr({handle:e,init:n,shutdown:t,cors:r}){return await n?.(),t&&process.on("SIGTERM",t),async o=>{let{request:s}=o,i=Os(r,s.headers);if(s.method==="OPTIONS")return{status:204,headers:{...i,"access-control-allow-headers":"*"}};let d=await k(o),a=Be(s.headers)?ae(s.headers,d):void 0,c=a===void 0?U(s,d):void 0,f=ks(o,d,c,a);try{return Rs(await e(f,a??c),i)}catch(p){let m=p?.code;if(typeof m!="number"||m<400||m>599)throw p;return{status:m,headers:i,body:(0,ur.messageOf)(p)}}}}function Os(e,{origin:n}){let t={"access-control-allow-methods":Ss};return e===void 0?t["access-control-allow-origin"]="*":n!==void 0&&e().includes(n)&&(t["access-control-allow-origin"]=n),t}function ks(e,n,t,r){let{request:o}=e,{headers:s,method:i,httpVersion:d,httpVersionMajor:a,httpVersionMinor:c}=o,f=z(o);return{body:r===void 0?t:r.data,headers:{...s},method:i,httpVersion:d,httpVersionMajor:a,httpVersionMinor:c,contentType:s["content-type"],rawBody:n.toString(),...f,query:f,...r&&{cloudevent:r,cloudEvent:r},log:Object.fromEntries(Es.map(p=>[p,xs(e,p)])),cloudEventResponse:p=>new vn(p)}}function xs({requestId:e},n){return(t,r)=>{let o=typeof t=="object"?{...t,...r!==void 0&&{message:r}}:{message:t};process.stderr.write(`${JSON.stringify({level:n,requestId:e,...o})}
`)}}var vn=class{#e;constructor(n){this.#e={data:n}}version(n){return this.#t("specversion",n)}id(n){return this.#t("id",n)}type(n){return this.#t("type",n)}source(n){return this.#t("source",n)}response(){let n={id:crypto.randomUUID(),time:new Date().toISOString(),specversion:"1.0"},t=new P({...n,...this.#e});if(!de(t))throw new TypeError("Expected the CloudEvent to have a type and a source");return t}#t(n,t){return this.#e[n]=t,this}};function Rs(e,n){if(de(e)){let a=Fe(e);return{...a,headers:{...n,...a.headers}}}if(e==null||e==="")return{status:204,headers:n};if(typeof e=="string"||ArrayBuffer.isView(e))return{status:200,headers:n,body:e};let{statusCode:t,headers:r,body:o}=e,s={"content-type":"application/json; charset=utf-8",...n};if(typeof r=="object"&&r!==null)for(let[a,c]of Object.entries(r))s[a.toLowerCase()]=c;let i=o===void 0?r===void 0&&t===void 0?e:"":o,d=typeof i=="string"||ArrayBuffer.isView(i)||vs(i);return{status:t??200,headers:s,body:d?i:JSON.stringify(i)}}function vs(e){return typeof e?.pipe=="function"}var Nn=u(g(),1),Me=u(J(),1);var H=u(x(),1),pr="$LATEST",Cs=256;function Cn(){let e=`/aws/lambda/${H.identity.endpoint}`,n={AWS_LAMBDA_FUNCTION_NAME:H.identity.endpoint,AWS_LAMBDA_FUNCTION_VERSION:pr,AWS_LAMBDA_FUNCTION_MEMORY_SIZE:String(As()),AWS_LAMBDA_LOG_GROUP_NAME:e,AWS_LAMBDA_LOG_STREAM_NAME:H.identity.revision,LAMBDA_TASK_ROOT:H.folder,_HANDLER:H.handlerSetting??"index.handler"};for(let[t,r]of Object.entries(n))process.env[t]??=r}function As(){let e=process.constrainedMemory();return e>0&&e<2**40?Math.round(e/2**20):Cs}function An({requestId:e,deadline:n},t){let{env:r}=process,o=r.AWS_LAMBDA_FUNCTION_NAME,s=r.AWS_REGION??r.AWS_DEFAULT_REGION??"local";return{awsRequestId:e,callbackWaitsForEmptyEventLoop:!0,functionName:o,functionVersion:pr,invokedFunctionArn:`arn:aws:lambda:${s}:000000000000:function:${o}`,logGroupName:r.AWS_LAMBDA_LOG_GROUP_NAME,logStreamName:r.AWS_LAMBDA_LOG_STREAM_NAME,memoryLimitInMB:r.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,getRemainingTimeInMillis:()=>Math.max(0,n-Date.now()),done:t,succeed:i=>t(null,i),fail:i=>t(i??new Error("The function called context.fail"))}}var lr=u(x(),1);var Ts=/^\s*(?:text\/|application\/(?:json|javascript|xml|[\w.-]+\+(?:json|xml))\s*(?:;|$))/i;function Tn({request:e,requestId:n},t){let{method:r="GET",httpVersion:o}=e,{path:s,query:i}=M(e),d=Ns(e.headers,e.headersDistinct),a=d.cookie?.split(/; *\u{2f}),c=i===""?void 0:Ls(i),f=new Date,p=d.host??"",m=Is(d["content-type"],t);return{version:"2.0",routeKey:"$default",rawPath:s,rawQueryString:i,...a&&{cookies:a},headers:d,...c&&{queryStringParameters:c},requestContext:{accountId:"anonymous",apiId:lr.identity.endpoint,domainName:p,domainPrefix:p.split(".",1)[0],http:{method:r,path:s,protocol:`HTTP/${o}`,sourceIp:Ae(e),userAgent:d["user-agent"]??""},requestId:n,routeKey:"$default",stage:"$default",time:Ps(f),timeEpoch:f.getTime()},...t.length>0&&{body:t.toString(m?"utf8":"base64")},isBase64Encoded:t.length>0&&!m,httpMethod:r,path:s}}function Ns(e,n){let t={};for(let r in e)t[r]=n[r]?.join(r==="cookie"?"; ":",")??"";return t}function Ls(e){let n=new Map;for(let[t,r]of new URLSearchParams(e)){let o=n.get(t);n.set(t,o===void 0?r:`${o},${r}`)}return Object.fromEntries(n)}function Is(e,n){return e!==void 0?Ts.test(e):process.getBuiltinModule("node:buffer").isUtf8(n)}function Ps(e){let[,n,t,r,o]=e.toUTCString().split(" ");return`${n}/${t}/${r}:${o} +0000`}function hr(e){if(ve in e)return t=>_s(t,e);let n=e.length>2||/\.\s*(?:done|succeed|fail)\b/.test(String(e));return async t=>{let r=Tn(t,await k(t)),{promise:o,resolve:s,reject:i}=Promise.withResolvers(),d=(c,f)=>{c==null?s(f):i(c instanceof Error?c:new Error(typeof c=="string"?c:JSON.stringify(c)))},a=e(r,An(t,d),d);if(typeof a?.then=="function"){let c=n?Promise.race([o,a]):a;return mr(await c)}return mr(a===void 0&&n?await o:a)}}function mr(e){if(typeof e!="object"||e===null||!("statusCode"in e)){let d=typeof e=="string"?e:JSON.stringify(e??null);return{status:200,headers:{"Content-Type":Me.JSON_TYPE},body:d}}let{statusCode:n,body:t,isBase64Encoded:r,...o}=e,s=gr(n),i=yr(o);if(t==null||t==="")return{status:s,headers:i,body:""};if(r)return{status:s,headers:i,body:Buffer.from(String(t),"base64")};if(typeof t=="object")throw new Nn.Problem("INVALID_RESPONSE",'Expected "body" to be a string, got an object: use JSON.stringify');return{status:s,headers:(0,Me.withType)(i,"text/plain; charset=utf-8"),body:String(t)}}function gr(e){let n=typeof e=="string"?Number(e):e;if(typeof n=="number"&&Number.isInteger(n)&&n>=200&&n<=599)return n;throw new Nn.Problem("INVALID_RESPONSE",`Expected "statusCode" to be from 200 to 599, got ${JSON.stringify(e)}`)}function yr({headers:e,multiValueHeaders:n,cookies:t}){let r={};for(let[o,s]of Object.entries(e??{}))s!=null&&(r[o.toLowerCase()]=Array.isArray(s)?s.map(String):String(s));for(let[o,s]of Object.entries(n??{}))r[o.toLowerCase()]=s.map(String);return t?.length&&(r["set-cookie"]=[r["set-cookie"]??[],t].flat(2)),r}async function _s(e,n){let t=Tn(e,await k(e)),r=e.response;r.setContentType=s=>r.setHeader("Content-Type",s),r.setHeader("Content-Type","application/octet-stream");let o=An(e,()=>{});await F(e,{request:()=>n(t,r,o)})}function wr(){Object.defineProperty(globalThis,"awslambda",{configurable:!0,get:Bs})}function Bs(){let e={streamifyResponse:n=>Object.assign(n,{[ve]:"response"}),HttpResponseStream:{from(n,{statusCode:t,...r}={}){t!==void 0&&(n.statusCode=gr(t));for(let[o,s]of Object.entries(yr(r)))n.setHeader(o,s);return n}}};return Object.defineProperty(globalThis,"awslambda",{configurable:!0,writable:!0,value:e}),e}var Sr=u(g(),1),ce=u(J(),1);function Er(e){let n=I(N(e));return $(n[1])&&n.length===2?Ms(e):Fs(e)}var Ln=class{constructor(n){this.statusCode=200;this.headerValues={};this.cbCalled=0;this.cb=n}status(n){return n?(this.statusCode=n,this):this.statusCode}headers(n){return n?(this.headerValues=n,this):this.headerValues}succeed(n){this.cbCalled++,this.cb(void 0,n)}fail(n){this.statusCode===200&&(this.statusCode=500),this.cbCalled++,this.cb(n)}},Ue=class{constructor(n){this.value=n}};function Fs(e){let n=e.length>2||/\.\s*(?:succeed|fail)\s*\(/.test(N(e));return async t=>{let{request:r}=t,o=await k(t),s={body:process.env.RAW_BODY==="true"?o:U(r,o,"text/plain")??{},headers:r.headers,method:r.method??"GET",query:z(r),path:M(r).path},{promise:i,resolve:d}=Promise.withResolvers(),a=(le,me)=>d(le?new Ue(le):me),c=new Ln(a),f=e(s,c,a),p=typeof f?.then=="function",m;if(p){let le=Promise.resolve(f).then(me=>me===c||c.cbCalled>0?i:me);m=await Promise.race([i,le])}else m=(f===void 0||f===c)&&n?await i:f;let{statusCode:ne,headerValues:B}=c;return m instanceof Ue?(console.error(m.value),br(ne===200?500:ne,{},$s(m.value))):br(ne,B,m)}}function $s(e){return e instanceof Error?String(e):typeof e=="string"?e:JSON.stringify(e)}function br(e,n,t){let r={...n};return t==null?{status:e,headers:r,body:""}:typeof t=="string"?{status:e,headers:(0,ce.withType)(r,"text/html; charset=utf-8"),body:t}:ArrayBuffer.isView(t)?{status:e,headers:r,body:t}:{status:e,headers:(0,ce.withType)(r,ce.JSON_TYPE),body:JSON.stringify(t)}}function Ms(e){return async n=>{let t=(await k(n)).toString();return new Promise((r,o)=>{let s=(d,a)=>{d?o(d instanceof Error?d:new Error((0,Sr.messageOf)(d))):r(a??"")},i=e(t,s);i instanceof Promise&&i.then(d=>s(void 0,d),o)})}}var Us={lambda:["handler","lambdaHandler"],knative:["handle","default"],openfaas:["default","handler"]},kr=y.handlerSetting?.slice(y.handlerSetting.lastIndexOf(".")+1);function xr(){y.signatureSetting==="lambda"&&Cn(),(y.signatureSetting==="lambda"||y.signatureSetting===void 0)&&wr()}async function Rr(e,n,t,r){if(y.signatureSetting==="faas"||(y.appSetting??"function")!=="function")return;let o=c=>c!==void 0&&typeof n(c)=="function",s=o(e)?e:Hs(o,n,t());if(y.signatureSetting===void 0?s===void 0:/^(?:gcf|cloudevents)$/.test(y.signatureSetting)){let c=ar(r,kr);if(c)return c}if(s===void 0){if(y.signatureSetting===void 0)return;throw new Or.Problem("FUNCTION_LOAD_FAILED",`${(0,y.nameOf)(r)}: expected a function of the signature ${y.signatureSetting}, but it exports ${t().join(", ")||"nothing"}. Set the handler to "file.export"`)}let d=n(s),a=y.signatureSetting??Gt(d,s);if(!(a===void 0||a==="faas"))return a==="gcf"?dr(d,r,I(N(d))):{respond:await Ds(a,d,n)}}function Hs(e,n,t){if(kr!==void 0)return;let{FUNCTION_TARGET:r,GOOGLE_FUNCTION_TARGET:o}=process.env,s=Us[y.signatureSetting??""]??["handle","lambdaHandler"],i=[r,o,...s].find(e);if(i!==void 0)return i;let[d,...a]=t.filter(m=>m!=="default"&&e(m));if(d===void 0||a.length>0)return;let[c="",f=""]=I(N(n(d)));return y.signatureSetting==="gcf"||y.signatureSetting==="cloudevents"||yn(c)&&wn(f)?d:void 0}async function Ds(e,n,t){switch(e){case"lambda":return Cn(),hr(n);case"cloudevents":return Rn(n);case"openfaas":return Er(n);case"fission":return nr(n);case"knative":{let r=d=>typeof t(d)=="function"?t(d):void 0,[o,s,i]=["init","shutdown","cors"].map(r);return fr({handle:n,init:o,shutdown:s,cors:i})}}}var Nr=u(Cr(),1);var _n=["handler","main","default"],Bn=["app","server","default","main","handler"],Lr=2e3,Ir=5e4;async function Pr(e,n){let t=js(e),r=t("websocket");if(typeof r!="function")return Ar(e,t,n);let o=[..._n,...Bn,"fetch"].some(d=>t(d)!==void 0);return{...(l.handlerSetting?l.handlerSetting.endsWith(".websocket"):!o)?{}:await Ar(e,t,n),websocket:r}}async function Ar(e,n,t){let r=l.handlerSetting?l.handlerSetting.slice(l.handlerSetting.lastIndexOf(".")+1):_n.find(p=>n(p)!==void 0),o=r===void 0?void 0:await n(r),s=V()!==void 0||Fn(o)||xe(o);if(l.signatureSetting!==void 0||!s&&(0,Nr.mayBeForeign)(r,o)){let p=await Rr(r,n,()=>qs(e),t);if(p!==void 0)return(0,In.stopInterceptingListen)(),p}if(Gs(o)&&l.appSetting!=="http"&&l.appSetting!=="fetch"&&(l.handlerSetting!==void 0||r==="handler"||V()===void 0))return Vs(o,t);let i=l.appSetting==="fetch"?_r(o,n):await Js(o,n);if(i!==void 0)return i;let a=await we(l.appSetting==="http"?Ir:typeof o!="object"&&o!==void 0?0:Lr);if(a!==void 0)return{app:a};let c=l.appSetting===void 0?Vt((0,Tr.readFileSync)(t,"utf8")):void 0,f=c===void 0?"":`. A function of another platform needs --signature ${c} and --handler`;throw new Pn.Problem("FUNCTION_LOAD_FAILED",`${(0,l.nameOf)(t)}: ${Ys(e,o,r)}${f}`)}function js(e){let n=e.default;return t=>t!=="default"?e[t]??n?.[t]:n?.__esModule?n.default:Ws(n)?void 0:n}function qs(e){return[...new Set([...Object.keys(e),...Object.keys(e.default??{})])]}function Ws(e){return typeof e!="object"||e===null||Object.getPrototypeOf(e)!==Object.prototype?!1:Object.keys(e).length===0}function Gs(e){return typeof e=="function"&&!xe(e)&&typeof e.fetch!="function"}function Vs(e,n){(0,In.stopInterceptingListen)();let t=String(e),r=Re(t);if(l.appSetting===void 0&&l.signatureSetting===void 0&&qt(r))return{app:W(e)};let o=l.signatureSetting==="faas"?void 0:zs(t,r);if(o!==void 0)throw new Pn.Problem("FUNCTION_LOAD_FAILED",`${(0,l.nameOf)(n)}: ${o}`);return{handler:e}}function zs(e,n){let t=n[2];if(t!==void 0&&n.length===3&&/^_*(?:callback|cb|done)$/i.test(t))return`expected handler(event, context), but its third parameter is "${t}". Deploy a function for AWS Lambda with --signature lambda, or return the result`;if(e.includes("statusCode")&&/(?:\breturn\s*\(?|=>\s*\()\s*\{\s*["']?statusCode["']?\s*:/.test(e))return'the function returns "statusCode", as on AWS Lambda. Deploy it with --signature lambda, or return "status"'}async function Js(e,n){let[t,r]=await Qs(e,n);if(V()!==void 0&&(t===void 0||ft(r)))return{app:await we(0)};if(t!==void 0)return oe(),ye(r),{app:t};let o=_r(e,n);return o!==void 0||l.appSetting!=="http"||typeof e!="function"?o:{app:(e.length<2?await we(Lr):void 0)??W(e)}}async function Qs(e,n){let t=await mn(e);if(t!==void 0||typeof e=="function"||Fn(e))return[t,e];for(let r of Bn){let o=await n(r),s=o===e?void 0:await mn(o);if(s!==void 0)return[s,o]}return[void 0,e]}function Fn(e){return e!=null&&typeof e.fetch=="function"}function _r(e,n){for(let r of[e,...Bn.map(n)])if(Fn(r))return ye(r),{fetch:hn(r.fetch,r)};let t=l.appSetting==="fetch"&&typeof e=="function"?e:n("fetch");if(typeof t=="function")return ye(t),{fetch:hn(t)}}function Ys(e,n,t){if(Xs())return'it starts processes with node:cluster. Deploy it as a server of its own, such as --command "node server.js"; replicas are started by faas';if(l.appSetting==="http")return`expected it to listen on PORT within ${Ir/1e3} s or to export an application, but it does neither`;let r="A server has to call listen() while it loads, or be deployed with --app http";if(n===void 0){let s=Object.keys(e).join(", ")||"nothing";return`expected it to export ${l.handlerSetting?`"${t}"`:_n.map(d=>`"${d}"`).join(" or ")}, but it exports ${s}. ${r}`}let o=n===null?"null":typeof n;return l.appSetting==="fetch"?`expected "${t}" to have a function fetch, got ${o}`:`expected "${t}" to be a function, an application or an object with fetch, got ${o}. ${r}`}function Xs(){let e=process.getBuiltinModule("node:cluster"),n=Object.values(e.workers??{});for(let t of n)t?.kill();return n.length>0}var $n;function Br(){$n=$r("read -r _ || exit; ","pipe"),$n.stdin?.on("error",()=>{})}function Fr(){let e=$n??$r("","ignore");return e.stdin?.end(`
`),()=>{try{e.pid!==void 0&&process.kill(-e.pid,"SIGKILL")}catch{}}}function $r(e,n){let{spawn:t}=process.getBuiltinModule("node:child_process"),r=`${e}sleep 5; exec "$0" -e "$1"`,o=`(${Ks})(${process.pid}, 6)`,s=t("sh",["-c",r,process.execPath,o],{detached:!0,env:{PATH:process.env.PATH},stdio:[n,"ignore","inherit"]});return s.on("error",()=>{}),s.unref(),s}async function Ks(e,n){for(process.kill(e,"SIGUSR1"),setTimeout(()=>process.exit(),2e4).unref();;){let t=await fetch("http://127.0.0.1:9229/json/list").then(i=>i.json()).catch(()=>[]),[{webSocketDebuggerUrl:r}={webSocketDebuggerUrl:void 0}]=t;if(r===void 0){await new Promise(i=>setTimeout(i,100));continue}let o=new WebSocket(r),s="JSON.stringify([process.cwd(), new Error().stack])";o.onopen=()=>o.send(JSON.stringify({id:1,method:"Runtime.evaluate",params:{expression:s}})),o.onmessage=({data:i})=>{let[d,a]=JSON.parse(JSON.parse(String(i)).result.result.value),c=a.split(`
`).filter(B=>B.includes(`${d}/`)&&!B.includes("/.interface.mjs")),f=c.find(B=>!B.includes("/node_modules/"))??c[0],[,p,m,ne]=/^ +at (?:async )?(?:(.+?) \()?(?:file:\/\/)?(\/.+?):(\d+)(?::\d+)?\)?$/.exec(f??"")??[];if(m!==void 0){let B=`${decodeURI(m).slice(d.length+1)}:${ne}${p?` (${p})`:""}`;process.stderr.write(`Still loading after ${n} s, at ${B}
`)}process.exit()};return}}var G=u(g(),1),Ur=u(se(),1),_=u(be(),1),Hr={gzip:e=>e.createGunzip(),"x-gzip":e=>e.createGunzip(),deflate:(e,n)=>(n&15)===8?e.createInflate():e.createInflateRaw(),br:e=>e.createBrotliDecompress()},Mr=3;function Mn(){return process.getBuiltinModule("node:zlib")}function He(e){return e.split(",").map(t=>t.trim().toLowerCase()).filter(t=>t!==""&&t!=="identity")}function Un(e,n){let t=He(n),r=t.find(s=>!Object.hasOwn(Hr,s));if(r!==void 0)throw new G.Problem("UNSUPPORTED_MEDIA_TYPE",`The body has Content-Encoding "${r}", which cannot be decoded. Send it with ${Ur.ACCEPTED_ENCODINGS}, or without`);if(t.length>Mr)throw new G.Problem("INVALID_REQUEST",`Expected at most ${Mr} content codings, got ${t.length}`);let o=(0,_.limitedChunks)((0,_.chunksOf)(e));for(let s of t.reverse())o=(0,_.limitedChunks)(Zs(o,s));return o}async function*Zs(e,n){let{value:t}=await e.next();if(t===void 0)return;let r=Hr[n]?.(Mn(),t[0]),{pipeline:o,Readable:s}=process.getBuiltinModule("node:stream"),i=s.from((async function*(){yield t,yield*e})());try{yield*o(i,r,()=>{})}catch(d){throw d instanceof G.Problem?d:new G.Problem("INVALID_REQUEST",`The body is not valid ${n}: ${(0,G.messageOf)(d)}`)}}async function Dr(e,n){if((0,_.declaresTooLarge)(e))throw(0,_.bodyTooLarge)();let t=[];for await(let r of Un(e,n))t.push(r);return delete e.headers["content-encoding"],delete e.headers["content-length"],Buffer.concat(t)}var ei=["gzip","x-gzip","deflate","br"],Hn=16*1024;function qr({type:e,headers:n}){return e==="default"?!1:He(n.get("content-encoding")??"").every(t=>ei.includes(t))}function Dn(e,n,t){let r=He(String(e[n])).at(-1);ArrayBuffer.isView(t)&&(r===void 0||ni(new Uint8Array(t.buffer,t.byteOffset,t.byteLength),r))||delete e[n]}async function De(e,n,t){let r=(async function*(){yield*e})(),o=await r.next();for(;!o.done&&o.value?.length===0;)o=await r.next();return o.done||Dn(n,t,o.value),{[Symbol.asyncIterator](){return this},next(){let s=o;return o=void 0,s===void 0?r.next():Promise.resolve(s)},return:()=>r.return(void 0)}}function ni(e,n){if(n==="gzip"||n==="x-gzip")return jr(e,[31,139]);if(n==="zstd")return jr(e,[40,181,47,253]);let t=Mn(),r=e.subarray(0,Hn);try{return n==="br"?t.brotliDecompressSync(r,{finishFlush:t.constants.BROTLI_OPERATION_FLUSH,maxOutputLength:Hn}):n==="deflate"&&!ti(e)&&t.inflateRawSync(r,{finishFlush:t.constants.Z_SYNC_FLUSH,maxOutputLength:Hn}),!0}catch(o){return o.code==="ERR_BUFFER_TOO_LARGE"}}function jr(e,n){return n.every((t,r)=>r>=e.length||e[r]===t)}function ti([e=0,n=0]){return(e&15)===8&&(e*256+n)%31===0}var ue=u(je(),1);async function Gr(e,{status:n,body:t},r,o){return(0,ue.isStream)(t)?(0,ue.sendBody)(e,n,r,await De(t,r,o)):(t!=null&&Dn(r,o,t instanceof ArrayBuffer?new Uint8Array(t):t),(0,ue.sendBody)(e,n,r,t))}var Qr=u(g(),1);var qe=u(J(),1),We=u(jn(),1),Yr=u(Jr(),1);async function Ge(e,n){if(!ri(n))throw new Qr.Problem("INVALID_RESPONSE",`Expected fetch to return a Response, got ${n===null?"null":typeof n}`);let{status:t,body:r}=n,o=oi(n),s=n.headers.get("content-length"),i=(0,qe.encodingHeaderOf)(o);if(i!==void 0&&qr(n)&&(delete o[i],s=null),r===null)return(0,We.send)(e,t,o,void 0);let d=r;return i!==void 0&&i in o&&(d=await De(d,o,i),i in o||(s=null)),e.request.method==="HEAD"&&s!==null?(await(d===r?r.cancel():d.return?.()),(0,We.sendHeadOnly)(e,t,o,Number(s))):(0,Yr.sendStream)(e,t,o,d)}function ri(e){if(e instanceof Response)return!0;let{status:n,headers:t}=e??{};return typeof n=="number"&&typeof t?.get=="function"}function oi({headers:e}){let n={},t=[];for(let[r,o]of e)(0,qe.isFraming)(r,o)||(r!=="set-cookie"?n[r]=o:(t.push(o),n[r]=t));return n}var ho=b("node:path"),Xe=u(qn(),1);var Y=u(x(),1),L=u(g(),1),go=u(J(),1),yo=u(se(),1),wo=u(jn(),1),bo=u(Zr(),1),X=u(no(),1),K=u(dn(),1);var ro=b("node:path"),oo=u(g(),1),si=420,ii=493;function Ve(e){let n=e.indexOf(`
`),t=e.subarray(n+1),{folder:r,env:o,digest:s,files:i}=ai(e.toString("utf8",0,Math.max(0,n)));if(typeof r!="string"||r!==(0,ro.resolve)(r)||r.includes("\0"))throw C('expected "folder" to be an absolute path');if(!Wn(o)||!Object.entries(o).every(fi))throw C('expected "env" to have names and texts of variables');if(!Array.isArray(i))throw C('expected "files" to be a list');let d=i.map(di),a=d.reduce((f,p)=>f+(p.size??0),0);if(a!==t.length)throw C(`expected ${a} bytes of files, got ${t.length}`);let c=`sha256:${process.getBuiltinModule("node:crypto").hash("sha256",t)}`;if(s!==c)throw C(`expected files with the digest ${s}, got ${c}`);return{folder:r,env:o,files:ci(d),contents:t}}function ai(e){let n;try{n=JSON.parse(e)}catch{}if(!Wn(n))throw C("expected a line with a JSON object");return n}function di(e){if(!Wn(e))throw C("expected each file to be an object");let{path:n,mode:t,size:r,link:o,type:s}=e;if(typeof n!="string"||!ui(n))throw C(`the path ${JSON.stringify(n)} is not allowed`);if(t!==void 0&&!to(t))throw C(`expected a mode for ${n}`);if(o!==void 0){if(typeof o!="string"||o===""||o.includes("\0"))throw C(`expected a target for ${n}`);return{path:n,mode:0,size:void 0,link:o}}if(s==="folder")return{path:n,mode:t??ii,size:void 0,link:void 0};if(!to(r))throw C(`expected a size for ${n}`);return{path:n,mode:t??si,size:r,link:void 0}}function ci(e){let n=e.filter(({link:t})=>t!==void 0).map(({path:t})=>`${t}/`);for(let{path:t}of n.length===0?[]:e)if(n.some(r=>t.startsWith(r)))throw C(`${t} is below a link`);return e}function ui(e){return!e.includes("\0")&&e.split("/").every(n=>n!==""&&n!=="."&&n!=="..")}function fi([e,n]){return e===""||e.includes("=")||e.includes("\0")?!1:typeof n=="string"&&!n.includes("\0")}function Wn(e){return typeof e=="object"&&e!==null&&!Array.isArray(e)}function to(e){return Number.isSafeInteger(e)&&e>=0}function C(e){return new oo.Problem("INVALID_REQUEST",`Invalid claim: ${e}`)}var ze=u(g(),1),so=8*2**20;function io(e){return new Promise((n,t)=>{let r=Number(e.headers["content-length"]);if(Number.isNaN(r))throw new ze.Problem("INVALID_REQUEST","Expected a claim with Content-Length");if(r>so)throw new ze.Problem("BODY_TOO_LARGE",`Expected a claim of at most ${so} bytes, got ${r}`);let o=[];e.on("data",s=>o.push(s)),e.once("end",()=>n(o.length===1?o[0]:Buffer.concat(o,r))),e.once("error",()=>t(new ze.Problem("INVALID_REQUEST","The claim ended before it was complete")))})}var uo=b("node:events"),Ye=b("node:fs"),fo=b("node:os"),zn=b("node:path"),po=u(qn(),1);var A=b("node:fs"),fe=b("node:path"),Je=u(g(),1),co=146;function Qe({folder:e,files:n,contents:t}){let r=new Gn(e),o=0;for(let s of n){let i=(0,fe.join)(e,s.path),d=o+(s.size??0);try{if(r.create((0,fe.dirname)(i)),s.link!==void 0)ao(i,()=>(0,A.symlinkSync)(s.link,i));else if(s.size===void 0)r.create(i,s.mode);else{let a={flag:"wx",mode:s.mode&~co};ao(i,()=>(0,A.writeFileSync)(i,t.subarray(o,d),a))}}catch(a){throw new Je.Problem("FUNCTION_LOAD_FAILED",`Cannot write ${s.path}: ${(0,Je.messageOf)(a)}`)}o=d}r.protect()}var Gn=class{#e;constructor(n){(0,A.mkdirSync)(n,{recursive:!0}),this.#e=new Map([[n,void 0]])}create(n,t=493){if(this.#e.has(n))return;this.create((0,fe.dirname)(n));let r=(0,A.mkdirSync)(n,{recursive:!0})!==void 0;this.#e.set(n,r?t:void 0)}protect(){for(let[n,t]of this.#e)t!==void 0&&(0,A.chmodSync)(n,t&~co)}};function ao(e,n){try{n()}catch(t){if(t.code!=="EEXIST")throw t;(0,A.rmSync)(e),n()}}var pi=5,Vn={"index.mjs":"export const handler = () => ({});","index.cjs":"exports.handler = () => ({});"};async function lo(e){await e({host:"127.0.0.1",port:0},async t=>{for(let r=0;r<pi;r++)await li(t)});let n=mi();if(n!==void 0)try{Qe(Ve(hi(n)));for(let t of Object.keys(Vn))await(0,po.importModule)((0,zn.join)(n,t))}finally{(0,Ye.rmSync)(n,{recursive:!0,force:!0})}}async function li(e){let{connect:n}=process.getBuiltinModule("node:net"),t=n(e.address().port,"127.0.0.1");t.write(`POST / HTTP/1.1\r
Host: localhost\r
Content-Type: application/json\r
Content-Length: 2\r
Connection: close\r
\r
{}`),await(0,uo.once)(t.resume(),"close")}function mi(){try{return(0,Ye.mkdtempSync)((0,zn.join)((0,fo.tmpdir)(),"faas-"))}catch{return}}function hi(e){let n=Object.values(Vn).join(""),t=Object.entries(Vn).map(([o,{length:s}])=>({path:o,size:s})),r=`sha256:${process.getBuiltinModule("node:crypto").hash("sha256",n)}`;return Buffer.from(`${JSON.stringify({folder:e,env:{},digest:r,files:t})}
${n}`)}async function So(e,{rehearse:n,start:t}){let r=process.env.FAAS_CLAIM_SHA256??"";if(!/^[0-9a-f]{64}$/.test(r))throw new Error("Expected FAAS_CLAIM_SHA256 to be a SHA-256 in hexadecimal");let o=(0,X.createWrapperServer)(),s=new Jn(r,i=>t(i,o));(0,K.drainOnSigterm)(o,()=>s.isClaimed),(0,K.exitOnUncaughtError)(),process.setSourceMapsEnabled(!0),process.env.FAAS_LOADING_WATCH==="1"&&Br(),process.stdout,process.stderr,await lo(n),(0,Y.readSettings)(process.env,e),(0,Xe.useFunction)({problem:new L.Problem("NO_CAPACITY","The replica waits for its function")}),(0,X.setOwnRoutes)((i,d)=>s.answer(i,d)),(0,K.exitOnListenError)(o.listen(Y.address))}var Jn=class{constructor(n,t){this.isClaimed=!1;this.#e=Buffer.from(n),this.#t=t}#e;#t;answer(n,t){if(t==="/-/claim")this.#r(n);else if(t==="/-/ready"&&!this.isClaimed)(0,wo.send)(n,200,{"Content-Type":go.JSON_TYPE},'{"status":"warm"}');else return!1;return!0}async#r(n){let t;try{if(this.#n(n),t=Ve(await io(n.request)),this.isClaimed)throw mo()}catch(r){if(!(r instanceof L.Problem))throw r;(0,yo.sendProblem)(n,r);return}this.isClaimed=!0,this.#o(t),await(0,X.answerReady)(n)}#n({request:n}){if(this.isClaimed)throw mo();let{hash:t,timingSafeEqual:r}=process.getBuiltinModule("node:crypto"),[,o=""]=/^Bearer (.+)$/.exec(n.headers.authorization??"")??[];if(!r(Buffer.from(t("sha256",o)),this.#e))throw new L.Problem("FORBIDDEN","The claim does not have the token of this replica");if(n.method!=="POST")throw new L.Problem("INVALID_REQUEST","Expected a claim to be a POST request")}#o(n){bo.deadlines.stop();for(let t of["FAAS_WARM","FAAS_WARM_FOLDER","FAAS_CLAIM_SHA256"])delete process.env[t];Object.assign(process.env,n.env);try{Qe(n),process.chdir(n.folder)}catch(t){let r=t instanceof L.Problem?t:new L.Problem("FUNCTION_LOAD_FAILED",(0,L.messageOf)(t));(0,Xe.useFunction)({problem:r}),console.error(r.message);return}process.argv.splice(1,process.argv.length,(0,ho.join)(n.folder,Y.WRAPPER_FILE)),(0,Xe.useFunction)(void 0),this.#t(n.folder)}},mo=()=>new L.Problem("REPLICA_CLAIMED","The replica has a function already");var Qn=u(x(),1),w={CONTINUATION:0,TEXT:1,BINARY:2,CLOSE:8,PING:9,PONG:10},E={NORMAL:1e3,PROTOCOL_ERROR:1002,NONE:1005,LOST:1006,INVALID_DATA:1007,TOO_LARGE:1009,ERROR:1011,RESTART:1012},T=class extends Error{constructor(n,t){super(t),this.code=n}};function pe(e,n){let{length:t}=n,r=t<126?2:t<65536?4:10,o=Buffer.allocUnsafe(r+t);return o[0]=128|e,r===2?o[1]=t:r===4?(o[1]=126,o.writeUInt16BE(t,2)):(o[1]=127,o.writeBigUInt64BE(BigInt(t),2)),n.copy(o,r),o}function Ze(e,n=""){if(e===E.NONE)return pe(w.CLOSE,Buffer.alloc(0));let t=Buffer.alloc(2+Buffer.byteLength(n));return t.writeUInt16BE(e,0),t.write(n,2),pe(w.CLOSE,t)}function Yn(e){return e>=3e3&&e<=4999?!0:e>=1e3&&e<=1014&&e!==1004&&e!==E.NONE&&e!==E.LOST}var Ke=class{#e;#t=new TextDecoder("utf-8",{fatal:!0,ignoreBOM:!0});#r=[];#n=0;#o=[];#i=0;#s=w.CONTINUATION;#a=!1;constructor(n){this.#e=n}write(n){for(this.#r.push(n),this.#n+=n.length;!this.#a;){let t=this.#p();if(t===void 0||this.#n<t.size+t.length)return;let r=this.#h(t.size+t.length),o=r.subarray(t.size);gi(o,r.subarray(t.size-4,t.size)),this.#c(t,o)}}#p(){if(this.#n<2)return;let[n=0,t=0]=this.#f(2),r=n&15,o=t&127;if(n&112)throw new T(E.PROTOCOL_ERROR,"a reserved bit is set");if(!(t&128))throw new T(E.PROTOCOL_ERROR,"a frame is not masked");let s=(n&128)!==0;if(r>=w.CLOSE){if(r>w.PONG||!s||o>125)throw new T(E.PROTOCOL_ERROR,"an invalid control frame")}else if(r>w.BINARY||r===w.CONTINUATION!==this.#l)throw new T(E.PROTOCOL_ERROR,"an unexpected frame");let i=o===127?8:o===126?2:0,d=6+i;if(this.#n<2+i)return;let a=this.#f(2+i),c=i===8?Number(a.readBigUInt64BE(2)):i===2?a.readUInt16BE(2):o;if(r<w.CLOSE&&this.#i+c>Qn.bodyLimit)throw new T(E.TOO_LARGE,`a message is larger than ${Qn.bodyLimit} bytes`);return{isFinal:s,opcode:r,size:d,length:c}}get#l(){return this.#s!==w.CONTINUATION}#c({isFinal:n,opcode:t},r){t===w.CLOSE?this.#u(r):t===w.PING?this.#e.onPing(r):t!==w.PONG&&this.#m(n,t,r)}#m(n,t,r){if(t!==w.CONTINUATION&&(this.#s=t),this.#o.push(r),this.#i+=r.length,!n)return;let o=this.#o.length===1?r:Buffer.concat(this.#o),s=this.#s===w.TEXT;this.#o=[],this.#i=0,this.#s=w.CONTINUATION,this.#e.onMessage(s?this.#d(o):o)}#u(n){if(this.#a=!0,n.length===0){this.#e.onClose(E.NONE,"");return}let t=n.length===1?0:n.readUInt16BE(0);if(!Yn(t))throw new T(E.PROTOCOL_ERROR,"an invalid close code");this.#e.onClose(t,this.#d(n.subarray(2)))}#d(n){try{return this.#t.decode(n)}catch{throw new T(E.INVALID_DATA,"a text is not UTF-8")}}#f(n){let[t]=this.#r;return t!==void 0&&t.length>=n?t.subarray(0,n):(this.#r=[Buffer.concat(this.#r)],this.#r[0].subarray(0,n))}#h(n){let t=this.#r.length===1?this.#r[0]:Buffer.concat(this.#r);return this.#r=t.length>n?[t.subarray(n)]:[],this.#n-=n,t.subarray(0,n)}};function gi(e,n){for(let t=0;t<e.length;t++)e[t]=e[t]^n[t&3]}var yi=500,Z=new Map;function Eo(e){Z.set(e,e.bytesWritten),e.once("close",()=>Z.delete(e))}function en(e){return e.bytesWritten!==Z.get(e)}function Xn(e){for(let n of Z.keys())n.writable&&en(n)&&n.end(Ze(e))}async function Oo(){if(Z.size===0)return;let e=[...Z.keys()],n=Promise.all(e.map(r=>new Promise(o=>r.once("close",o))));Xn(E.RESTART);let t=setTimeout(()=>{for(let r of e)r.destroy()},yi);await n,clearTimeout(t),await new Promise(r=>setImmediate(r))}var Zn=u(x(),1),No=u(an(),1),ee=u(g(),1),Lo=u(xo(),1),Io=u(se(),1),Po=u(je(),1);var vo=u(un(),1);var wi=5e3,Ro=16,nn=class{constructor(n){this.CONNECTING=0;this.OPEN=1;this.CLOSING=2;this.CLOSED=3;this.readyState=0;this.protocol="";this.extensions="";this.binaryType="nodebuffer";this.onopen=null;this.onmessage=null;this.onclose=null;this.onerror=null;this.#t=[];this.#r=new Ke(this);this.#i=!1;this.#s=[];this.#p=!1;this.#e=n}#e;#t;#r;#n;#o;#i;#s;#a;#p;accept({protocol:n=this.#e.offered[0]??""}={}){if(this.readyState!==this.CONNECTING)return;let{stream:t,head:r}=this.#e.accept(n);this.protocol=n,this.#n=t,this.readyState=this.OPEN,t.on("close",()=>this.#m()),t.on("end",()=>t.end()),setImmediate(()=>{t.destroyed||(this.#d({type:"open",target:this}),t.on("data",o=>this.#l(o)),r.length>0&&this.#l(r))})}get bufferedAmount(){return this.#n?.writableLength??0}send(n){this.accept();let t=typeof n=="string"?w.TEXT:w.BINARY;this.#u(pe(t,bi(n)))}close(n=E.NORMAL,t=""){if(!Yn(n))throw new RangeError(`Expected a close code from 1000 to 1014 or 3000 to 4999, got ${n}`);if(Buffer.byteLength(t)>123)throw new RangeError("Expected a reason of at most 123 bytes");this.accept(),this.#c(n,t)}addEventListener(n,t,r){this.#t.push([n,t,r?.once===!0])}removeEventListener(n,t){let r=this.#t.findIndex(([o,s])=>o===n&&s===t);r>=0&&this.#t.splice(r,1)}async*[Symbol.asyncIterator](){for(this.accept(),this.#p=!0;;){let n=this.#s.shift();if(n!==void 0)this.#s.length<Ro&&this.#n?.resume(),yield n;else{if(this.readyState>=this.CLOSING)return;await new Promise(t=>this.#a=t)}}}onMessage(n){this.readyState===this.OPEN&&(this.#p&&(this.#s.push(n),this.#s.length>=Ro&&this.#n?.pause(),this.#a?.()),this.#d({type:"message",target:this,data:n}))}onPing(n){this.#u(pe(w.PONG,n))}onClose(n,t){this.#o??={code:n,reason:t},this.#c(n,""),this.#n?.end()}fail(n){let{requestId:t}=this.#e;(0,vo.logError)(n,t),this.#c(E.ERROR,"")}#l(n){try{this.#r.write(n)}catch(t){if(!(t instanceof T))throw t;this.#o={code:t.code,reason:t.message},this.#d({type:"error",target:this,message:t.message}),this.#c(t.code,t.message),this.#n?.removeAllListeners("data"),this.#n?.resume(),this.#n?.end()}}#c(n,t){this.#i||this.readyState===this.CLOSED||(this.readyState=this.CLOSING,this.#u(Ze(n,t)),this.#i=!0,this.#a?.(),this.#n?.resume(),setTimeout(()=>this.#n?.destroy(),wi).unref())}#m(){this.readyState=this.CLOSED;let{code:n,reason:t}=this.#o??{code:E.LOST,reason:""};this.#a?.(),this.#d({type:"close",target:this,code:n,reason:t,wasClean:n!==E.LOST})}#u(n){this.#i||this.#n?.writable!==!0||this.#n.write(n)}#d(n){let t=this.#t.filter(([o])=>o===n.type);for(let[o,s,i]of t)i&&this.removeEventListener(o,s),this.#f(s,n);let r=this[`on${n.type}`];typeof r=="function"&&this.#f(r,n)}#f(n,t){try{let r=n.call(this,t);r instanceof Promise&&r.catch(o=>this.fail(o))}catch(r){this.fail(r)}}};function bi(e){if(typeof e=="string"||e instanceof ArrayBuffer)return Buffer.from(e);if(ArrayBuffer.isView(e))return Buffer.from(e.buffer,e.byteOffset,e.byteLength);throw new TypeError(`Expected a string or bytes to send, got ${e===null?"null":typeof e}`)}var Kn=u(g(),1),Si="258EAFA5-E914-47DA-95CA-C5AB0DC85B11",Ei=/^[\w!#$%&'*+.^`|~-]+$/;function Co({headers:e}){if(e["sec-websocket-version"]!=="13")throw new Kn.Problem("INVALID_REQUEST","Expected Sec-WebSocket-Version to be 13");if(!/^[A-Za-z0-9+/]{22}==$/.test(e["sec-websocket-key"]??""))throw new Kn.Problem("INVALID_REQUEST","Expected Sec-WebSocket-Key to be 16 bytes in Base64")}function Ao({headers:e}){return(e["sec-websocket-protocol"]?.split(",").map(t=>t.trim())??[]).filter(t=>Ei.test(t))}function To({headers:e},n,t){let{createHash:r}=process.getBuiltinModule("node:crypto"),o=r("sha1").update(e["sec-websocket-key"]+Si).digest("base64"),s=t===""?"":`Sec-WebSocket-Protocol: ${t}\r
`;return`HTTP/1.1 101 Switching Protocols\r
Upgrade: websocket\r
Connection: Upgrade\r
Sec-WebSocket-Accept: ${o}\r
${s}X-Request-Id: ${n}\r
\r
`}function _o(e,n,t){let{app:r,websocket:o,handler:s}=t,i=r?.server;if(i!==void 0&&i.listenerCount("upgrade")>0)return Oi(e,n,i);if(o!==void 0)return ki(e,n,o);if(s!==void 0)throw new ee.Problem("UPGRADE_REQUIRED",'The function does not accept WebSockets: it does not export "websocket"')}function Oi(e,{socket:n,head:t},r){Bo(e,n);let o=i=>en(n)?n.destroy():n.end((0,Io.rawProblem)(i,e.requestId)),s=setTimeout(()=>{let i=`The application did not accept the WebSocket within ${Zn.timeoutMs} ms`;en(n)||o(new ee.Problem("FUNCTION_TIMEOUT",i))},Zn.timeoutMs);return new Promise((i,d)=>{n.once("close",()=>{clearTimeout(s),i()});try{r.emit("upgrade",e.request,n,t)}catch(a){o(new ee.Problem("FUNCTION_ERROR",(0,ee.messageOf)(a))),d(a)}})}async function ki(e,{socket:n,head:t},r){let{request:o,requestId:s}=e;Co(o);let i=new Promise(c=>{n.once("close",()=>c())}),d=c=>{if(e.isLate||n.destroyed)throw new Error("The WebSocket was closed before it was accepted");return Bo(e,n),n.write(To(o,s,c)),{stream:n,head:t}},a=new nn({requestId:s,offered:Ao(o),accept:d});try{let c=await r(a,new Lo.FunctionEvent(o),e.context);a.readyState!==a.CONNECTING?await i:c!=null?await(0,Po.sendResult)(e,c):(a.accept(),await i)}catch(c){if(a.readyState===a.CONNECTING)throw c;a.fail(c),await i}}function Bo(e,n){e.deadlines?.remove(e),e.response.detachSocket(n),Eo(n),(0,No.emitForCall)(n,e.requestId)}var $o=u(g(),1);var D=u(be(),1);function Fo({request:e,signal:n}){if((0,D.declaresTooLarge)(e))throw(0,D.bodyTooLarge)();let{method:t="GET",rawHeaders:r}=e,o=new Headers;for(let d=0;d<r.length;d+=2)o.append(r[d],r[d+1]);let s=e.headers["content-encoding"],i;if(t!=="GET"&&t!=="HEAD"&&(i=s===void 0?(0,D.limitedChunks)((0,D.chunksOf)(e)):Un(e,s),s!==void 0))for(let d of["content-encoding","content-length"])o.delete(d);return new Request(xi(e),{method:t,headers:o,signal:n,...i===void 0?{}:{body:i,duplex:"half"}})}function xi({url:e="/",headers:n}){let t=s=>String(s??"").split(",",1)[0]?.trim(),r=t(n["x-forwarded-proto"])||"http",o=t(n["x-forwarded-host"])||n.host||"localhost";return`${r}://${o}${e.startsWith("/")?e:"/"}`}var Mo=u(je(),1);async function Uo(e,{app:n,fetch:t,respond:r}){if(n!==void 0)return F(e,n);if(t!==void 0)return Ge(e,await t(Fo(e),e));if(r!==void 0)return(0,Mo.sendResult)(e,await r(e));throw new $o.Problem("UPGRADE_REQUIRED","The function accepts only WebSockets")}var Ri={chooseFunction:Pr,prepareSignature:xr,waitForClaim:So,watchLoading:Fr,actAsEntryPoint:rt,needsServiceWorker:Ut,defineServiceWorker:Ht,serviceWorker:Dt,describeSyntaxError:vt,locationIn:Ct,explain:Tt,withoutMessage:At,readEncoded:Dr,sendEncoded:Gr,sendWebResponse:Ge,listenAsApp:pt,releaseCaptured:oe,runOther:Uo,hasProgressed:kt,answerForApp:cn,openWebSocket:_o,endOpenSockets:Oo,closeOpenSockets:Xn,whenBackgroundWorkDone:Pt};return Vo(vi);})();
return lazy.functions;
*/
