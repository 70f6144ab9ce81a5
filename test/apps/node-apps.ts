import assert from "node:assert/strict";
import type { App } from "./deployed-app.ts";

/** Applications for Node. */
export const nodeApps: readonly App[] = [
  {
    name: "express-rest",
    description: "Express app, server.js",
    quick: true,
    async check(app) {
      assert.deepEqual(await app.json("/todos"), [{ id: "1", title: "Write a test" }]);
      const created = await app.fetch("/todos", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"title":"More"}',
      });
      assert.deepEqual([created.status, await created.json()], [201, { id: "2", title: "More" }]);
      assert.match(created.headers.get("location") ?? "", /\/todos\/2$/);
      assert.deepEqual(await app.json("/todos/9", undefined, 404), { error: "no such todo" });
      assert.deepEqual(await app.json("/todos", { title: "fail" }, 500), { error: "refused" });
      const home = await app.fetch("/", { headers: { cookie: "visited=yes" } });
      assert.match(home.headers.get("set-cookie") ?? "", /^visited=yes/);
      assert.match(await home.text(), /Welcome back/);
      const style = await app.fetch("/assets/style.css");
      assert.match(style.headers.get("content-type") ?? "", /^text\/css/);
      assert.match(await app.text("/nothing", { status: 404 }), /Cannot GET \/nothing/);
    },
  },
  {
    name: "express-exported",
    description: "Express app, app.js",
    async check(app) {
      assert.match(await app.text("/?name=%3Cb%3E"), /Hello, &lt;b&gt;/);
      const form = await app.fetch("/form", { method: "POST", body: new URLSearchParams({ name: "Ada" }) });
      assert.equal(form.status, 303);
      const next = await fetch(new URL(form.headers.get("location") ?? "", `${app.address}/form`));
      assert.match(await next.text(), /Hello, Ada/);
    },
  },
  {
    name: "express-typescript",
    description: "Express app, src/main.ts",
    async check(app) {
      assert.deepEqual(await app.json("/orders/1"), { id: 1, item: "book" });
      assert.deepEqual(await app.json("/orders", { item: "pen" }, 201), { id: 2, item: "pen" });
    },
  },
  {
    name: "fastify-listen",
    description: "Fastify app, index.mjs",
    async check(app) {
      const response = await app.fetch("/items/5");
      assert.equal(response.headers.get("x-inventory"), "1");
      assert.deepEqual(await response.json(), { id: 5, stock: 3 });
      assert.match(await app.text("/items/x", { status: 400 }), /must be integer/);
    },
  },
  {
    name: "fastify-exported",
    description: "Fastify app, app.js",
    async check(app) {
      const all = await Promise.all(Array.from({ length: 5 }, () => app.json("/accounts/7")));
      for (const account of all) assert.deepEqual(account, { id: "7", owner: "Ada" });
      assert.deepEqual(await app.json("/accounts/8", undefined, 404), { error: "unknown account" });
    },
  },
  {
    name: "koa-middleware",
    description: "Koa app, src/index.js",
    async check(app) {
      const response = await app.fetch("/notes");
      assert.match(response.headers.get("x-response-time") ?? "", /^\d+ms$/);
      assert.deepEqual(await response.json(), [{ id: 1, text: "remember" }]);
      assert.equal(await app.text("/notes/4", { status: 404 }), "no such note");
      assert.equal((await app.fetch("/notes", { method: "DELETE" })).status, 405);
    },
  },
  {
    name: "nest",
    description: "Nest app, src/main.ts",
    async check(app) {
      assert.deepEqual(await app.json("/cats"), ["Tom"]);
      assert.equal(await app.text("/cats/0"), "Tom");
      assert.match(await app.text("/cats/x", { status: 400 }), /numeric string is expected/);
      assert.match(await app.text("/cats/3", { status: 404 }), /Not Found/);
    },
  },
  {
    name: "polka",
    description: "Polka app, server.js",
    async check(app) {
      assert.equal(await app.text("/quotes/Ada"), "A quote by Ada");
      assert.equal((await app.fetch("/none")).status, 404);
    },
  },
  {
    name: "hapi",
    description: "hapi app, lib/server.js",
    async check(app) {
      assert.deepEqual(await app.json("/hello/Grace"), { hello: "Grace" });
    },
  },
  {
    name: "hono-node-server",
    description: "Hono app, index.js",
    quick: true,
    async check(app) {
      const response = await app.fetch("/");
      assert.equal(response.headers.get("access-control-allow-origin"), "*");
      assert.equal(await response.text(), "Hello Hono!");
      assert.deepEqual(await app.json("/echo", { a: [1] }), { a: [1] });
    },
  },
  {
    name: "hono-exported",
    description: "Hono app, src/index.tsx",
    async check(app) {
      assert.match(await app.text("/"), /<h1>Hono<\/h1>/);
      assert.equal(await app.text("/stream"), "one two three");
    },
  },
  {
    name: "cloudflare-worker",
    description: "Cloudflare Worker, src/worker.js",
    quick: true,
    async check(app) {
      assert.deepEqual(await app.json("/greeting"), { greeting: "from wrangler.toml", url: "/greeting" });
      assert.deepEqual(await app.json("/later"), { background: 0 });
      while (((await app.json("/background")) as { background: number }).background === 0);
    },
  },
  {
    name: "node-http-websocket",
    description: "Node server, server.js",
    quick: true,
    async check(app) {
      assert.equal(await app.text("/a?b=c"), "GET /a?b=c");
      const [one, other] = [await app.socket("/chat"), await app.socket("/chat")];
      assert.deepEqual([await one.next(), await other.next()], ["welcome", "welcome"]);
      one.send("hello");
      assert.deepEqual([await one.next(), await other.next()], ["hello", "hello"]);
      other.send(new Uint8Array(70_000).fill(7));
      assert.equal(((await one.next()) as ArrayBuffer).byteLength, 70_000);
      assert.deepEqual([(await one.close()).code, (await other.close()).code], [1000, 1000]);
    },
  },
  {
    name: "socket-io",
    description: "Express app, index.js",
    async check(app) {
      assert.equal(await app.text("/"), "live");
      const handshake = await app.text("/socket.io/?EIO=4&transport=polling");
      assert.match(handshake, /^0\{"sid":/);
      const socket = await app.socket("/socket.io/?EIO=4&transport=websocket");
      assert.match(String(await socket.next()), /^0\{"sid":/);
      socket.send("40");
      assert.match(String(await socket.next()), /^40\{"sid":/);
      socket.send('421["ping"]');
      assert.equal(await socket.next(), '431["pong"]');
      await socket.close();
    },
  },
  {
    name: "graphql-yoga",
    description: "GraphQL Yoga app, server.mjs",
    async check(app) {
      const { data } = (await app.json("/graphql", { query: '{ hello(name: "Ada") }' })) as { data: unknown };
      assert.deepEqual(data, { hello: "Hello, Ada" });
    },
  },
  {
    name: "npm-start-server",
    description: "npm start",
    async check(app) {
      assert.match(await app.text("/"), /Served by a package/);
    },
  },
  {
    name: "procfile-node",
    description: "Node server, Procfile: node --stack-trace-limit=20 bin/www.js --verbose",
    quick: true,
    async check(app) {
      assert.equal(await app.text("/"), "pong 20");
    },
  },
  {
    name: "lambda-node",
    description: "AWS Lambda function, index.js",
    quick: true,
    async check(app) {
      assert.equal(await app.text("/"), "binary");
      const response = await app.fetch("/orders", { method: "POST", body: '{"name":"Ada"}' });
      assert.deepEqual(response.headers.getSetCookie(), ["session=1; Path=/", "theme=dark"]);
      assert.deepEqual(
        [response.status, await response.json()],
        [201, { name: "Ada", path: "/orders", remaining: true }],
      );
    },
  },
  {
    name: "gcf-node",
    description: "Google Cloud function, index.js",
    async check(app) {
      assert.equal(await app.text("/?name=Ada"), "Hello Ada!");
      const init = { method: "POST", headers: { "content-type": "application/json" }, body: '{"name":"Grace"}' };
      assert.equal(await app.text("/", init), "Hello Grace!");
    },
  },
  {
    name: "openfaas-node",
    description: "OpenFaaS function, handler.js",
    quick: true,
    async check(app) {
      assert.deepEqual(await app.json("/", { a: 1 }), { body: { a: 1 }, type: "application/json" });
    },
  },
];
