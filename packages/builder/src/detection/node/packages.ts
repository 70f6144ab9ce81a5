/** Packages whose use says how a Node module serves requests. */

/** A package's function or class: its name in the package, and the default export as "". */
interface PackageExport {
  readonly name: string;
  readonly exports: readonly string[];
}

const of = (name: string, ...exports: string[]): PackageExport => ({ name, exports });

/** Functions and classes that create a server or an app that is called with `(request, response)`, by package. */
const HTTP_APPS: Readonly<Record<string, PackageExport>> = {
  express: of("Express", ""),
  fastify: of("Fastify", "", "fastify", "Fastify"),
  koa: of("Koa", ""),
  "@nestjs/core": of("Nest", "NestFactory.create", "NestFactory.createApplicationContext"),
  "@hapi/hapi": of("hapi", "server", "Server"),
  polka: of("Polka", ""),
  restify: of("Restify", "createServer"),
  connect: of("Connect", ""),
  "@feathersjs/express": of("Feathers", ""),
  "@feathersjs/koa": of("Feathers", "koa"),
  "graphql-yoga": of("GraphQL Yoga", "createYoga"),
  "find-my-way": of("Node", ""),
  h3: of("h3", "toNodeListener", "toNodeHandler"),
  "@hono/node-server": of("Hono", "getRequestListener", "createAdaptorServer"),
  micro: of("Micro", "", "serve"),
  next: of("Next.js", ""),
  "json-server": of("JSON Server", "create"),
  http: of("Node", "createServer", "Server"),
  https: of("Node", "createServer", "Server"),
  http2: of("Node", "createServer", "createSecureServer"),
};

/** Functions and classes that create an object with a web-standard `fetch`. */
const FETCH_APPS: Readonly<Record<string, PackageExport>> = {
  hono: of("Hono", "Hono"),
  "hono/quick": of("Hono", "Hono"),
  "hono/tiny": of("Hono", "Hono"),
  "@hono/zod-openapi": of("Hono", "OpenAPIHono"),
  elysia: of("Elysia", "Elysia", ""),
  h3: of("h3", "H3"),
  "itty-router": of("itty-router", "AutoRouter", "Router", "IttyRouter"),
  "@whatwg-node/server": of("Fetch", "createServerAdapter"),
};

/** Functions that listen by themselves. */
const LISTENERS: Readonly<Record<string, PackageExport>> = {
  "@hono/node-server": of("Hono", "serve"),
  "@apollo/server/standalone": of("Apollo Server", "startStandaloneServer"),
  srvx: of("srvx", "serve"),
  h3: of("h3", "serve"),
  ws: of("Node", "WebSocketServer", "Server"),
  "socket.io": of("Socket.IO", "Server"),
};

/** Functions that turn an app or a handler into the handler of AWS Lambda. */
const LAMBDA_ADAPTERS: Readonly<Record<string, PackageExport>> = {
  "serverless-http": of("", ""),
  "@vendia/serverless-express": of("", "", "configure"),
  "@codegenie/serverless-express": of("", "", "configure"),
  "@fastify/aws-lambda": of("", ""),
  "hono/aws-lambda": of("", "handle", "streamHandle"),
  "@middy/core": of("", ""),
  "@as-integrations/aws-lambda": of("", "startServerAndCreateLambdaHandler"),
};

/** Packages whose servers Node's own `listen` does not see. */
export const NATIVE_SERVERS = new Set(["uWebSockets.js", "hyper-express", "ultimate-express"]);

/** Meaning of a call of a package's function or class. */
export interface PackageCall {
  readonly kind: "http" | "fetch" | "listener" | "lambda";
  readonly framework: string;
}

const TABLES = { http: HTTP_APPS, fetch: FETCH_APPS, listener: LISTENERS, lambda: LAMBDA_ADAPTERS } as const;

/** Returns what a call of a package's export creates; undefined if that is not known. */
export function packageCall(specifier: string, path: readonly string[]): PackageCall | undefined {
  const name = specifier.replace(/^node:|^npm:/, "");
  const exported = path.filter((part) => part !== "default" && part !== "*").join(".");
  for (const [kind, table] of Object.entries(TABLES) as [PackageCall["kind"], typeof HTTP_APPS][]) {
    const found = Object.hasOwn(table, name) ? table[name] : undefined;
    if (found?.exports.includes(exported)) return { kind, framework: found.name };
  }
  return undefined;
}

/** Names of frameworks for servers that the folder's own code only starts, the more specific ones first. */
const BY_DEPENDENCY: readonly (readonly [dependency: string, name: string])[] = [
  ["next", "Next.js"],
  ["nuxt", "Nuxt"],
  ["@remix-run/serve", "Remix"],
  ["@react-router/serve", "React Router"],
  ["@sveltejs/kit", "SvelteKit"],
  ["astro", "Astro"],
  ["@angular/ssr", "Angular"],
  ["@strapi/strapi", "Strapi"],
  ["@nestjs/core", "Nest"],
  ["vite", "Vite"],
  ["fastify", "Fastify"],
  ["koa", "Koa"],
  ["@hapi/hapi", "hapi"],
  ["hono", "Hono"],
  ["polka", "Polka"],
  ["restify", "Restify"],
  ["express", "Express"],
];

/** Returns the name of the framework that a project depends on. */
export const frameworkOf = (dependencies: Readonly<Record<string, string>>): string | undefined =>
  BY_DEPENDENCY.find(([dependency]) => Object.hasOwn(dependencies, dependency))?.[1];
