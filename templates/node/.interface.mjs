/**
 * The faas wrapper for Node: serves HTTP, calls the user's function and sends its result (docs/wrapper-protocol.md).
 * Generated from packages/wrappers/node/src by `npm run wrappers`. Do not edit; the comments are in the sources.
 */

// packages/wrappers/node/src/app/entry-point.ts
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

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
var userPort = typeof address === "number" ? address : 8080;
var appSetting = environment.FAAS_APP;
var signatureSetting = environment.FAAS_SIGNATURE;
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

// packages/wrappers/node/src/app/entry-point.ts
function setUserPort() {
  process.env.PORT = String(userPort);
}
function actAsEntryPoint(file) {
  process.argv[1] = file;
  const { createRequire, registerHooks } = process.getBuiltinModule("node:module");
  const { cache } = createRequire(file);
  Object.defineProperty(process, "mainModule", { configurable: true, enumerable: true, get: () => cache[file] });
  if (registerHooks === void 0 || !readFileSync(file, "utf8").includes("import.meta.main")) return;
  const { href } = pathToFileURL(file);
  const hooks = registerHooks({
    load(url, context, nextLoad) {
      const loaded2 = nextLoad(url, context);
      if (url !== href || loaded2.format !== "module") return loaded2;
      hooks.deregister();
      return { ...loaded2, source: String(loaded2.source).replaceAll("import.meta.main", "(true)          ") };
    }
  });
}

// packages/wrappers/node/src/app/listen.ts
import { Server as Server2 } from "node:http";

// packages/wrappers/node/src/app/listening-app.ts
import { Server } from "node:http";

// packages/wrappers/node/src/errors.generated.ts
var ERRORS = {
  MALFORMED_JSON: [400, "Malformed JSON"],
  INVALID_REQUEST: [400, "Invalid request"],
  NOT_FOUND: [404, "Not found"],
  BODY_TOO_LARGE: [413, "Request body too large"],
  UNSUPPORTED_MEDIA_TYPE: [415, "Unsupported media type"],
  UPGRADE_REQUIRED: [426, "Another protocol is required"],
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

// packages/wrappers/node/src/app/listening-app.ts
function isHttpServer(server) {
  if (server instanceof Server) return true;
  if (typeof server?.listenerCount !== "function") return false;
  return "keepAliveTimeout" in server || server.listenerCount("request") > 0;
}
function isTlsServer(server) {
  return "setSecureContext" in server;
}
var ListeningApp = class {
  #isTls;
  #active = 0;
  #onIdle;
  constructor(server) {
    this.server = server;
    this.#isTls = isTlsServer(server);
  }
  request(request, response) {
    if (this.#isTls) request.socket.encrypted = true;
    this.#active++;
    response.once("close", this.#onResponseClosed);
    if (!this.server.emit("request", request, response))
      throw new Problem("NOT_FOUND", "The application's server has no listener for requests");
  }
  #onResponseClosed = () => {
    this.#active--;
    if (this.#active === 0) this.#onIdle?.();
  };
  /**
   * Makes the server look as if it listened on PORT: `listening`, `address()` and `close()` behave like it, and the event `listening` is emitted.
   */
  pretendToListen(callback) {
    const { server } = this;
    if (typeof callback === "function") server.once("listening", callback);
    this.#onIdle = void 0;
    let isListening = true;
    const define = (name, value) => Object.defineProperty(server, name, { configurable: true, writable: true, value });
    define("listening", true);
    define("address", () => isListening ? { address: "::", family: "IPv6", port: userPort } : null);
    define("close", (onClosed) => {
      if (!isListening) return Server.prototype.close.call(server, onClosed);
      isListening = false;
      define("listening", false);
      if (typeof onClosed === "function") server.once("close", onClosed);
      this.#onIdle = () => {
        this.#onIdle = void 0;
        Server.prototype.close.call(server);
      };
      if (this.#active === 0) this.#onIdle();
      return server;
    });
    process.nextTick(() => isListening && Object.hasOwn(server, "address") && server.emit("listening"));
  }
  /** Undoes `pretendToListen`. */
  stopPretending() {
    const server = this.server;
    for (const name of ["listening", "address", "close"]) Reflect.deleteProperty(server, name);
  }
};

// packages/wrappers/node/src/app/listen.ts
var prototype = Object.getPrototypeOf(Server2.prototype);
var { listen } = prototype;
var isIntercepting = false;
var isExportedApp;
var captured;
var uncaptured;
var onCaptured;
function interceptListen() {
  isIntercepting = true;
  prototype.listen = function(...args) {
    if (!isIntercepting || !isHttpServer(this)) return listen.apply(this, args);
    return listenAsApp(this, args);
  };
}
function stopInterceptingListen() {
  isIntercepting = false;
  releaseCaptured();
}
function interceptOnlyExported(target) {
  isExportedApp = (server) => servesApp(server, target);
}
function releaseCaptured() {
  if (captured === void 0) return;
  const { app, args } = captured;
  captured = void 0;
  app.stopPretending();
  listenBeside(app.server, typeof args.at(-1) === "function" ? args.slice(0, -1) : args);
}
function capturedApp() {
  return captured?.app;
}
function isCapturedServerOf(target) {
  return captured !== void 0 && (captured.rank > 0 || servesApp(captured.app.server, target));
}
async function whenListening(timeoutMs2) {
  if (captured === void 0) {
    await new Promise((resolve) => {
      onCaptured = resolve;
      setTimeout(resolve, timeoutMs2);
    });
  }
  if (captured !== void 0)
    return {
      request: requestCaptured,
      get server() {
        return captured?.app.server;
      }
    };
  return uncaptured === void 0 ? void 0 : new ListeningApp(uncaptured);
}
var requestCaptured = (request, response) => captured?.app.request(request, response);
function listenAsApp(server, args) {
  const port2 = tcpPortOf(args);
  if (captured?.app.server === server) {
    if (server.listening) throw alreadyListening();
    captured.app.pretendToListen(args.at(-1));
    return server;
  }
  if (port2 === void 0 || port2 === 0) {
    uncaptured ??= server;
    return listen.apply(server, [...args]);
  }
  const rank = port2 === userPort ? 2 : isTlsServer(server) ? 1 : 0;
  if (captured === void 0 ? isExportedApp === void 0 || rank === 2 || isExportedApp(server) : rank > captured.rank) {
    releaseCaptured();
    captured = { app: new ListeningApp(server), port: port2, rank, args };
    captured.app.pretendToListen(args.at(-1));
    onCaptured?.();
    return server;
  }
  if (port2 === captured?.port) {
    new ListeningApp(server).pretendToListen(args.at(-1));
    return server;
  }
  return listenBeside(server, args);
}
function listenBeside(server, args) {
  const onError2 = (error) => {
    server.off("error", onError2);
    if (server.listenerCount("error") > 0) return;
    if (error.code !== "EADDRINUSE" && error.code !== "EACCES") throw error;
    server.once("listening", () => {
      const { port: port2 } = server.address();
      console.error(`${error.message}: the function's second server listens on port ${port2} instead`);
    });
    listen.call(server, 0);
  };
  server.on("error", onError2);
  server.once("listening", () => server.off("error", onError2));
  return listen.apply(server, [...args]);
}
function tcpPortOf([first]) {
  let port2 = first;
  if (typeof first === "object" && first !== null) {
    const options = first;
    if (options.fd !== void 0 || options._handle !== void 0) return void 0;
    if (options.port === void 0 && options.path !== void 0) return void 0;
    port2 = options.port;
  }
  if (port2 === void 0 || port2 === null || typeof port2 === "function") return 0;
  if (typeof port2 !== "number" && (typeof port2 !== "string" || port2.trim() === "")) return void 0;
  return Number(port2) >= 0 && Number(port2) < 65536 ? Number(port2) : void 0;
}
function servesApp(server, target) {
  if (server.listeners("request").includes(target) || server.listenerCount("upgrade") > 0) return true;
  const { server: own, callback } = target ?? {};
  return own === server || target === server || typeof callback === "function";
}
function alreadyListening() {
  const error = new Error("Listen method has been called more than once without closing.");
  return Object.assign(error, { code: "ERR_SERVER_ALREADY_LISTEN" });
}

// packages/wrappers/node/src/load-function.ts
import { existsSync, readFileSync as readFileSync4 } from "node:fs";
import { pathToFileURL as pathToFileURL2 } from "node:url";

// packages/wrappers/node/src/error-location.ts
import { readdirSync } from "node:fs";
import { extname } from "node:path";
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
    const writer = (level) => (message2, fields) => {
      const text = typeof message2 === "string" ? message2 : JSON.stringify(message2);
      process.stderr.write(`${JSON.stringify({ level, requestId, message: text, ...fields })}
`);
    };
    return { debug: writer("debug"), info: writer("info"), warn: writer("warn"), error: writer("error") };
  }
};

// packages/wrappers/node/src/fetch/background-work.ts
var pending = /* @__PURE__ */ new Set();
function addBackgroundWork(work, requestId) {
  const settled = Promise.resolve(work).catch((error) => {
    console.error(JSON.stringify({ level: "error", requestId, message: `waitUntil: ${messageOf(error)}` }));
    console.error(stackOf(error));
  }).then(() => pending.delete(settled));
  pending.add(settled);
}
async function whenBackgroundWorkDone() {
  while (pending.size > 0) await Promise.all(pending);
}

// packages/wrappers/node/src/fetch/fetch-arguments.ts
var PLATFORM_VARIABLE = /^(?:FAAS_.*|KUBERNETES_.*|PORT|PATH|HOME|HOSTNAME|TMPDIR|LANG|PWD|SHLVL|_|OMP_NUM_THREADS|OPENBLAS_NUM_THREADS|NODE_COMPILE_CACHE|NODE_VERSION|YARN_VERSION)$/;
var variables;
function endpointVariables() {
  variables ??= Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !PLATFORM_VARIABLE.test(name))
  );
  return variables;
}
var FetchEnvironment = class {
  #call;
  constructor(call) {
    this.#call = call;
    Object.assign(this, endpointVariables());
  }
  get org() {
    return this.#call.context.org;
  }
  get endpoint() {
    return this.#call.context.endpoint;
  }
  get revision() {
    return this.#call.context.revision;
  }
  get requestId() {
    return this.#call.requestId;
  }
  get deadline() {
    return this.#call.deadline;
  }
  get signal() {
    return this.#call.signal;
  }
  get log() {
    return this.#call.context.log;
  }
};
var ExecutionContext = class extends Context {
  /** Returns a function, not a method, so that it can be taken out of the context. */
  get waitUntil() {
    return (work) => addBackgroundWork(work, this.requestId);
  }
  get props() {
    return {};
  }
  /** Does nothing: there is no origin to pass a request to. */
  passThroughOnException() {
  }
};

