import type { App, Signature } from "@faas/core";
import { type Assignment, callsIn, type PythonModule as Module, type PythonFunction, splitAt } from "./module.ts";
import type { Token } from "./tokens.ts";

/** How a Python module serves requests. */
export interface PythonApp {
  readonly app: App;
  readonly signature?: Signature;
  /** Attribute that serves; absent for a plain function, and for a server. */
  readonly attribute?: string;
  /** Framework, or empty if none is known. */
  readonly framework: string;
}

/** A module with what is known of the names that it imports from other modules of the folder. */
export interface AnalyzedModule extends Module {
  /** Apps and factories by their dotted name. */
  readonly known: ReadonlyMap<string, Framework & { readonly isFactory: boolean }>;
}
type PythonModule = AnalyzedModule;

export interface Framework {
  readonly app: "wsgi" | "asgi";
  readonly framework: string;
}

const wsgi = (framework: string): Framework => ({ app: "wsgi", framework });
const asgi = (framework: string): Framework => ({ app: "asgi", framework });

/** Apps that functions and classes create, by their dotted name. */
const FRAMEWORKS: Readonly<Record<string, Framework>> = {
  "flask.Flask": wsgi("Flask"),
  "apiflask.APIFlask": wsgi("APIFlask"),
  "flask_openapi3.OpenAPI": wsgi("Flask"),
  "bottle.Bottle": wsgi("Bottle"),
  "bottle.default_app": wsgi("Bottle"),
  "bottle.app": wsgi("Bottle"),
  "django.core.wsgi.get_wsgi_application": wsgi("Django"),
  "django.core.asgi.get_asgi_application": asgi("Django"),
  "django.core.handlers.wsgi.WSGIHandler": wsgi("Django"),
  "channels.routing.ProtocolTypeRouter": asgi("Django"),
  "falcon.App": wsgi("Falcon"),
  "falcon.API": wsgi("Falcon"),
  "falcon.asgi.App": asgi("Falcon"),
  "pyramid.config.Configurator.make_wsgi_app": wsgi("Pyramid"),
  "cherrypy.Application": wsgi("CherryPy"),
  "cherrypy.tree.mount": wsgi("CherryPy"),
  "web.application.wsgifunc": wsgi("web.py"),
  "connexion.App": asgi("Connexion"),
  "connexion.FlaskApp": asgi("Connexion"),
  "connexion.AsyncApp": asgi("Connexion"),
  "fastapi.FastAPI": asgi("FastAPI"),
  "starlette.applications.Starlette": asgi("Starlette"),
  "litestar.Litestar": asgi("Litestar"),
  "starlite.Starlite": asgi("Starlite"),
  "quart.Quart": asgi("Quart"),
  "sanic.Sanic": asgi("Sanic"),
  "blacksheep.Application": asgi("BlackSheep"),
  "blacksheep.server.Application": asgi("BlackSheep"),
  "aioflask.Flask": asgi("aioflask"),
  "esmerald.Esmerald": asgi("Esmerald"),
  "lilya.apps.Lilya": asgi("Lilya"),
  "ninja.NinjaAPI": asgi("Django"),
  "socketio.ASGIApp": asgi("Socket.IO"),
  "socketio.WSGIApp": wsgi("Socket.IO"),
  "asgiref.wsgi.WsgiToAsgi": asgi(""),
  "a2wsgi.ASGIMiddleware": wsgi(""),
  "a2wsgi.WSGIMiddleware": asgi(""),
};
/** Objects that only a server of their own runs. */
const OTHER_SERVERS: Readonly<Record<string, string>> = {
  "aiohttp.web.Application": "aiohttp",
  "tornado.web.Application": "Tornado",
  "robyn.Robyn": "Robyn",
};
/** Functions that serve until the process ends. */
const SERVING =
  /(?:^|\.)(?:serve_forever|run_app|run_simple|run_forever|quickstart|run_server|serve|run_until_complete|launch)$|^(?:uvicorn|hypercorn|waitress|bottle|asyncio|cherrypy|gevent|eventlet)\.|\.(?:run|start|listen)$/;

/** Names that apps have by habit, the first one counts. */
const APP_NAMES = ["app", "application", "api", "server", "asgi_app", "wsgi_app", "web_app", "main_app"];
const FACTORIES = /^(?:create_|make_|build_|get_)\w*(?:app|application|api)$|^(?:app_factory|factory|create_app)$/;

/** Recognizes an app or a factory by its name, for a module that imports it. */
export function namedApp(
  name: string,
  module: AnalyzedModule,
): (Framework & { readonly isFactory: boolean }) | undefined {
  const assignment = module.assignments.get(name);
  const framework = assignment ? frameworkOfAssignment(assignment, module) : undefined;
  if (framework) return { ...framework, isFactory: false };
  const made = module.functions.get(name);
  const factoryOf = made && frameworkOfFunction(made, module);
  if (factoryOf) return { ...factoryOf, isFactory: true };
  const own = lookUp(name, module);
  if (own) return { ...own, isFactory: true };
  return module.known.get(module.imports.get(name) ?? "");
}

