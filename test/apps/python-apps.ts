import assert from "node:assert/strict";
import type { App } from "./deployed-app.ts";

/** Applications for Python. */
export const pythonApps: readonly App[] = [
  {
    name: "flask",
    description: "Flask app, app.py",
    async check(app) {
      assert.equal(await app.text("/"), `<a href="${app.prefix}/items/3">item 3</a>`);
      const item = await app.fetch("/items/3", { headers: { "x-test": "yes" } });
      assert.deepEqual(await item.json(), { id: 3, agent: "yes" });
      const form = new FormData();
      form.set("file", new File(["x".repeat(5000)], "x.txt"));
      assert.deepEqual(JSON.parse(await app.text("/upload", { method: "POST", body: form })), {
        name: "x.txt",
        size: 5000,
      });
      const old = await app.fetch("/old");
      assert.deepEqual([old.status, old.headers.get("location")], [302, `${app.prefix}/`]);
      assert.equal(await app.text("/stream"), "line 0\nline 1\nline 2\n");
    },
  },
  {
    name: "flask-factory-gunicorn",
    description: "Flask app, shop/__init__.py",
    async check(app) {
      assert.deepEqual(await app.json("/shop/products"), ["lamp", "chair"]);
    },
  },
  {
    name: "bottle",
    description: "Bottle app, index.py",
    quick: true,
    async check(app) {
      const response = await app.fetch("/hello/Ada", { headers: { cookie: "last=Grace" } });
      assert.match(response.headers.get("set-cookie") ?? "", /^last=Ada/);
      assert.deepEqual(await response.json(), { hello: "Ada", again: "Grace" });
    },
  },
  {
    name: "django-wsgi",
    description: "Django app, mysite/wsgi.py",
    async check(app) {
      assert.deepEqual(await app.json("/polls/"), { answer: 42, detail: `${app.prefix}/polls/5/` });
      assert.equal(await app.text("/polls/5/"), `Question 5 at ${app.address}/polls/5/`);
      const redirect = await app.fetch("/polls/5");
      assert.deepEqual([redirect.status, redirect.headers.get("location")], [301, `${app.prefix}/polls/5/`]);
    },
  },
  {
    name: "django-asgi",
    description: "Django app, mysite/asgi.py",
    async check(app) {
      assert.deepEqual(await app.json("/polls/"), {
        index: `${app.prefix}/polls/`,
        scheme: new URL(app.address).protocol.slice(0, -1),
      });
      assert.equal(await app.text("/polls/events/"), "data: 0\n\ndata: 1\n\ndata: 2\n\n");
    },
  },
  {
    name: "fastapi",
    description: "FastAPI app, main.py",
    async check(app) {
      assert.deepEqual(await app.json("/items/3"), { id: 3, started: true });
      assert.deepEqual(await app.json("/items/11", undefined, 404), { detail: "no such item" });
      assert.deepEqual(await app.json("/items", { name: "pen", price: 2 }, 201), { name: "pen", price: 2 });
      assert.match(await app.text("/docs"), new RegExp(`url: '${app.prefix}/openapi.json'`));
      assert.deepEqual(((await app.json("/openapi.json")) as { servers?: unknown }).servers, [{ url: app.prefix }]);
      const socket = await app.socket("/ws");
      socket.send("hello");
      assert.equal(await socket.next(), "you said hello");
      assert.equal((await socket.close()).code, 1000);
    },
  },
  {
    name: "starlette",
    description: "Starlette app, app.py",
    async check(app) {
      const { url } = (await app.json("/")) as { url: string };
      assert.equal(url, `${app.address}/api/numbers`);
      assert.equal(await app.text("/api/numbers"), "0\n1\n2\n");
      const socket = await app.socket("/socket", ["chat"]);
      assert.equal(socket.webSocket.protocol, "chat");
      await socket.next();
      const { code, reason } = await socket.closed;
      assert.deepEqual([code, reason], [4001, "enough"]);
    },
  },
  {
    name: "litestar",
    description: "Litestar app, app.py",
    async check(app) {
      assert.deepEqual(await app.json("/notes/4"), { id: 4 });
      assert.deepEqual(await app.json("/notes", { text: "x" }, 201), { text: "x" });
    },
  },
  {
    name: "aiohttp-server",
    description: "Python server, Procfile: python -m service",
    async check(app) {
      assert.deepEqual(await app.json("/hello/Ada"), { hello: "Ada" });
    },
  },
  {
    name: "lambda-python",
    description: "AWS Lambda function, lambda_function.py",
    quick: true,
    async check(app) {
      const answer = (await app.json("/?name=Ada")) as { hello: string; function: string };
      assert.equal(answer.hello, "Ada");
      assert.ok(answer.function);
    },
  },
  {
    name: "gcf-python",
    description: "Google Cloud function, main.py",
    async check(app) {
      assert.equal(await app.text("/?name=Ada"), "Hello Ada!");
    },
  },
  {
    name: "openfaas-python",
    description: "OpenFaaS function, handler.py",
    quick: true,
    async check(app) {
      assert.equal(await app.text("/a/b"), "Hello from GET /a/b");
    },
  },
];