// packages/wrappers/node/src/fetch/service-worker.ts
var listener;
function needsServiceWorker(error) {
  return error instanceof ReferenceError && /^(?:addEventListener|self) is not defined$/.test(error.message);
}
function defineServiceWorker() {
  const addEventListener = (type, added) => {
    if (type === "fetch") listener ??= typeof added === "function" ? added : (event) => added.handleEvent(event);
  };
  for (const [name, value] of Object.entries({ self: globalThis, addEventListener, ...endpointVariables() }))
    if (!(name in globalThis)) Object.defineProperty(globalThis, name, { configurable: true, writable: true, value });
}
function serviceWorker() {
  return listener && { fetch: dispatch };
}
var dispatch = (request, call) => {
  const event = new FetchEvent(request, new ExecutionContext(call));
  listener?.(event);
  if (event.response !== void 0) return event.response;
  throw new Problem("INVALID_RESPONSE", "The listener of fetch did not call respondWith");
};
var FetchEvent = class extends Event {
  constructor(request, { waitUntil }) {
    super("fetch");
    this.request = request;
    this.waitUntil = waitUntil;
  }
  respondWith(response) {
    this.response = response;
  }
  passThroughOnException() {
  }
};

// packages/wrappers/node/src/load/choose-function.ts
import { readFileSync as readFileSync3 } from "node:fs";

// packages/wrappers/node/src/app/exported-app.ts
var isFunction = (value) => typeof value === "function";
function isAppFunction(target) {
  return isFunction(target) && isFunction(target.use) && isFunction(target.handle);
}
async function exportedApp(target) {
  if (target === null || typeof target !== "object" && !isFunction(target)) return void 0;
  if (isHttpServer(target)) return new ListeningApp(target);
  const app = target;
  if (isFunction(target)) return isAppFunction(target) ? functionApp(target, app) : void 0;
  if (isFunction(app.getHttpAdapter) && isFunction(app.init)) {
    await app.init();
    const instance = app.getHttpAdapter().getInstance?.();
    if (isFunction(instance?.ready)) await instance.ready();
    return serverApp(app.getHttpServer.call(app));
  }
  if (isFunction(app.ready) && isFunction(app.inject)) {
    await app.ready();
    return serverApp(app.server);
  }
  if (isFunction(app.initialize) && isHttpServer(app.listener)) {
    await app.initialize();
    return serverApp(app.listener);
  }
  if (!isFunction(app.use) && !isFunction(app.listen)) return void 0;
  if (isFunction(app.callback)) return listenerApp(app.callback());
  if (isFunction(app.handler)) return listenerApp(app.handler.bind(app));
  return isHttpServer(app.server) ? serverApp(app.server) : void 0;
}
function listenerApp(listener2) {
  return {
    request: listener2,
    get server() {
      return capturedApp()?.server;
    }
  };
}
function serverApp(server) {
  return isHttpServer(server) ? new ListeningApp(server) : void 0;
}
function functionApp(target, { listen: listen2 }) {
  if (isFunction(listen2)) return listenerApp(target);
  return listenerApp(
    (request, response) => new Promise((_, reject) => {
      target(
        request,
        response,
        (error) => reject(error ?? new Problem("NOT_FOUND", `There is nothing at ${request.url}`))
      );
    })
  );
}
var REQUEST = ["req", "request", "_req", "_request", "_", "__"];
var RESPONSE = ["res", "response", "_res", "_response"];
function isRequestListener(names) {
  return names.length >= 2 && names.length <= 3 && RESPONSE.includes(names[1] ?? "") && REQUEST.includes(names[0] ?? "");
}
function parameterNames(source) {
  const open2 = source.indexOf("(");
  const list = source.slice(open2 + 1, source.indexOf(")", open2));
  return open2 < 0 ? [] : list.split(",").map((name) => name.trim());
}

// packages/wrappers/node/src/fetch/fetch-app.ts
function fetchHandler(fetch2, self) {
  const names = parameterNames(String(fetch2));
  if (names.length === 2 && /^_*(?:context|ctx)$/.test(names[1])) {
    return (request, call) => {
      const context = new ExecutionContext(call);
      return fetch2.call(self, request, context, context);
    };
  }
  return (request, call) => fetch2.call(self, request, new FetchEnvironment(call), new ExecutionContext(call));
}

// packages/wrappers/node/src/signatures/function-source.ts
function sourceOf(target) {
  return withoutComments(Function.prototype.toString.call(target));
}
function withoutComments(text) {
  return text.replace(/\/\*[\s\S]*?\*\/|(?<![:\\])\/\/.*$/gm, "");
}
function parametersOf(source) {
  const arrow = /^(?:async\s+)?([\w$]+)\s*=>/.exec(source);
  if (arrow) return [arrow[1]];
  const start = source.indexOf("(");
  const parameters = [];
  let depth = 0;
  let text = "";
  for (const char of source.slice(start)) {
    if (")]}".includes(char)) depth--;
    if (depth === 0 || depth === 1 && char === ",") {
      if (text.trim() !== "") parameters.push(text.replace(/=[\s\S]*$/, "").trim());
      text = "";
      if (depth === 0 && char === ")") break;
    } else text += char;
    if ("([{".includes(char)) depth++;
  }
  return parameters;
}
function isCallback(name) {
  return name !== void 0 && /^_?(?:callback|cb|done)$/i.test(name);
}

// packages/wrappers/node/src/signatures/detect.ts
var STREAMING = /* @__PURE__ */ Symbol.for("aws.lambda.runtime.handler.streaming");
var LAMBDA_EVENT = "rawPath|rawQueryString|requestContext|queryStringParameters|multiValueQueryStringParameters|multiValueHeaders|pathParameters|isBase64Encoded|httpMethod|stageVariables|routeKey";
var LAMBDA_CONTEXT = "awsRequestId|getRemainingTimeInMillis|callbackWaitsForEmptyEventLoop|invokedFunctionArn|functionName|functionVersion|memoryLimitInMB|logGroupName|logStreamName|clientContext|done";
var EXPRESS_REQUEST = "body|rawBody|query|params|path|get|header|ip|hostname|protocol|cookies";
var EXPRESS_RESPONSE = "status|send|json|sendStatus|redirect|set|type|cookie|header";
function recognizeSignature(target, name) {
  if (STREAMING in target) return "lambda";
  const source = sourceOf(target);
  const [first = "", second = "", third] = parametersOf(source);
  const reads = (parameter, fields) => usesField(source, parameter, fields);
  if (isRequest(first) && isResponse(second))
    return reads(first, EXPRESS_REQUEST) || reads(second, EXPRESS_RESPONSE) ? "gcf" : void 0;
  if (first === "context") {
    if (reads(first, "request|response")) return "fission";
    if (isCallback(second)) return "openfaas";
  }
  if (name === "handle") return "knative";
  if (/^lambda_?handler$/i.test(name)) return "lambda";
  if (reads(second, "status|headers")) return "openfaas";
  if (reads(second, "succeed|fail")) return name === "default" ? "openfaas" : "lambda";
  if (name === "default") return isCallback(third) ? "openfaas" : void 0;
  if (isCallback(third)) return first === "data" ? "gcf" : "lambda";
  if (reads(first, LAMBDA_EVENT) || reads(second, LAMBDA_CONTEXT)) return "lambda";
  const returnsStatusCode = /\bstatusCode["']?\s*:\s*["']?\d{3}\b/.test(source) && /\bbody\b/.test(source);
  return returnsStatusCode && !reads(first, "method|query|rawBody") ? "lambda" : void 0;
}
var isRequest = (name) => /^_?req(?:uest)?$/i.test(name);
var isResponse = (name) => /^_?res(?:p|ponse)?$/i.test(name);
function usesField(source, parameter, fields) {
  if (parameter.startsWith("{")) return new RegExp(`[{,]\\s*(?:${fields})\\b`).test(parameter);
  if (!/^[\w$]+$/.test(parameter)) return false;
  const name = parameter.replaceAll("$", "\\$");
  return new RegExp(`(?<![\\w$.])${name}\\s*\\??\\.\\s*(?:${fields})(?![\\w$])`).test(source) || new RegExp(`\\{[^{}]*?\\b(?:${fields})\\b[^{}]*\\}\\s*=\\s*${name}(?![\\w$.])`).test(source);
}
function likelySignature(text) {
  const source = withoutComments(text);
  if (/@google-cloud\/functions-framework|\bres(?:p|ponse)?\s*\.\s*(?:send|json|status|sendStatus)\s*\(/.test(source))
    return "gcf";
  if (/\bcloudEventResponse\b/.test(source)) return "knative";
  if (/\bcontext\s*\.\s*(?:status|headers)\s*\(/.test(source)) return "openfaas";
  if (new RegExp(`\\bstatusCode\\b|\\bawslambda\\b|\\b(?:${LAMBDA_EVENT}|awsRequestId)\\b`).test(source))
    return "lambda";
  if (/\bcontext\s*\.\s*(?:succeed|fail|done)\s*\(/.test(source)) return "lambda";
  if (/\b(?:specversion|datacontenttype)\b/.test(source)) return "cloudevents";
  return void 0;
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

// packages/wrappers/node/src/response/problem.ts
import { STATUS_CODES } from "node:http";

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

// packages/wrappers/node/src/websocket/frames.ts
var OPCODES = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 };
var CLOSE = {
  NORMAL: 1e3,
  PROTOCOL_ERROR: 1002,
  NONE: 1005,
  LOST: 1006,
  INVALID_DATA: 1007,
  TOO_LARGE: 1009,
  ERROR: 1011,
  RESTART: 1012
};
var FrameError = class extends Error {
  constructor(code, message2) {
    super(message2);
    this.code = code;
  }
};
function frame(opcode, payload) {
  const { length } = payload;
  const head = length < 126 ? 2 : length < 65536 ? 4 : 10;
  const bytes = Buffer.allocUnsafe(head + length);
  bytes[0] = 128 | opcode;
  if (head === 2) bytes[1] = length;
  else if (head === 4) {
    bytes[1] = 126;
    bytes.writeUInt16BE(length, 2);
  } else {
    bytes[1] = 127;
    bytes.writeBigUInt64BE(BigInt(length), 2);
  }
  payload.copy(bytes, head);
  return bytes;
}
function closeFrame(code, reason = "") {
  if (code === CLOSE.NONE) return frame(OPCODES.CLOSE, Buffer.alloc(0));
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code, 0);
  payload.write(reason, 2);
  return frame(OPCODES.CLOSE, payload);
}
function isCloseCode(code) {
  if (code >= 3e3 && code <= 4999) return true;
  return code >= 1e3 && code <= 1014 && code !== 1004 && code !== CLOSE.NONE && code !== CLOSE.LOST;
}
var FrameDecoder = class {
  #listener;
  #text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #chunks = [];
  #buffered = 0;
  #parts = [];
  #partsSize = 0;
  #opcode = OPCODES.CONTINUATION;
  #isClosed = false;
  constructor(listener2) {
    this.#listener = listener2;
  }
  /** @throws FrameError */
  write(chunk) {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    while (!this.#isClosed) {
      const head = this.#head();
      if (head === void 0 || this.#buffered < head.size + head.length) return;
      const bytes = this.#take(head.size + head.length);
      const payload = bytes.subarray(head.size);
      unmask(payload, bytes.subarray(head.size - 4, head.size));
      this.#frame(head, payload);
    }
  }
  #head() {
    if (this.#buffered < 2) return void 0;
    const [first = 0, second = 0] = this.#peek(2);
    const opcode = first & 15;
    const short = second & 127;
    if (first & 112) throw new FrameError(CLOSE.PROTOCOL_ERROR, "a reserved bit is set");
    if (!(second & 128)) throw new FrameError(CLOSE.PROTOCOL_ERROR, "a frame is not masked");
    const isFinal = (first & 128) !== 0;
    if (opcode >= OPCODES.CLOSE) {
      if (opcode > OPCODES.PONG || !isFinal || short > 125)
        throw new FrameError(CLOSE.PROTOCOL_ERROR, "an invalid control frame");
    } else if (opcode > OPCODES.BINARY || opcode === OPCODES.CONTINUATION !== this.#isFragmented)
      throw new FrameError(CLOSE.PROTOCOL_ERROR, "an unexpected frame");
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const size = 6 + lengthBytes;
    if (this.#buffered < 2 + lengthBytes) return void 0;
    const head = this.#peek(2 + lengthBytes);
    const length = lengthBytes === 8 ? Number(head.readBigUInt64BE(2)) : lengthBytes === 2 ? head.readUInt16BE(2) : short;
    if (opcode < OPCODES.CLOSE && this.#partsSize + length > bodyLimit)
      throw new FrameError(CLOSE.TOO_LARGE, `a message is larger than ${bodyLimit} bytes`);
    return { isFinal, opcode, size, length };
  }
  get #isFragmented() {
    return this.#opcode !== OPCODES.CONTINUATION;
  }
  #frame({ isFinal, opcode }, payload) {
    if (opcode === OPCODES.CLOSE) this.#close(payload);
    else if (opcode === OPCODES.PING) this.#listener.onPing(payload);
    else if (opcode !== OPCODES.PONG) this.#data(isFinal, opcode, payload);
  }
  #data(isFinal, opcode, payload) {
    if (opcode !== OPCODES.CONTINUATION) this.#opcode = opcode;
    this.#parts.push(payload);
    this.#partsSize += payload.length;
    if (!isFinal) return;
    const data = this.#parts.length === 1 ? payload : Buffer.concat(this.#parts);
    const isText = this.#opcode === OPCODES.TEXT;
    this.#parts = [];
    this.#partsSize = 0;
    this.#opcode = OPCODES.CONTINUATION;
    this.#listener.onMessage(isText ? this.#decode(data) : data);
  }
  #close(payload) {
    this.#isClosed = true;
    if (payload.length === 0) {
      this.#listener.onClose(CLOSE.NONE, "");
      return;
    }
    const code = payload.length === 1 ? 0 : payload.readUInt16BE(0);
    if (!isCloseCode(code)) throw new FrameError(CLOSE.PROTOCOL_ERROR, "an invalid close code");
    this.#listener.onClose(code, this.#decode(payload.subarray(2)));
  }
  #decode(bytes) {
    try {
      return this.#text.decode(bytes);
    } catch {
      throw new FrameError(CLOSE.INVALID_DATA, "a text is not UTF-8");
    }
  }
  /** Returns the first bytes, which stay. */
  #peek(count) {
    const [first] = this.#chunks;
    if (first !== void 0 && first.length >= count) return first.subarray(0, count);
    this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0].subarray(0, count);
  }
  #take(count) {
    const all = this.#chunks.length === 1 ? this.#chunks[0] : Buffer.concat(this.#chunks);
    this.#chunks = all.length > count ? [all.subarray(count)] : [];
    this.#buffered -= count;
    return all.subarray(0, count);
  }
};
function unmask(payload, mask) {
  for (let i = 0; i < payload.length; i++) payload[i] = payload[i] ^ mask[i & 3];
}