/** Recognizes what a module serves; undefined if nothing is recognized. */
export function appOfPythonModule(module: PythonModule, file: string): PythonApp | undefined {
  const handler = functionHandler(module, file);
  if (handler && (handler.signature !== undefined || handler.attribute === undefined)) {
    // `handler = Mangum(app)` is beside the app that it wraps.
    const app = instance(module);
    return app && !module.functions.has("handler") && handler.signature !== "gcf" ? app : handler;
  }
  return instance(module) ?? callable(module) ?? factory(module) ?? mainFunction(module) ?? ownServer(module);
}

function instance(module: PythonModule): PythonApp | undefined {
  const found = new Map<string, PythonApp>();
  for (const [name, dotted] of module.imports) {
    const { app, framework, isFactory = true } = module.known.get(dotted) ?? {};
    if (app !== undefined && framework !== undefined && !isFactory)
      found.set(name, { app, framework, attribute: name });
  }
  for (const [name, assignment] of module.assignments) {
    const framework = frameworkOfAssignment(assignment, module);
    if (framework) found.set(name, { ...framework, attribute: name });
  }
  // The last one wraps the others: `application = WhiteNoise(app)`, `asgi = ASGIApp(sio, app)`.
  const wrapping = [...found].find(([name, { attribute }]) => name === attribute && isWrapped(name, module, found));
  const usual = APP_NAMES.find((name) => found.has(name));
  return wrapping?.[1] ?? (usual === undefined ? [...found.values()][0] : found.get(usual));
}

/** Returns true for an assignment that calls something with another app. */
function isWrapped(name: string, module: PythonModule, apps: ReadonlyMap<string, PythonApp>): boolean {
  const { tokens = [], isCall = false } = module.assignments.get(name) ?? {};
  return (
    isCall &&
    tokens
      .slice(1)
      .some(({ kind, text }, i) => kind === "name" && text !== name && apps.has(text) && tokens[i]?.text !== ".")
  );
}

function frameworkOfAssignment(assignment: Assignment, module: PythonModule, depth = 0): Framework | undefined {
  const { source, isCall, tokens } = assignment;
  const known = lookUp(source, module);
  if (known && (isCall || module.known.get(source)?.isFactory === false)) return known;
  if (depth > 5) return undefined;
  const [first = "", ...members] = source.split(".");
  const other = module.assignments.get(first);
  if (other && other !== assignment) {
    if (other.source === "dash.Dash" && members.join(".") === "server") return wsgi("Dash");
    const inner = frameworkOfAssignment(other, module, depth + 1);
    // `config.make_wsgi_app()` and the app itself under another name.
    const method = lookUp([other.source, ...members].join("."), module);
    if (method) return method;
    if (inner && members.length === 0) return inner;
  }
  // A factory of the same module: `app = create_app()`.
  const made = isCall ? module.functions.get(source) : undefined;
  if (made) return frameworkOfFunction(made, module);
  // A middleware around an app: `application = ProxyFix(app)`.
  return isCall ? wrappedFramework(tokens, assignment, module, depth) : undefined;
}

function wrappedFramework(
  tokens: readonly Token[],
  assignment: Assignment,
  module: PythonModule,
  depth: number,
): Framework | undefined {
  if (/(?:Mangum|Router|Blueprint|Api|Migrate|SQLAlchemy|TestClient|Limiter|CORS|run|Thread)$/.test(assignment.source))
    return undefined;
  if (
    !/(?:Middleware|ProxyFix|WhiteNoise|Dispatcher|App|Application|wrap\w*|Instrumentor|Cors|CORS\w+)$/i.test(
      assignment.source,
    )
  )
    return undefined;
  for (const [first] of splitAt(tokens.slice(tokens.findIndex(({ text }) => text === "(") + 1, -1), ",")) {
    const other = first?.kind === "name" ? module.assignments.get(first.text) : undefined;
    const framework = other && other !== assignment ? frameworkOfAssignment(other, module, depth + 1) : undefined;
    if (framework) return framework;
  }
  return undefined;
}

/** Looks up a class or function, also one of the module that derives from a known one. */
function lookUp(source: string, module: PythonModule): Framework | undefined {
  if (Object.hasOwn(FRAMEWORKS, source)) return FRAMEWORKS[source];
  const imported = module.known.get(source);
  if (imported) return { app: imported.app, framework: imported.framework };
  const own = module.classes.get(source);
  if (!own) return undefined;
  const call = own.methods.get("__call__")?.parameters;
  if (call?.join() === "self,scope,receive,send") return asgi("");
  if (call?.join() === "self,environ,start_response") return wsgi("");
  return own.bases.map((base) => lookUp(base, module)).find((each) => each !== undefined);
}

function frameworkOfFunction({ body }: PythonFunction, module: PythonModule): Framework | undefined {
  return callsIn(body, module)
    .map((name) => lookUp(name, module))
    .find((each) => each !== undefined);
}

