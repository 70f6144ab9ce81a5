import assert from "node:assert/strict";
import { test } from "node:test";
import { detectedSettings } from "../testing/detected-settings.ts";
import type { Files } from "../testing/source-folder.ts";

const manifest = (more: object, dependencies: readonly string[] = []) =>
  JSON.stringify({ dependencies: Object.fromEntries(dependencies.map((name) => [name, "*"])), ...more });
const EXPRESS =
  'const express = require("express");\nconst app = express();\napp.get("/", (req, res) => res.send("x"));\n';

/** Folders with what is detected: settings and description. */
const CASES: readonly (readonly [name: string, files: Files, expected: object])[] = [
  [
    "an Express app that listens, started by npm",
    {
      "package.json": manifest({ scripts: { start: "node server.js" } }, ["express"]),
      "server.js": `${EXPRESS}app.listen(process.env.PORT || 3000);`,
    },
    { app: "http", handler: "server.default", description: "Express app, server.js" },
  ],
  [
    "an Express app that is exported",
    { "app.js": `${EXPRESS}module.exports = app;` },
    { app: "http", handler: "app.default", description: "Express app, app.js" },
  ],
  [
    "an Express app with its server in bin/www",
    {
      "package.json": manifest({ scripts: { start: "node ./bin/www" } }),
      "app.js": `${EXPRESS}module.exports = app;`,
      "bin/www":
        '#!/usr/bin/env node\nvar app = require("../app");\nvar http = require("http");\nvar server = http.createServer(app);\nserver.listen(3000);',
    },
    { app: "http", handler: "bin/www.default", description: "Express app, bin/www" },
  ],
  [
    "an app whose entry only imports what listens",
    {
      "index.mjs": 'import "./lib/start.mjs";',
      "lib/start.mjs": 'import Koa from "koa";\nconst app = new Koa();\napp.listen(3000);',
    },
    { app: "http", handler: "index.default", description: "Koa app, index.mjs" },
  ],
  [
    "NestJS in TypeScript",
    {
      "package.json": manifest({ scripts: { start: "nest start", "start:prod": "node dist/main" } }, ["@nestjs/core"]),
      "src/main.ts":
        'import { NestFactory } from "@nestjs/core";\nimport { AppModule } from "./app.module";\nasync function bootstrap() {\n  const app = await NestFactory.create(AppModule);\n  await app.listen(process.env.PORT ?? 3000);\n}\nbootstrap();',
      "src/app.module.ts": 'import { Module } from "@nestjs/common";\n@Module({})\nexport class AppModule {}',
    },
    { app: "http", handler: "src/main.default", description: "Nest app, src/main.ts" },
  ],
  [
    "Fastify with a factory in another file",
    {
      "server.js":
        'const build = require("./build");\nconst app = build({ logger: true });\napp.listen({ port: 3000 });',
      "build.js":
        'const fastify = require("fastify");\nmodule.exports = function build(opts) { const app = fastify(opts); return app; };',
    },
    { app: "http", handler: "server.default", description: "Fastify app, server.js" },
  ],
  [
    "TypeScript compiled to CommonJS",
    {
      "package.json": manifest({ main: "dist/index.js" }),
      "dist/index.js":
        '"use strict";\nvar __importDefault = (this && this.__importDefault) || function (mod) { return mod; };\nObject.defineProperty(exports, "__esModule", { value: true });\nconst express_1 = __importDefault(require("express"));\nconst app = (0, express_1.default)();\nexports.default = app;',
    },
    { app: "http", handler: "dist/index.default", description: "Express app, dist/index.js" },
  ],
  [
    "node:http without a framework",
    { "index.js": 'require("node:http").createServer((req, res) => res.end("x")).listen(8080);' },
    { app: "http", handler: "index.default", description: "Node server, index.js" },
  ],
  [
    "an exported (req, res) function",
    { "index.js": 'module.exports = (req, res) => { res.setHeader("a", "b"); res.end("x"); };' },
    { app: "http", handler: "index.default", description: "Node server, index.js" },
  ],
  [
    "a Hono app",
    {
      "src/index.ts":
        'import { Hono } from "hono";\nconst app = new Hono();\napp.get("/", (c) => c.text("x"));\nexport default app;',
      "package.json": manifest({}, ["hono"]),
    },
    { app: "fetch", handler: "src/index.default", description: "Hono app, src/index.ts" },
  ],
  [
    "a Hono app that a server serves",
    {
      "index.mjs":
        'import { serve } from "@hono/node-server";\nimport { Hono } from "hono";\nconst app = new Hono();\nserve({ fetch: app.fetch, port: 3000 });',
    },
    { app: "http", handler: "index.default", description: "Hono app, index.mjs" },
  ],
  [
    "a fetch object with an environment",
    { "index.mjs": "export default { async fetch(request, env, ctx) { return new Response(env.X); } };" },
    { app: "fetch", handler: "index.default", description: "Fetch handler, index.mjs" },
  ],
  [
    "a function of Google's framework",
    {
      "index.js":
        'const functions = require("@google-cloud/functions-framework");\nfunctions.http("hello", (req, res) => { res.send("x"); });',
    },
    { signature: "gcf", handler: "index.hello", description: "Google Cloud function, index.js" },
  ],
  [
    "an exported function with Express's response",
    { "index.js": "exports.helloWorld = (req, res) => { res.status(200).send(req.query.name); };" },
    { signature: "gcf", handler: "index.helloWorld", description: "Google Cloud function, index.js" },
  ],
  [
    "a Lambda function by its result",
    { "index.js": "exports.handler = async (event) => ({ statusCode: 200, body: JSON.stringify(event) });" },
    { signature: "lambda", handler: "index.handler", description: "AWS Lambda function, index.js" },
  ],
  [
    "a Lambda function as the console of AWS writes it",
    {
      "index.mjs":
        "export const handler = async (event) => {\n  const response = { statusCode: 200, body: JSON.stringify('x') };\n  return response;\n};",
    },
    { signature: "lambda", handler: "index.handler", description: "AWS Lambda function, index.mjs" },
  ],
  [
    "a Lambda function by its types",
    {
      "index.ts":
        'import type { Handler } from "aws-lambda";\nexport const handler: Handler = async (event) => run(event);',
      "package.json": '{"devDependencies":{"@types/aws-lambda":"*"}}',
    },
    { signature: "lambda", handler: "index.handler", description: "AWS Lambda function, index.ts" },
  ],
  [
    "a plugin that Fastify's own program serves",
    {
      "app.js": "module.exports = async function (fastify, options) {};",
      "package.json": manifest({ scripts: { start: "fastify start app.js" } }, ["fastify", "fastify-cli"]),
    },
    { app: "server", command: "fastify start app.js", description: "Fastify server, npm start: fastify start app.js" },
  ],
  [
    "a function in a project that builds for browsers",
    {
      "index.mjs": "export const handler = () => 1;",
      "package.json": '{"scripts":{"build":"vite build"},"devDependencies":{"vite":"*"}}',
    },
    { description: "Node function, index.mjs" },
  ],
  [
    "a Lambda function with a callback",
    { "index.js": "exports.handler = function (event, context, callback) { callback(null, {}); };" },
    { signature: "lambda", handler: "index.handler", description: "AWS Lambda function, index.js" },
  ],
  [
    "a Lambda function by the name of its export",
    { "app.mjs": "export const lambdaHandler = async (event, context) => { return respond(event); };" },
    { signature: "lambda", handler: "app.lambdaHandler", description: "AWS Lambda function, app.mjs" },
  ],
  [
    "an OpenFaaS function",
    {
      "handler.js":
        "'use strict'\nmodule.exports = async (event, context) => context.status(200).succeed({ body: event.body })",
    },
    { signature: "openfaas", handler: "handler.default", description: "OpenFaaS function, handler.js" },
  ],
  [
    "Next.js by npm start",
    {
      "package.json": manifest({ scripts: { build: "next build", start: "next start" } }, ["next"]),
      ".next/BUILD_ID": "1",
    },
    { app: "server", command: "next start", description: "Next.js server, npm start: next start" },
  ],
  [
    "a native server",
    {
      "package.json": manifest({ scripts: { start: "node app.js" } }),
      "app.js": 'require("uWebSockets.js").App().listen(3000, () => {});',
    },
    { app: "server", command: "node app.js", description: "Node server, app.js" },
  ],
  [
    "arguments that change what a file does",
    {
      "package.json": manifest({ scripts: { start: "node cli.js serve --all" } }),
      "cli.js": 'require("http").createServer().listen(3000);',
    },
    { app: "server", command: "node cli.js serve --all", description: "Node server, cli.js" },
  ],
  [
    "tsx and an env file in npm start",
    {
      "package.json": manifest({ scripts: { start: "NODE_ENV=production tsx --env-file=.env src/server.ts" } }),
      "src/server.ts": `import express from "express";\nconst app = express();\napp.listen(Number(process.env.PORT));`,
    },
    { app: "http", handler: "src/server.default", description: "Express app, src/server.ts" },
  ],
  [
    "a build in front of the server, whose output is missing",
    {
      "package.json": manifest({ scripts: { build: "tsc", start: "npm run build && node dist/server.js" } }),
      "src/server.ts": `import express from "express";\nconst app = express();\napp.listen(Number(process.env.PORT));`,
    },
    { app: "http", handler: "src/server.default", description: "Express app, src/server.ts" },
  ],
  [
    "a plain function",
    { "index.mjs": "export const handler = (event) => event.body;" },
    { description: "Node function, index.mjs" },
  ],
  [
    "a plain default function",
    { "index.mjs": "export default async (event, context) => ({ a: 1 });" },
    { description: "Node function, index.mjs" },
  ],
  [
    "a plain function in TypeScript",
    { "index.ts": "export function handler(event: { body: string }): string { return event.body; }" },
    { description: "TypeScript function, index.ts" },
  ],
  [
    "a plain object with fetch",
    { "index.mjs": "export default { fetch(request, context) { return new Response(context.requestId); } };" },
    { description: "Node function, index.mjs" },
  ],
  [
    "a plain function beside a local server",
    {
      "index.js": "exports.handler = async (event) => event.body;",
      "package.json": manifest({ scripts: { start: "node local.js" } }),
      "local.js": `${EXPRESS}app.listen(1);`,
    },
    { description: "Node function, index.js" },
  ],
  [
    "a function that uses an emitter",
    {
      "index.mjs": 'import { bus } from "./bus.mjs";\nbus.listen("x", () => {});\nexport default (event) => 1;',
      "bus.mjs": "export const bus = make();",
    },
    { description: "Node function, index.mjs" },
  ],
  [
    "a Procfile with Node",
    { Procfile: "web: node server.js\nworker: node worker.js\n", "server.js": `${EXPRESS}app.listen(1);` },
    { app: "http", handler: "server.default", description: "Express app, server.js" },
  ],
  [
    "a Procfile with npm start",
    {
      Procfile: "web: npm start\n",
      "package.json": manifest({ scripts: { start: "node server.js" } }),
      "server.js": `${EXPRESS}app.listen(1);`,
    },
    { app: "http", handler: "server.default", description: "Express app, server.js" },
  ],
];

for (const [name, files, expected] of CASES)
  test(`detects ${name}`, async () => {
    assert.deepEqual(await detectedSettings(files), expected);
  });