// packages/wrappers/node/src/websocket/open-sockets.ts
var CLOSE_MS = 500;
var open = /* @__PURE__ */ new Map();
function addOpenSocket(socket) {
  open.set(socket, socket.bytesWritten);
  socket.once("close", () => open.delete(socket));
}
function isAnswered(socket) {
  return socket.bytesWritten !== open.get(socket);
}
function closeOpenSockets(code) {
  for (const socket of open.keys()) if (socket.writable && isAnswered(socket)) socket.end(closeFrame(code));
}
async function endOpenSockets() {
  if (open.size === 0) return;
  const sockets = [...open.keys()];
  const closed = Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("close", resolve))));
  closeOpenSockets(CLOSE.RESTART);
  const timer = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, CLOSE_MS);
  await closed;
  clearTimeout(timer);
  await new Promise((resolve) => setImmediate(resolve));
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
    server.close(() => void whenBackgroundWorkDone().then(finish));
    server.closeIdleConnections();
    setTimeout(() => void endOpenSockets().then(finish), timeoutMs + DRAIN_GRACE_MS).unref();
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
    closeOpenSockets(CLOSE.ERROR);
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

// packages/wrappers/node/src/app/run-app.ts
function runApp(call, app) {
  const { request, response } = call;
  if (declaresTooLarge(request)) throw bodyTooLarge();
  if (request.headers["transfer-encoding"] !== void 0) limitBody(call);
  setAddress(request.socket);
  response.setHeader("X-Request-Id", call.requestId);
  if (isDraining) response.shouldKeepAlive = false;
  call.progress = 0;
  return new Promise((resolve, reject) => {
    response.once("close", resolve);
    const result = app.request(request, response);
    if (typeof result?.then === "function")
      result.then(void 0, reject);
  });
}
function hasProgressed(call) {
  const { socket, headersSent } = call.response;
  if (!headersSent || socket === null) return false;
  const before = call.progress;
  call.progress = 2 * socket.bytesWritten - socket.writableLength;
  return call.progress !== before;
}
function answerForApp({ request, response, requestId }, problem) {
  const { socket } = response;
  if (response.headersSent || response.destroyed || socket === null) request.socket.destroy();
  else {
    socket.write(rawProblem(problem, requestId, request.method !== "HEAD"));
    socket.destroySoon();
  }
}
function limitBody(call) {
  const { request } = call;
  const { push } = request;
  let size = 0;
  request.push = (chunk, ...rest) => {
    size += chunk?.length ?? 0;
    if (size <= bodyLimit) return push.call(request, chunk, ...rest);
    answerForApp(call, bodyTooLarge());
    return false;
  };
}
function setAddress(socket) {
  if (socket.remoteAddress !== void 0 || socket.destroyed) return;
  for (const [name, value] of [
    ["remoteAddress", "127.0.0.1"],
    ["remoteFamily", "IPv4"],
    ["remotePort", 0]
  ])
    Object.defineProperty(socket, name, { configurable: true, value });
}

// packages/wrappers/node/src/signatures/request-facts.ts
function pathAndQueryOf({ url = "/" }) {
  const question = url.indexOf("?");
  if (question < 0) return { path: url, query: "" };
  return { path: url.slice(0, question) || "/", query: url.slice(question + 1) };
}
function parsedQueryOf(request) {
  return parsePairs(pathAndQueryOf(request).query);
}
function clientAddressOf({ headers, socket }) {
  const forwarded = headers["x-forwarded-for"];
  return String(forwarded ?? socket.remoteAddress ?? "127.0.0.1").split(",").at(-1)?.trim();
}
function bodyOf({ request }) {
  return hasBody(request) ? readBody(request) : Promise.resolve(Buffer.alloc(0));
}
function parsedBodyOf({ headers }, body, defaultType = "") {
  if (body.length === 0) return void 0;
  const type = headers["content-type"] ?? defaultType;
  const parsed = parseBody(body, type);
  return /^\s*application\/x-www-form-urlencoded/i.test(type) ? parsePairs(parsed) : parsed;
}
function parsePairs(text) {
  const pairs = /* @__PURE__ */ new Map();
  for (const [name, value] of new URLSearchParams(text)) {
    const before = pairs.get(name);
    pairs.set(name, before === void 0 ? value : [before, value].flat());
  }
  return Object.fromEntries(pairs);
}

// packages/wrappers/node/src/signatures/express-request.ts
function expressRequestOf({ request }, body) {
  const { headers, url } = request;
  const get = (name) => headers[/^referrer$/i.test(name) ? "referer" : name.toLowerCase()];
  const protocol = String(headers["x-forwarded-proto"] ?? "http");
  const host = String(headers["x-forwarded-host"] ?? headers.host ?? "");
  const fields = {
    body: parsedBodyOf(request, body) ?? {},
    rawBody: body.length === 0 ? void 0 : body,
    query: parsedQueryOf(request),
    path: pathAndQueryOf(request).path,
    originalUrl: url,
    baseUrl: "",
    params: { 0: pathAndQueryOf(request).path },
    protocol,
    secure: protocol === "https",
    host,
    hostname: host.replace(/:\d+$/, ""),
    ip: clientAddressOf(request),
    ips: String(headers["x-forwarded-for"] ?? "").split(/\s*,\s*/).filter(Boolean),
    xhr: /^xmlhttprequest$/i.test(String(headers["x-requested-with"])),
    get,
    header: get,
    is: (...types) => matchingType(String(headers["content-type"] ?? ""), types.flat())
  };
  return Object.assign(request, fields);
}
function matchingType(contentType, types) {
  const type = contentType.split(";", 1)[0]?.trim().toLowerCase();
  const isA = (each) => each.includes("*") ? type.startsWith(each.replace(/\*.*/, "")) : each === type || type.endsWith(`/${each}`) || type.endsWith(`+${each}`);
  return type === "" ? false : types.find(isA) ?? false;
}