/** Recognizes a function or a class that is an application by itself. */
function callable(module: PythonModule): PythonApp | undefined {
  for (const [name, { parameters, isAsync }] of module.functions) {
    if (
      parameters.length === 2 &&
      /^_?environ$|^env$/.test(parameters[0] ?? "") &&
      /^_?start_resp/.test(parameters[1] ?? "")
    )
      return { app: "wsgi", attribute: name, framework: "" };
    if (isAsync && parameters.join() === "scope,receive,send") return { app: "asgi", attribute: name, framework: "" };
  }
  return undefined;
}

function factory(module: PythonModule): PythonApp | undefined {
  for (const [name, each] of module.functions) {
    if (!FACTORIES.test(name) || each.parameters.length > 0 || each.isAsync) continue;
    const framework = frameworkOfFunction(each, module);
    if (framework) return { ...framework, attribute: name };
  }
  return undefined;
}

/** Recognizes functions of faas and of other platforms. */
function functionHandler(module: PythonModule, file: string): PythonApp | undefined {
  const { functions, assignments } = module;
  for (const [name, { decorators }] of functions) {
    if (decorators.some((each) => /^functions_framework\.(?:http|typed)/.test(each))) return signature("gcf", name);
    if (decorators.some((each) => /^functions_framework\.cloud_event/.test(each)))
      return signature("cloudevents", name);
  }
  if (functions.has("lambda_handler") || assignments.has("lambda_handler"))
    return signature("lambda", "lambda_handler");
  if (assignments.get("handler")?.source === "mangum.Mangum") return signature("lambda", "handler");
  const handler = functions.get("handler");
  if (handler) return isLambda(handler) ? signature("lambda", "handler") : { app: "function", framework: "" };
  if (assignments.has("handler") || module.imports.has("handler")) return { app: "function", framework: "" };
  if (/(?:^|\/)handler(?:\/__init__)?\.py$/.test(file) && functions.has("handle"))
    return signature("openfaas", "handle");
  const main = functions.get("main");
  if (main && isLambda(main)) return signature("lambda", "main");
  if (main && main.parameters.length > 0) return { app: "function", framework: "" };
  const requests = [...functions].filter(
    ([, each]) => each.parameters.join() === "request" && each.decorators.length === 0,
  );
  const [only] = requests;
  if (only && requests.length === 1 && /(?:^|\/)main\.py$/.test(file) && !instance(module))
    return signature("gcf", only[0]);
  return undefined;
}

const signature = (name: Signature, attribute: string): PythonApp => ({
  ...{ app: "function", signature: name, attribute, framework: "" },
});

/** Returns true if a function returns a dictionary with `statusCode`, or reads what only Lambda's events have. */
function isLambda({ body, parameters }: PythonFunction): boolean {
  if (parameters.length !== 2) return false;
  const [event, context] = parameters;
  const fields =
    /^(?:requestContext|rawPath|rawQueryString|queryStringParameters|pathParameters|httpMethod|isBase64Encoded|Records)$/;
  return body.some(({ tokens }) =>
    tokens.some(({ kind, text }, i) => {
      if (kind === "name")
        return (
          text === context &&
          /^(?:aws_request_id|function_name|invoked_function_arn|get_remaining_time_in_millis)$/.test(
            tokens[i + 2]?.text ?? "",
          )
        );
      if (kind !== "string") return false;
      if (text === "statusCode") return tokens[i + 1]?.text === ":";
      const isKey = tokens[i - 2]?.text === event && tokens[i - 1]?.text === "[";
      const isGet = tokens[i - 4]?.text === event && tokens[i - 2]?.text === "get";
      return fields.test(text) && (isKey || isGet);
    }),
  );
}

/** A function `main` without parameters is mostly a script's, but what the wrapper calls too. */
function mainFunction(module: PythonModule): PythonApp | undefined {
  return module.functions.has("main") && module.mainBlock.length === 0 ? { app: "function", framework: "" } : undefined;
}

/** Recognizes a module that serves by itself when it is run. */
function ownServer(module: PythonModule): PythonApp | undefined {
  const framework = [...module.assignments.values()].map(({ source }) => OTHER_SERVERS[source]).find((each) => each);
  const started = callsIn(module.mainBlock.length > 0 ? module.mainBlock : topLines(module), module);
  const isServing = started.some((call) => SERVING.test(call));
  const callsMain = module.mainBlock.length > 0 && callsIn(module.lines, module).some((call) => SERVING.test(call));
  const usesServer = [...module.imports.values()].some((name) =>
    /^(?:http\.server|socketserver|wsgiref|aiohttp|tornado|socket|xmlrpc|grpc|websockets|uvicorn|waitress|cherrypy|gradio|dash|werkzeug|twisted|gevent|flask|bottle|fastapi|starlette|quart|sanic)\b/.test(
      name,
    ),
  );
  return (isServing || callsMain) && (framework !== undefined || usesServer)
    ? { app: "server", framework: framework ?? "" }
    : undefined;
}

const topLines = ({ lines }: PythonModule) => lines.filter(({ indent }) => indent === 0);