// packages/wrappers/node/src/signatures/express-response.ts
import { STATUS_CODES as STATUS_CODES2 } from "node:http";
var TYPES = {
  bin: "application/octet-stream",
  css: "text/css; charset=utf-8",
  csv: "text/csv; charset=utf-8",
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  json: "application/json; charset=utf-8",
  text: "text/plain; charset=utf-8",
  txt: "text/plain; charset=utf-8",
  xml: "application/xml; charset=utf-8"
};
function expressResponseOf({ response }) {
  const chained = (run2) => (...values) => {
    run2(...values);
    return response;
  };
  const set = (names, value) => {
    for (const [name, each] of typeof names === "string" ? [[names, value]] : Object.entries(names))
      setHeader(response, name, each);
  };
  const type = (name) => setHeader(response, "Content-Type", name.includes("/") ? name : typeNamed(name));
  const append = (name, value) => response.appendHeader(name, value);
  const cookie = (name, value, options = {}) => append("Set-Cookie", cookieText(name, value, options));
  const location = (url) => response.setHeader("Location", encodeURI(url).replace(/%25([\dA-F]{2})/gi, "%$1"));
  const methods = {
    locals: {},
    status: chained((code) => {
      response.statusCode = code;
    }),
    set: chained(set),
    header: chained(set),
    get: (name) => response.getHeader(name),
    type: chained(type),
    contentType: chained(type),
    append: chained(append),
    vary: chained((name) => append("Vary", name)),
    cookie: chained(cookie),
    clearCookie: chained(
      (name, options = {}) => cookie(name, "", { ...options, expires: /* @__PURE__ */ new Date(0) })
    ),
    location: chained(location),
    send: chained((body) => sendBody(response, body)),
    json: chained((value) => sendJson(response, value)),
    sendStatus: chained((code) => {
      response.statusCode = code;
      type("txt");
      sendBody(response, STATUS_CODES2[code] ?? String(code));
    }),
    redirect: chained((...values) => {
      const [first, second] = values;
      response.statusCode = typeof first === "number" ? first : 302;
      location(String(typeof first === "number" ? second : first));
      type("txt");
      sendBody(response, `${STATUS_CODES2[response.statusCode]}. Redirecting to ${response.getHeader("Location")}`);
    })
  };
  return Object.assign(response, methods);
}
function typeNamed(name) {
  return TYPES[name.replace(/^\./, "")] ?? "application/octet-stream";
}
function setHeader(response, name, value) {
  if (value === void 0) return;
  if (Array.isArray(value)) {
    response.setHeader(name, value.map(String));
    return;
  }
  const text = String(value);
  const isBareText = /^content-type$/i.test(name) && /^(?:text\/|application\/json)[^;]*$/i.test(text);
  response.setHeader(name, isBareText ? `${text}; charset=utf-8` : text);
}
function sendBody(response, body) {
  if (response.headersSent) return;
  if (typeof body === "string") end(response, "text/html; charset=utf-8", body);
  else if (body === void 0 || body === null) end(response, void 0, "");
  else if (ArrayBuffer.isView(body)) {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    end(response, "application/octet-stream", bytes);
  } else sendJson(response, body);
}
function sendJson(response, value) {
  if (!response.headersSent) end(response, TYPES.json, JSON.stringify(value) ?? "");
}
function end(response, type, body) {
  if (type !== void 0 && !response.hasHeader("Content-Type")) response.setHeader("Content-Type", type);
  if (response.statusCode === 204 || response.statusCode === 304) {
    for (const name of ["Content-Type", "Content-Length"]) response.removeHeader(name);
    response.end();
    return;
  }
  response.setHeader("Content-Length", Buffer.byteLength(body));
  response.end(body);
}
function cookieText(name, value, options) {
  const text = typeof value === "object" ? `j:${JSON.stringify(value)}` : String(value);
  const { maxAge, expires, sameSite, domain, path = "/", httpOnly, secure, encode = encodeURIComponent } = options;
  const until = maxAge === void 0 ? expires : new Date(Date.now() + maxAge);
  return [
    `${name}=${encode(text)}`,
    maxAge === void 0 ? "" : `Max-Age=${Math.floor(maxAge / 1e3)}`,
    domain ? `Domain=${domain}` : "",
    `Path=${path}`,
    until ? `Expires=${until.toUTCString()}` : "",
    httpOnly ? "HttpOnly" : "",
    secure ? "Secure" : "",
    sameSite ? `SameSite=${sameSite === true ? "Strict" : capitalized(String(sameSite))}` : ""
  ].filter(Boolean).join("; ");
}
function capitalized(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// packages/wrappers/node/src/signatures/fission.ts
function fissionResponder(handler) {
  return async (call) => {
    const context = { request: expressRequestOf(call, await bodyOf(call)), response: expressResponseOf(call) };
    const { response } = context;
    const callback = (status, body, headers) => {
      if (!status) return;
      if (headers) response.set(headers);
      response.status(status);
      response.send(body);
    };
    const request = async () => {
      const result = await handler(context, callback);
      if (handler.length < 2 && !response.headersSent) callback(result?.status ?? 200, result?.body, result?.headers);
    };
    await runApp(call, { request });
  };
}

// packages/wrappers/node/src/signatures/google.ts
import { readFileSync as readFileSync2 } from "node:fs";

// packages/wrappers/node/src/signatures/cloud-event.ts
var REQUIRED = ["id", "source", "specversion", "type"];
var NOT_HEADERS = /* @__PURE__ */ new Set(["data", "data_base64", "datacontenttype"]);
var CloudEvent = class {
  constructor(fields) {
    Object.assign(this, fields);
  }
};
function hasCloudEvent(headers) {
  return headers["ce-id"] !== void 0 || headers["ce-specversion"] !== void 0 || typeOf(headers).startsWith("application/cloudevents");
}
function typeOf(headers) {
  return (headers["content-type"] ?? "").split(";", 1)[0]?.trim().toLowerCase();
}
function parseCloudEvent(headers, body) {
  const type = typeOf(headers);
  if (type.startsWith("application/cloudevents-batch"))
    throw invalid("Batches of CloudEvents are not supported: send each event in its own request");
  const isStructured = type.startsWith("application/cloudevents");
  if (isStructured && type !== "application/cloudevents+json")
    throw invalid(`Expected a CloudEvent of the type application/cloudevents+json, got ${type}`);
  const event = isStructured ? structuredEvent(parseBody(body, JSON_TYPE)) : binaryEvent(headers, body);
  for (const name of REQUIRED)
    if (typeof event[name] !== "string" || event[name] === "")
      throw invalid(
        `Expected a CloudEvent with the attribute "${name}", ${isStructured ? "in the body" : `as the header "ce-${name}"`}`
      );
  if (event.specversion !== "1.0" && event.specversion !== "0.3")
    throw invalid(`Expected a CloudEvent of specversion 1.0, got "${event.specversion}"`);
  return event;
}
function invalid(detail) {
  return new Problem("INVALID_REQUEST", detail);
}
function binaryEvent(headers, body) {
  const fields = {};
  for (const name in headers) {
    if (name.startsWith("ce-") && !NOT_HEADERS.has(name.slice(3)))
      fields[name.slice(3)] = decodeValue(String(headers[name]));
  }
  const type = headers["content-type"];
  if (type !== void 0) fields.datacontenttype = type;
  if (body.length > 0) fields.data = parseBody(body, type);
  return new CloudEvent(fields);
}
function decodeValue(value) {
  const text = /^".*"$/.test(value) ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
function structuredEvent(message2) {
  if (typeof message2 !== "object" || message2 === null || Array.isArray(message2))
    throw invalid("Expected a CloudEvent as a JSON object");
  const { data_base64: encoded, ...fields } = message2;
  if (encoded === void 0 || encoded === null) return new CloudEvent(fields);
  const bytes = Buffer.from(String(encoded), "base64");
  const type = String(fields.datacontenttype ?? "");
  try {
    return new CloudEvent({ ...fields, data: parseBody(bytes, type), data_base64: encoded });
  } catch (error) {
    throw invalid(`The data of the CloudEvent is not of its datacontenttype ${type}: ${messageOf(error)}`);
  }
}
function isCloudEvent(value) {
  return typeof value === "object" && value !== null && REQUIRED.every((name) => typeof value[name] === "string");
}
function binaryMessage(event) {
  const headers = {};
  const toJson = event.toJSON;
  const fields = toJson === void 0 ? event : toJson.call(event);
  for (const [name, value] of Object.entries(fields))
    if (!NOT_HEADERS.has(name) && value !== void 0 && value !== null && typeof value !== "function")
      headers[`ce-${name.toLowerCase()}`] = encodeValue(value instanceof Date ? value.toISOString() : String(value));
  const { data, data_base64: encoded, datacontenttype } = event;
  if (data === void 0 && typeof encoded === "string")
    return message(headers, datacontenttype, Buffer.from(encoded, "base64"));
  if (data === void 0 || data === null) return message(headers, datacontenttype, "");
  if (typeof data === "string" || ArrayBuffer.isView(data)) return message(headers, datacontenttype, data);
  return message(headers, datacontenttype ?? JSON_TYPE, JSON.stringify(data));
}
function message(headers, type, body) {
  if (typeof type === "string") headers["Content-Type"] = type;
  return { status: 200, headers, body };
}
function encodeValue(value) {
  return value.replace(
    /[^\x21\x23\x24\x26-\x7e]+/gu,
    (text) => Array.from(Buffer.from(text), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("")
  );
}

// packages/wrappers/node/src/signatures/google.ts
function loadFramework(file) {
  const require2 = process.getBuiltinModule("node:module").createRequire(file);
  const name = "@google-cloud/functions-framework";
  try {
    return { ...require2(name), ...require2(`${name}/testing`) };
  } catch (error) {
    if (/MODULE_NOT_FOUND|ERR_PACKAGE_PATH_NOT_EXPORTED/.test(String(error.code)))
      return void 0;
    throw error;
  }
}
function* targetNames(setting) {
  const { FUNCTION_TARGET, GOOGLE_FUNCTION_TARGET } = process.env;
  for (const name of [FUNCTION_TARGET, GOOGLE_FUNCTION_TARGET, setting]) if (name) yield name;
  try {
    const { scripts: scripts2 } = JSON.parse(readFileSync2(pathOf("package.json"), "utf8"));
    const [, name] = /functions-framework\b.*--target[= ]([\w-]+)/.exec(JSON.stringify(scripts2)) ?? [];
    if (name !== void 0) yield name;
  } catch {
  }
  yield "function";
}
function registeredGoogleFunction(file, setting) {
  const framework = loadFramework(file);
  if (framework === void 0) return void 0;
  const serverNamed = (name) => {
    try {
      return framework.getTestServer(name);
    } catch {
      return void 0;
    }
  };
  for (const name of targetNames(setting)) {
    const server2 = serverNamed(name);
    if (server2) return { app: new ListeningApp(server2) };
  }
  const text = readFileSync2(file, "utf8");
  const names = Array.from(
    text.matchAll(/\b(?:http|cloudEvent)\)?\s*\(\s*["'`]([\w-]+)["'`]/g),
    ([, name]) => name
  );
  const registered = [...new Set(names)].filter(serverNamed);
  if (registered.length > 1) {
    throw new Problem(
      "FUNCTION_LOAD_FAILED",
      `${nameOf(file)}: registers the functions ${registered.join(", ")}. Set the variable FUNCTION_TARGET to one of them, as in --env FUNCTION_TARGET=${registered[0]}`
    );
  }
  const server = registered[0] === void 0 ? void 0 : serverNamed(registered[0]);
  return server && { app: new ListeningApp(server) };
}
function googleFunction(handler, file, parameters) {
  const type = process.env.FUNCTION_SIGNATURE_TYPE ?? typeByNames(parameters);
  if (type === "event") return { respond: backgroundResponder(handler) };
  if (type === "cloudevent") return { respond: cloudEventResponder(handler) };
  const framework = loadFramework(file);
  if (framework === void 0) return { respond: expressResponder(handler) };
  framework.http("function", handler);
  return { app: new ListeningApp(framework.getTestServer("function")) };
}
function typeByNames([first = "", second = ""]) {
  if (/^_?(?:cloud_?event|ce)$/i.test(first)) return "cloudevent";
  return /^_?(?:data|event|message|file|pubsub\w*)$/i.test(first) && !/^_?res/i.test(second) ? "event" : "http";
}
function expressResponder(handler) {
  return async (call) => {
    const request = expressRequestOf(call, await bodyOf(call));
    await runApp(call, { request: () => handler(request, expressResponseOf(call)) });
  };
}
function cloudEventResponder(handler) {
  const callsBack = isCallback(parametersOf(sourceOf(handler))[1]);
  return async (call) => {
    const event = parseCloudEvent(call.request.headers, await bodyOf(call));
    const result = await withCallback((callback) => handler(event, callsBack ? callback : call.context), callsBack);
    return isCloudEvent(result) ? binaryMessage(result) : result;
  };
}
function backgroundResponder(handler) {
  return async (call) => {
    const { headers } = call.request;
    const body = await bodyOf(call);
    const message2 = hasCloudEvent(headers) ? parseCloudEvent(headers, body) : parsedBodyOf(call.request, body, "application/json");
    if (typeof message2 !== "object" || message2 === null || Buffer.isBuffer(message2))
      throw new Problem(
        "INVALID_REQUEST",
        'Expected an event as a JSON object with "data" and "context", or a CloudEvent'
      );
    const { data, context, ...rest } = message2;
    const attributes = context ?? (message2 instanceof CloudEvent ? contextOfCloudEvent(rest) : rest);
    return withCallback((callback) => handler(data, attributes, callback), handler.length > 2);
  };
}
function contextOfCloudEvent({ id, time, type, source, ...rest }) {
  return { eventId: id, timestamp: time, eventType: type, resource: source, ...rest };
}
function withCallback(run2, callsBack) {
  return new Promise((resolve, reject) => {
    const result = run2((error, value) => error ? reject(error) : resolve(value));
    if (result !== void 0 || !callsBack) resolve(result);
  });
}

// packages/wrappers/node/src/signatures/knative.ts
var METHODS = "OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH";
var LEVELS = ["trace", "debug", "info", "warn", "error", "fatal"];
async function knativeResponder({ handle: handle2, init, shutdown, cors }) {
  await init?.();
  if (shutdown) process.on("SIGTERM", shutdown);
  return async (call) => {
    const { request } = call;
    const origins = corsHeaders(cors, request.headers);
    if (request.method === "OPTIONS")
      return { status: 204, headers: { ...origins, "access-control-allow-headers": "*" } };
    const bytes = await bodyOf(call);
    const event = hasCloudEvent(request.headers) ? parseCloudEvent(request.headers, bytes) : void 0;
    const body = event === void 0 ? parsedBodyOf(request, bytes) : void 0;
    const context = contextOf(call, bytes, body, event);
    try {
      return responseOf(await handle2(context, event ?? body), origins);
    } catch (error) {
      const status = error?.code;
      if (typeof status !== "number" || status < 400 || status > 599) throw error;
      return { status, headers: origins, body: messageOf(error) };
    }
  };
}
function corsHeaders(cors, { origin }) {
  const headers = { "access-control-allow-methods": METHODS };
  if (cors === void 0) headers["access-control-allow-origin"] = "*";
  else if (origin !== void 0 && cors().includes(origin)) headers["access-control-allow-origin"] = origin;
  return headers;
}
function contextOf(call, bytes, body, event) {
  const { request } = call;
  const { headers, method, httpVersion, httpVersionMajor, httpVersionMinor } = request;
  const query = parsedQueryOf(request);
  return {
    body: event === void 0 ? body : event.data,
    headers: { ...headers },
    method,
    httpVersion,
    httpVersionMajor,
    httpVersionMinor,
    contentType: headers["content-type"],
    rawBody: bytes.toString(),
    ...query,
    query,
    ...event && { cloudevent: event, cloudEvent: event },
    log: Object.fromEntries(LEVELS.map((level) => [level, writerOf(call, level)])),
    cloudEventResponse: (data) => new ResponseBuilder(data)
  };
}
function writerOf({ requestId }, level) {
  return (first, text) => {
    const fields = typeof first === "object" ? { ...first, ...text !== void 0 && { message: text } } : { message: first };
    process.stderr.write(`${JSON.stringify({ level, requestId, ...fields })}
`);
  };
}
var ResponseBuilder = class {
  #fields;
  constructor(data) {
    this.#fields = { data };
  }
  version(value) {
    return this.#set("specversion", value);
  }
  id(value) {
    return this.#set("id", value);
  }
  type(value) {
    return this.#set("type", value);
  }
  source(value) {
    return this.#set("source", value);
  }
  response() {
    const defaults = { id: crypto.randomUUID(), time: (/* @__PURE__ */ new Date()).toISOString(), specversion: "1.0" };
    const event = new CloudEvent({ ...defaults, ...this.#fields });
    if (!isCloudEvent(event)) throw new TypeError("Expected the CloudEvent to have a type and a source");
    return event;
  }
  #set(name, value) {
    this.#fields[name] = value;
    return this;
  }
};
function responseOf(value, origins) {
  if (isCloudEvent(value)) {
    const message2 = binaryMessage(value);
    return { ...message2, headers: { ...origins, ...message2.headers } };
  }
  if (value === void 0 || value === null || value === "") return { status: 204, headers: origins };
  if (typeof value === "string" || ArrayBuffer.isView(value)) return { status: 200, headers: origins, body: value };
  const { statusCode, headers: given, body } = value;
  const headers = { "content-type": "application/json; charset=utf-8", ...origins };
  if (typeof given === "object" && given !== null)
    for (const [name, each] of Object.entries(given)) headers[name.toLowerCase()] = each;
  const content = body === void 0 ? given === void 0 && statusCode === void 0 ? value : "" : body;
  const isSent = typeof content === "string" || ArrayBuffer.isView(content) || isStream(content);
  return { status: statusCode ?? 200, headers, body: isSent ? content : JSON.stringify(content) };
}
function isStream(value) {
  return typeof value?.pipe === "function";
}

// packages/wrappers/node/src/signatures/lambda-context.ts
var VERSION = "$LATEST";
var DEFAULT_MEMORY_MB = 256;
function setLambdaEnvironment() {
  const group = `/aws/lambda/${identity.endpoint}`;
  const variables2 = {
    AWS_LAMBDA_FUNCTION_NAME: identity.endpoint,
    AWS_LAMBDA_FUNCTION_VERSION: VERSION,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb()),
    AWS_LAMBDA_LOG_GROUP_NAME: group,
    AWS_LAMBDA_LOG_STREAM_NAME: identity.revision,
    LAMBDA_TASK_ROOT: folder,
    _HANDLER: handlerSetting ?? "index.handler"
  };
  for (const [name, value] of Object.entries(variables2)) process.env[name] ??= value;
}
function memoryMb() {
  const limit = process.constrainedMemory();
  return limit > 0 && limit < 2 ** 40 ? Math.round(limit / 2 ** 20) : DEFAULT_MEMORY_MB;
}
function lambdaContextOf({ requestId, deadline }, done) {
  const { env } = process;
  const name = env.AWS_LAMBDA_FUNCTION_NAME;
  const region = env.AWS_REGION ?? env.AWS_DEFAULT_REGION ?? "local";
  return {
    awsRequestId: requestId,
    callbackWaitsForEmptyEventLoop: true,
    functionName: name,
    functionVersion: VERSION,
    invokedFunctionArn: `arn:aws:lambda:${region}:000000000000:function:${name}`,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
    done,
    succeed: (result) => done(null, result),
    fail: (error) => done(error ?? new Error("The function called context.fail"))
  };
}

// packages/wrappers/node/src/signatures/lambda-event.ts
var TEXT_TYPE = /^\s*(?:text\/|application\/(?:json|javascript|xml|[\w.-]+\+(?:json|xml))\s*(?:;|$))/i;
function lambdaEventOf({ request, requestId }, body) {
  const { method = "GET", httpVersion } = request;
  const { path, query } = pathAndQueryOf(request);
  const headers = joinedHeaders(request.headers, request.headersDistinct);
  const cookies = headers.cookie?.split(/; */);
  const parameters = query === "" ? void 0 : queryParameters(query);
  const now = /* @__PURE__ */ new Date();
  const domain = headers.host ?? "";
  const isText = isTextBody(headers["content-type"], body);
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath: path,
    rawQueryString: query,
    ...cookies && { cookies },
    headers,
    ...parameters && { queryStringParameters: parameters },
    requestContext: {
      accountId: "anonymous",
      apiId: identity.endpoint,
      domainName: domain,
      domainPrefix: domain.split(".", 1)[0],
      http: {
        method,
        path,
        protocol: `HTTP/${httpVersion}`,
        sourceIp: clientAddressOf(request),
        userAgent: headers["user-agent"] ?? ""
      },
      requestId,
      routeKey: "$default",
      stage: "$default",
      time: logTime(now),
      timeEpoch: now.getTime()
    },
    ...body.length > 0 && { body: body.toString(isText ? "utf8" : "base64") },
    isBase64Encoded: body.length > 0 && !isText,
    httpMethod: method,
    path
  };
}
function joinedHeaders(received, distinct) {
  const headers = {};
  for (const name in received) headers[name] = distinct[name]?.join(name === "cookie" ? "; " : ",") ?? "";
  return headers;
}
function queryParameters(query) {
  const parameters = /* @__PURE__ */ new Map();
  for (const [name, value] of new URLSearchParams(query)) {
    const before = parameters.get(name);
    parameters.set(name, before === void 0 ? value : `${before},${value}`);
  }
  return Object.fromEntries(parameters);
}
function isTextBody(type, body) {
  if (type !== void 0) return TEXT_TYPE.test(type);
  return process.getBuiltinModule("node:buffer").isUtf8(body);
}
function logTime(time) {
  const [, day, month, year, clock] = time.toUTCString().split(" ");
  return `${day}/${month}/${year}:${clock} +0000`;
}

// packages/wrappers/node/src/signatures/lambda.ts
function lambdaResponder(handler) {
  if (STREAMING in handler) return (call) => respondStreaming(call, handler);
  const endsByCallback = handler.length > 2 || /\.\s*(?:done|succeed|fail)\b/.test(String(handler));
  return async (call) => {
    const event = lambdaEventOf(call, await bodyOf(call));
    const { promise, resolve, reject } = Promise.withResolvers();
    const done = (error, result) => {
      if (error === void 0 || error === null) resolve(result);
      else
        reject(error instanceof Error ? error : new Error(typeof error === "string" ? error : JSON.stringify(error)));
    };
    const returned = handler(event, lambdaContextOf(call, done), done);
    if (typeof returned?.then === "function") {
      const ended = endsByCallback ? Promise.race([promise, returned]) : returned;
      return lambdaResult(await ended);
    }
    return lambdaResult(returned === void 0 && endsByCallback ? await promise : returned);
  };
}
function lambdaResult(value) {
  if (typeof value !== "object" || value === null || !("statusCode" in value)) {
    const body2 = typeof value === "string" ? value : JSON.stringify(value ?? null);
    return { status: 200, headers: { "Content-Type": JSON_TYPE }, body: body2 };
  }
  const { statusCode, body, isBase64Encoded, ...rest } = value;
  const status = statusOf(statusCode);
  const headers = lambdaHeaders(rest);
  if (body === void 0 || body === null || body === "") return { status, headers, body: "" };
  if (isBase64Encoded) return { status, headers, body: Buffer.from(String(body), "base64") };
  if (typeof body === "object")
    throw new Problem("INVALID_RESPONSE", 'Expected "body" to be a string, got an object: use JSON.stringify');
  return { status, headers: withType(headers, "text/plain; charset=utf-8"), body: String(body) };
}
function statusOf(statusCode) {
  const status = typeof statusCode === "string" ? Number(statusCode) : statusCode;
  if (typeof status === "number" && Number.isInteger(status) && status >= 200 && status <= 599) return status;
  throw new Problem(
    "INVALID_RESPONSE",
    `Expected "statusCode" to be from 200 to 599, got ${JSON.stringify(statusCode)}`
  );
}
function lambdaHeaders({
  headers: single,
  multiValueHeaders,
  cookies
}) {
  const headers = {};
  for (const [name, value] of Object.entries(single ?? {}))
    if (value !== void 0 && value !== null)
      headers[name.toLowerCase()] = Array.isArray(value) ? value.map(String) : String(value);
  for (const [name, values] of Object.entries(multiValueHeaders ?? {}))
    headers[name.toLowerCase()] = values.map(String);
  if (cookies?.length) headers["set-cookie"] = [headers["set-cookie"] ?? [], cookies].flat(2);
  return headers;
}
async function respondStreaming(call, handler) {
  const event = lambdaEventOf(call, await bodyOf(call));
  const stream = call.response;
  stream.setContentType = (type) => stream.setHeader("Content-Type", type);
  stream.setHeader("Content-Type", "application/octet-stream");
  const context = lambdaContextOf(call, () => void 0);
  await runApp(call, { request: () => handler(event, stream, context) });
}
function defineAwslambda() {
  Object.defineProperty(globalThis, "awslambda", { configurable: true, get: makeAwslambda });
}
function makeAwslambda() {
  const awslambda = {
    streamifyResponse: (handler) => Object.assign(handler, { [STREAMING]: "response" }),
    HttpResponseStream: {
      from(stream, { statusCode, ...metadata } = {}) {
        if (statusCode !== void 0) stream.statusCode = statusOf(statusCode);
        for (const [name, value] of Object.entries(lambdaHeaders(metadata))) stream.setHeader(name, value);
        return stream;
      }
    }
  };
  Object.defineProperty(globalThis, "awslambda", { configurable: true, writable: true, value: awslambda });
  return awslambda;
}

// packages/wrappers/node/src/signatures/openfaas.ts
function openFaasResponder(handler) {
  const parameters = parametersOf(sourceOf(handler));
  return isCallback(parameters[1]) && parameters.length === 2 ? textResponder(handler) : eventResponder(handler);
}
var OpenFaasContext = class {
  constructor(callback) {
    this.statusCode = 200;
    this.headerValues = {};
    /** Number of calls of `succeed` and `fail`. */
    this.cbCalled = 0;
    this.cb = callback;
  }
  /** Sets the status and returns the context, or without an argument returns the status. */
  status(code) {
    if (!code) return this.statusCode;
    this.statusCode = code;
    return this;
  }
  /** Sets the headers and returns the context, or without an argument returns the headers. */
  headers(values) {
    if (!values) return this.headerValues;
    this.headerValues = values;
    return this;
  }
  succeed(value) {
    this.cbCalled++;
    this.cb(void 0, value);
  }
  fail(value) {
    if (this.statusCode === 200) this.statusCode = 500;
    this.cbCalled++;
    this.cb(value);
  }
};
var Failure = class {
  constructor(value) {
    this.value = value;
  }
};
function eventResponder(handler) {
  const callsBack = handler.length > 2 || /\.\s*(?:succeed|fail)\s*\(/.test(sourceOf(handler));
  return async (call) => {
    const { request } = call;
    const body = await bodyOf(call);
    const event = {
      body: process.env.RAW_BODY === "true" ? body : parsedBodyOf(request, body, "text/plain") ?? {},
      headers: request.headers,
      method: request.method ?? "GET",
      query: parsedQueryOf(request),
      path: pathAndQueryOf(request).path
    };
    const { promise, resolve } = Promise.withResolvers();
    const callback = (error, result2) => resolve(error ? new Failure(error) : result2);
    const context = new OpenFaasContext(callback);
    const returned = handler(event, context, callback);
    const isPromise = typeof returned?.then === "function";
    let result;
    if (isPromise) {
      const ended = Promise.resolve(returned).then(
        (value) => value === context || context.cbCalled > 0 ? promise : value
      );
      result = await Promise.race([promise, ended]);
    } else result = (returned === void 0 || returned === context) && callsBack ? await promise : returned;
    const { statusCode: status, headerValues } = context;
    if (!(result instanceof Failure)) return responseOf2(status, headerValues, result);
    console.error(result.value);
    return responseOf2(status === 200 ? 500 : status, {}, failureText(result.value));
  };
}
function failureText(value) {
  return value instanceof Error ? String(value) : typeof value === "string" ? value : JSON.stringify(value);
}
function responseOf2(status, given, value) {
  const headers = { ...given };
  if (value === void 0 || value === null) return { status, headers, body: "" };
  if (typeof value === "string") return { status, headers: withType(headers, "text/html; charset=utf-8"), body: value };
  if (ArrayBuffer.isView(value)) return { status, headers, body: value };
  return { status, headers: withType(headers, JSON_TYPE), body: JSON.stringify(value) };
}
function textResponder(handler) {
  return async (call) => {
    const text = (await bodyOf(call)).toString();
    return new Promise((resolve, reject) => {
      const callback = (error, result) => {
        if (error) reject(error instanceof Error ? error : new Error(messageOf(error)));
        else resolve(result ?? "");
      };
      const returned = handler(text, callback);
      if (returned instanceof Promise) returned.then((value) => callback(void 0, value), reject);
    });
  };
}

// packages/wrappers/node/src/signatures/adapt.ts
var EXPORTS = {
  lambda: ["handler", "lambdaHandler"],
  knative: ["handle", "default"],
  openfaas: ["default", "handler"]
};
var exportSetting = handlerSetting?.slice(handlerSetting.lastIndexOf(".") + 1);
function prepareSignature() {
  if (signatureSetting === "lambda") setLambdaEnvironment();
  if (signatureSetting === "lambda" || signatureSetting === void 0) defineAwslambda();
}
async function adaptSignature(key, exported, namesOf2, file) {
  if (signatureSetting === "faas" || (appSetting ?? "function") !== "function") return void 0;
  const isFunction2 = (name2) => name2 !== void 0 && typeof exported(name2) === "function";
  const name = isFunction2(key) ? key : findByConvention(isFunction2, exported, namesOf2());
  const mayBeRegistered = signatureSetting === void 0 ? name === void 0 : /^(?:gcf|cloudevents)$/.test(signatureSetting);
  if (mayBeRegistered) {
    const registered = registeredGoogleFunction(file, exportSetting);
    if (registered) return registered;
  }
  if (name === void 0) {
    if (signatureSetting === void 0) return void 0;
    throw new Problem(
      "FUNCTION_LOAD_FAILED",
      `${nameOf(file)}: expected a function of the signature ${signatureSetting}, but it exports ${namesOf2().join(", ") || "nothing"}. Set the handler to "file.export"`
    );
  }
  const handler = exported(name);
  const signature = signatureSetting ?? recognizeSignature(handler, name);
  if (signature === void 0 || signature === "faas") return void 0;
  if (signature === "gcf") return googleFunction(handler, file, parametersOf(sourceOf(handler)));
  return { respond: await responderOf(signature, handler, exported) };
}
function findByConvention(isFunction2, exported, names) {
  if (exportSetting !== void 0) return void 0;
  const { FUNCTION_TARGET, GOOGLE_FUNCTION_TARGET } = process.env;
  const conventions = EXPORTS[signatureSetting ?? ""] ?? ["handle", "lambdaHandler"];
  const name = [FUNCTION_TARGET, GOOGLE_FUNCTION_TARGET, ...conventions].find(isFunction2);
  if (name !== void 0) return name;
  const [only, ...others] = names.filter((each) => each !== "default" && isFunction2(each));
  if (only === void 0 || others.length > 0) return void 0;
  const [first = "", second = ""] = parametersOf(sourceOf(exported(only)));
  const isCertain = signatureSetting === "gcf" || signatureSetting === "cloudevents" || isRequest(first) && isResponse(second);
  return isCertain ? only : void 0;
}
async function responderOf(signature, handler, exported) {
  switch (signature) {
    case "lambda":
      setLambdaEnvironment();
      return lambdaResponder(handler);
    case "cloudevents":
      return cloudEventResponder(handler);
    case "openfaas":
      return openFaasResponder(handler);
    case "fission":
      return fissionResponder(handler);
    case "knative": {
      const functionNamed = (name) => typeof exported(name) === "function" ? exported(name) : void 0;
      const [init, shutdown, cors] = ["init", "shutdown", "cors"].map(functionNamed);
      return knativeResponder({ handle: handler, init, shutdown, cors });
    }
  }
}

// packages/wrappers/node/src/signatures/hints.ts
var HINTS = "callback cb done (context context=> context.re statusCode Parameters rawPath rawQuery requestContext httpMethod isBase64 multiValue stageVar routeKey awsRequest RemainingTime EventLoop FunctionArn functionName functionVersion memoryLimit logGroup logStream clientContext succeed fail( .status .headers(";
function mayBeForeign(name, target) {
  if (typeof target !== "function" || name !== "handler" && name !== "default" && name !== "main") return true;
  const text = String(target);
  if (target.length > 1 && text.includes("res")) return true;
  if (Object.getOwnPropertySymbols(target).length > 0) return true;
  for (const hint of HINTS.split(" ")) if (text.includes(hint)) return true;
  return false;
}

// packages/wrappers/node/src/load/choose-function.ts
var EXPORTS2 = ["handler", "main", "default"];
var APP_EXPORTS = ["app", "server", "default", "main", "handler"];
var LISTEN_MS = 2e3;
var SERVER_LISTEN_MS = 5e4;
async function chooseFunction(module, file) {
  const exported = exportsOf(module);
  const websocket = exported("websocket");
  if (typeof websocket !== "function") return chooseTarget(module, exported, file);
  const hasTarget = [...EXPORTS2, ...APP_EXPORTS, "fetch"].some((name) => exported(name) !== void 0);
  const found = hasTarget || handlerSetting ? await chooseTarget(module, exported, file) : {};
  return { ...found, websocket };
}
async function chooseTarget(module, exported, file) {
  const key = handlerSetting ? handlerSetting.slice(handlerSetting.lastIndexOf(".") + 1) : EXPORTS2.find((each) => exported(each) !== void 0);
  const target = key === void 0 ? void 0 : await exported(key);
  if (signatureSetting !== void 0 || capturedApp() === void 0 && mayBeForeign(key, target)) {
    const adapted = await adaptSignature(key, exported, () => namesOf(module), file);
    if (adapted !== void 0) {
      stopInterceptingListen();
      return adapted;
    }
  }
  if (isPlainFunction(target) && appSetting !== "http" && appSetting !== "fetch") {
    const isCertain = handlerSetting !== void 0 || key === "handler";
    if (isCertain || capturedApp() === void 0) return functionOf(target, file);
  }
  const found = appSetting === "fetch" ? fetchAppOf(target, exported) : await appOf(target, exported);
  if (found !== void 0) return found;
  const isNamed = typeof target !== "object" && target !== void 0;
  const app = await whenListening(appSetting === "http" ? SERVER_LISTEN_MS : isNamed ? 0 : LISTEN_MS);
  if (app !== void 0) return { app };
  const likely = appSetting === void 0 ? likelySignature(readFileSync3(file, "utf8")) : void 0;
  const advice = likely === void 0 ? "" : `. A function of another platform needs --signature ${likely} and --handler`;
  throw new Problem("FUNCTION_LOAD_FAILED", `${nameOf(file)}: ${whyNothing(module, target, key)}${advice}`);
}
function exportsOf(module) {
  const whole = module.default;
  return (name) => {
    if (name !== "default") return module[name] ?? whole?.[name];
    return whole?.__esModule ? whole.default : isEmpty(whole) ? void 0 : whole;
  };
}
function namesOf(module) {
  return [.../* @__PURE__ */ new Set([...Object.keys(module), ...Object.keys(module.default ?? {})])];
}
function isEmpty(whole) {
  if (typeof whole !== "object" || whole === null || Object.getPrototypeOf(whole) !== Object.prototype) return false;
  return Object.keys(whole).length === 0;
}
function isPlainFunction(target) {
  return typeof target === "function" && !isAppFunction(target) && typeof target.fetch !== "function";
}
function functionOf(target, file) {
  stopInterceptingListen();
  const source = String(target);
  const names = parameterNames(source);
  if (appSetting === void 0 && signatureSetting === void 0 && isRequestListener(names))
    return { app: listenerApp(target) };
  const foreign = signatureSetting === "faas" ? void 0 : foreignShape(source, names);
  if (foreign !== void 0) throw new Problem("FUNCTION_LOAD_FAILED", `${nameOf(file)}: ${foreign}`);
  return { handler: target };
}
function foreignShape(source, names) {
  const third = names[2];
  if (third !== void 0 && names.length === 3 && /^_*(?:callback|cb|done)$/i.test(third))
    return `expected handler(event, context), but its third parameter is "${third}". Deploy a function for AWS Lambda with --signature lambda, or return the result`;
  if (source.includes("statusCode") && /(?:\breturn\s*\(?|=>\s*\()\s*\{\s*["']?statusCode["']?\s*:/.test(source))
    return 'the function returns "statusCode", as on AWS Lambda. Deploy it with --signature lambda, or return "status"';
  return void 0;
}
async function appOf(target, exported) {
  const [app, appTarget] = await exportedAppOf(target, exported);
  if (capturedApp() !== void 0 && (app === void 0 || isCapturedServerOf(appTarget)))
    return { app: await whenListening(0) };
  if (app !== void 0) {
    releaseCaptured();
    interceptOnlyExported(appTarget);
    return { app };
  }
  const found = fetchAppOf(target, exported);
  if (found !== void 0 || appSetting !== "http" || typeof target !== "function") return found;
  const listening = target.length < 2 ? await whenListening(LISTEN_MS) : void 0;
  return { app: listening ?? listenerApp(target) };
}
async function exportedAppOf(target, exported) {
  const app = await exportedApp(target);
  if (app !== void 0 || typeof target === "function" || isFetcher(target)) return [app, target];
  for (const name of APP_EXPORTS) {
    const other = await exported(name);
    const otherApp = other === target ? void 0 : await exportedApp(other);
    if (otherApp !== void 0) return [otherApp, other];
  }
  return [void 0, target];
}
function isFetcher(target) {
  return target !== null && target !== void 0 && typeof target.fetch === "function";
}
function fetchAppOf(target, exported) {
  for (const each of [target, ...APP_EXPORTS.map(exported)]) {
    if (!isFetcher(each)) continue;
    interceptOnlyExported(each);
    return { fetch: fetchHandler(each.fetch, each) };
  }
  const fetch2 = appSetting === "fetch" && typeof target === "function" ? target : exported("fetch");
  if (typeof fetch2 !== "function") return void 0;
  interceptOnlyExported(fetch2);
  return { fetch: fetchHandler(fetch2) };
}
function whyNothing(module, target, key) {
  if (usesCluster()) {
    return 'it starts processes with node:cluster. Deploy it as a server of its own, such as --command "node server.js"; replicas are started by faas';
  }
  if (appSetting === "http") {
    return `expected it to listen on PORT within ${SERVER_LISTEN_MS / 1e3} s or to export an application, but it does neither`;
  }
  const listens = "A server has to call listen() while it loads, or be deployed with --app http";
  if (target === void 0) {
    const has = Object.keys(module).join(", ") || "nothing";
    const expected = handlerSetting ? `"${key}"` : EXPORTS2.map((each) => `"${each}"`).join(" or ");
    return `expected it to export ${expected}, but it exports ${has}. ${listens}`;
  }
  const got = target === null ? "null" : typeof target;
  if (appSetting === "fetch") return `expected "${key}" to have a function fetch, got ${got}`;
  return `expected "${key}" to be a function, an application or an object with fetch, got ${got}. ${listens}`;
}
function usesCluster() {
  const cluster = process.getBuiltinModule("node:cluster");
  const workers = Object.values(cluster.workers ?? {});
  for (const worker of workers) worker?.kill();
  return workers.length > 0;
}

// packages/wrappers/node/src/load-function.ts
var FILES = ["index", "main", "handler", "function", "app"];
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
  if (appSetting === "http") actAsEntryPoint(file);
  prepareSignature();
  const module = await importModule(file);
  return serviceWorker() ?? chooseFunction(module, file);
}
async function importModule(file, query = "") {
  try {
    return await import(pathToFileURL2(file).href + query);
  } catch (error) {
    if (query === "" && needsServiceWorker(error)) {
      defineServiceWorker();
      return importModule(file, "?service-worker");
    }
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
    const { main } = JSON.parse(readFileSync4(pathOf("package.json"), "utf8"));
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
import { createServer, ServerResponse } from "node:http";

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
  const { method = "GET", rawHeaders } = request;
  const headers = new Headers();
  for (let i = 0; i < rawHeaders.length; i += 2) headers.append(rawHeaders[i], rawHeaders[i + 1]);
  const encoding = request.headers["content-encoding"];
  let body;
  if (method !== "GET" && method !== "HEAD") {
    body = encoding === void 0 ? limitedChunks(chunksOf(request)) : decodedChunks(request, encoding);
    if (encoding !== void 0) for (const name of ["content-encoding", "content-length"]) headers.delete(name);
  }
  return new Request(addressOf(request), {
    method,
    headers,
    signal,
    ...body === void 0 ? {} : { body, duplex: "half" }
  });
}
function addressOf({ url = "/", headers }) {
  const first = (value) => String(value ?? "").split(",", 1)[0]?.trim();
  const protocol = first(headers["x-forwarded-proto"]) || "http";
  const host = first(headers["x-forwarded-host"]) || headers.host || "localhost";
  return `${protocol}://${host}${url.startsWith("/") ? url : "/"}`;
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
  if (!isWebResponse(result)) {
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
function isWebResponse(value) {
  if (value instanceof Response) return true;
  const { status, headers } = value ?? {};
  return typeof status === "number" && typeof headers?.get === "function";
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
    return sendBody2(call, result.status, headers, result.body);
  }
  if (result instanceof Response) return sendWebResponse(call, result);
  return sendBody2(call, void 0, {}, result);
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
  if (isStream2(body)) return sendBody2(call, status, headers, await removeMissingEncodingOf(body, headers, encoding));
  if (body !== void 0 && body !== null)
    removeMissingEncoding(headers, encoding, body instanceof ArrayBuffer ? new Uint8Array(body) : body);
  return sendBody2(call, status, headers, body);
}
function sendBody2(call, status, headers, body) {
  if (body === void 0 || body === null) return send(call, status ?? 204, headers, void 0);
  if (typeof body === "string") return send(call, status ?? 200, withType(headers, TEXT), body);
  if (ArrayBuffer.isView(body)) {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    return send(call, status ?? 200, withType(headers, BYTES), bytes);
  }
  if (body instanceof ArrayBuffer) return send(call, status ?? 200, withType(headers, BYTES), Buffer.from(body));
  if (isStream2(body)) return sendStream(call, status ?? 200, withType(headers, BYTES), body);
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
function isStream2(value) {
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

// packages/wrappers/node/src/websocket/function-socket.ts
var CLOSE_MS2 = 5e3;
var MAX_WAITING = 16;
var FunctionSocket = class {
  constructor(connection) {
    this.CONNECTING = 0;
    this.OPEN = 1;
    this.CLOSING = 2;
    this.CLOSED = 3;
    this.readyState = 0;
    this.protocol = "";
    this.extensions = "";
    this.binaryType = "nodebuffer";
    this.onopen = null;
    this.onmessage = null;
    this.onclose = null;
    this.onerror = null;
    this.#listeners = [];
    this.#decoder = new FrameDecoder(this);
    this.#hasSentClose = false;
    this.#waiting = [];
    this.#isIterated = false;
    this.#connection = connection;
  }
  #connection;
  #listeners;
  #decoder;
  #stream;
  /** Code and reason of the client's close frame, or of the function's failure. */
  #closed;
  #hasSentClose;
  #waiting;
  #wake;
  #isIterated;
  /** Accepts the WebSocket, by default with the first subprotocol that the client offers. */
  accept({ protocol = this.#connection.offered[0] ?? "" } = {}) {
    if (this.readyState !== this.CONNECTING) return;
    const { stream, head } = this.#connection.accept(protocol);
    this.protocol = protocol;
    this.#stream = stream;
    this.readyState = this.OPEN;
    stream.on("close", () => this.#onLost());
    stream.on("end", () => stream.end());
    setImmediate(() => {
      if (stream.destroyed) return;
      this.#emit({ type: "open", target: this });
      stream.on("data", (chunk) => this.#read(chunk));
      if (head.length > 0) this.#read(head);
    });
  }
  get bufferedAmount() {
    return this.#stream?.writableLength ?? 0;
  }
  /** @throws TypeError for data other than strings and bytes */
  send(data) {
    this.accept();
    const opcode = typeof data === "string" ? OPCODES.TEXT : OPCODES.BINARY;
    this.#write(frame(opcode, bytesOf(data)));
  }
  /**
   * Begins to close.
   *
   * @throws RangeError for an invalid code or a reason of more than 123 bytes
   */
  close(code = CLOSE.NORMAL, reason = "") {
    if (!isCloseCode(code))
      throw new RangeError(`Expected a close code from 1000 to 1014 or 3000 to 4999, got ${code}`);
    if (Buffer.byteLength(reason) > 123) throw new RangeError("Expected a reason of at most 123 bytes");
    this.accept();
    this.#close(code, reason);
  }
  addEventListener(name, listener2, options) {
    this.#listeners.push([name, listener2, options?.once === true]);
  }
  removeEventListener(name, listener2) {
    const index = this.#listeners.findIndex(([each, added]) => each === name && added === listener2);
    if (index >= 0) this.#listeners.splice(index, 1);
  }
  /** Iterates over the messages until the WebSocket closes. The client has to wait while many are unread. */
  async *[Symbol.asyncIterator]() {
    this.accept();
    this.#isIterated = true;
    for (; ; ) {
      const data = this.#waiting.shift();
      if (data !== void 0) {
        if (this.#waiting.length < MAX_WAITING) this.#stream?.resume();
        yield data;
      } else if (this.readyState >= this.CLOSING) return;
      else await new Promise((resolve) => this.#wake = resolve);
    }
  }
  onMessage(data) {
    if (this.readyState !== this.OPEN) return;
    if (this.#isIterated) {
      this.#waiting.push(data);
      if (this.#waiting.length >= MAX_WAITING) this.#stream?.pause();
      this.#wake?.();
    }
    this.#emit({ type: "message", target: this, data });
  }
  onPing(data) {
    this.#write(frame(OPCODES.PONG, data));
  }
  onClose(code, reason) {
    this.#closed ??= { code, reason };
    this.#close(code, "");
    this.#stream?.end();
  }
  /** Closes with 1011, because the function threw. */
  fail(error) {
    const { requestId } = this.#connection;
    console.error(JSON.stringify({ level: "error", requestId, message: messageOf(error) }));
    console.error(stackOf(error));
    this.#close(CLOSE.ERROR, "");
  }
  #read(chunk) {
    try {
      this.#decoder.write(chunk);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#closed = { code: error.code, reason: error.message };
      this.#emit({ type: "error", target: this, message: error.message });
      this.#close(error.code, error.message);
      this.#stream?.removeAllListeners("data");
      this.#stream?.resume();
      this.#stream?.end();
    }
  }
  #close(code, reason) {
    if (this.#hasSentClose || this.readyState === this.CLOSED) return;
    this.readyState = this.CLOSING;
    this.#write(closeFrame(code, reason));
    this.#hasSentClose = true;
    this.#wake?.();
    this.#stream?.resume();
    setTimeout(() => this.#stream?.destroy(), CLOSE_MS2).unref();
  }
  /** Ends the WebSocket when the connection is closed, with 1006 if no close frame came. */
  #onLost() {
    this.readyState = this.CLOSED;
    const { code, reason } = this.#closed ?? { code: CLOSE.LOST, reason: "" };
    this.#wake?.();
    this.#emit({ type: "close", target: this, code, reason, wasClean: code !== CLOSE.LOST });
  }
  #write(bytes) {
    if (this.#hasSentClose || this.#stream?.writable !== true) return;
    this.#stream.write(bytes);
  }
  #emit(event) {
    const added = this.#listeners.filter(([name]) => name === event.type);
    for (const [name, listener2, isOnce] of added) {
      if (isOnce) this.removeEventListener(name, listener2);
      this.#call(listener2, event);
    }
    const own = this[`on${event.type}`];
    if (typeof own === "function") this.#call(own, event);
  }
  /** Calls a listener. What it throws, or its promise's rejection, closes the WebSocket. */
  #call(listener2, event) {
    try {
      const result = listener2.call(this, event);
      if (result instanceof Promise) result.catch((error) => this.fail(error));
    } catch (error) {
      this.fail(error);
    }
  }
};
function bytesOf(data) {
  if (typeof data === "string" || data instanceof ArrayBuffer) return Buffer.from(data);
  if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  throw new TypeError(`Expected a string or bytes to send, got ${data === null ? "null" : typeof data}`);
}

// packages/wrappers/node/src/websocket/handshake.ts
var GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
var TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
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
function checkHandshake({ headers }) {
  if (headers["sec-websocket-version"] !== "13")
    throw new Problem("INVALID_REQUEST", "Expected Sec-WebSocket-Version to be 13");
  if (!/^[A-Za-z0-9+/]{22}==$/.test(headers["sec-websocket-key"] ?? ""))
    throw new Problem("INVALID_REQUEST", "Expected Sec-WebSocket-Key to be 16 bytes in Base64");
}
function offeredProtocols({ headers }) {
  const offered = headers["sec-websocket-protocol"]?.split(",").map((name) => name.trim()) ?? [];
  return offered.filter((name) => TOKEN.test(name));
}
function acceptance({ headers }, requestId, protocol) {
  const { createHash } = process.getBuiltinModule("node:crypto");
  const accept = createHash("sha1").update(headers["sec-websocket-key"] + GUID).digest("base64");
  const chosen = protocol === "" ? "" : `Sec-WebSocket-Protocol: ${protocol}\r
`;
  return `HTTP/1.1 101 Switching Protocols\r
Upgrade: websocket\r
Connection: Upgrade\r
Sec-WebSocket-Accept: ${accept}\r
${chosen}X-Request-Id: ${requestId}\r
\r
`;
}

// packages/wrappers/node/src/websocket/open-websocket.ts
function openWebSocket(call, upgrade, loaded2) {
  const { app, websocket, handler } = loaded2;
  const server = app?.server;
  if (server !== void 0 && server.listenerCount("upgrade") > 0) return openByApp(call, upgrade, server);
  if (websocket !== void 0) return openByFunction(call, upgrade, websocket);
  if (handler === void 0) return void 0;
  throw new Problem("UPGRADE_REQUIRED", 'The function does not accept WebSockets: it does not export "websocket"');
}
function openByApp(call, { socket, head }, server) {
  takeOver(call, socket);
  const answer = (problem) => isAnswered(socket) ? socket.destroy() : socket.end(rawProblem(problem, call.requestId));
  const timer = setTimeout(() => {
    const detail = `The application did not accept the WebSocket within ${timeoutMs} ms`;
    if (!isAnswered(socket)) answer(new Problem("FUNCTION_TIMEOUT", detail));
  }, timeoutMs);
  return new Promise((resolve, reject) => {
    socket.once("close", () => {
      clearTimeout(timer);
      resolve();
    });
    try {
      server.emit("upgrade", call.request, socket, head);
    } catch (error) {
      answer(new Problem("FUNCTION_ERROR", messageOf(error)));
      reject(error);
    }
  });
}
async function openByFunction(call, { socket, head }, websocket) {
  const { request, requestId } = call;
  checkHandshake(request);
  const closed = new Promise((resolve) => {
    socket.once("close", () => resolve());
  });
  const accept = (protocol) => {
    if (call.isLate || socket.destroyed) throw new Error("The WebSocket was closed before it was accepted");
    takeOver(call, socket);
    socket.write(acceptance(request, requestId, protocol));
    return { stream: socket, head };
  };
  const opened = new FunctionSocket({ requestId, offered: offeredProtocols(request), accept });
  try {
    const result = await websocket(opened, new FunctionEvent(request), call.context);
    if (opened.readyState !== opened.CONNECTING) await closed;
    else if (result !== void 0 && result !== null) await sendResult(call, result);
    else {
      opened.accept();
      await closed;
    }
  } catch (error) {
    if (opened.readyState === opened.CONNECTING) throw error;
    opened.fail(error);
    await closed;
  }
}
function takeOver(call, socket) {
  call.deadlines?.remove(call);
  call.response.detachSocket(socket);
  addOpenSocket(socket);
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
  if (handler === void 0) return handleOther(call, userFunction);
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
  return openWebSocket(call, call.upgrade, userFunction) ?? handle(call, userFunction);
}
async function handleOther(call, { app, fetch: fetch2, respond, problem }) {
  if (app !== void 0) return runApp(call, app);
  if (fetch2 !== void 0) return sendWebResponse(call, await fetch2(webRequestOf(call), call));
  if (respond !== void 0) return sendResult(call, await respond(call));
  throw problem ?? new Problem("UPGRADE_REQUIRED", "The function accepts only WebSockets");
}
function handleEvent(call, handler, event) {
  const result = handler(event, call.context);
  if (typeof result?.then !== "function") return sendResult(call, result);
  return Promise.resolve(result).then((value) => sendResult(call, value));
}
var lateCalls = 0;
function onTimeout(call) {
  const isApp = call.progress !== void 0;
  if (isApp && hasProgressed(call)) {
    deadlines.add(call);
    return;
  }
  const problem = new Problem("FUNCTION_TIMEOUT", `The function did not finish within ${timeoutMs} ms`);
  call.abort(problem);
  if (isApp) {
    answerForApp(call, problem);
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
  const answer = call.progress === void 0 ? sendProblem : answerForApp;
  if (error instanceof Problem) {
    if (!response.headersSent) answer(call, error);
    return;
  }
  if (response.destroyed || response.writableEnded && call.isAborted) return;
  console.error(JSON.stringify({ level: "error", requestId: call.requestId, message: messageOf(error) }));
  console.error(stackOf(error));
  if (response.headersSent) response.destroy();
  else answer(call, new Problem("FUNCTION_ERROR", messageOf(error)));
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
  socket.end(rawProblem(problem));
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
setUserPort();
var httpServer = createWrapperServer();
httpServer.listen(address);
httpServer.on("error", (error) => {
  console.error(`Cannot listen on ${address}: ${error.message}`);
  process.exit(1);
});
if (appSetting !== "function") interceptListen();
drainOnSigterm(httpServer);
exitOnUncaughtError();
