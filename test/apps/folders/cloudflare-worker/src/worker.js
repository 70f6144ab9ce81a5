import { AutoRouter } from "itty-router";

let background = 0;
const router = AutoRouter();
router
  .get("/greeting", (request, env) => ({ greeting: env.GREETING, url: new URL(request.url).pathname }))
  .get("/later", (request, env, ctx) => {
    ctx.waitUntil(new Promise((done) => setTimeout(done, 20)).then(() => background++));
    return { background };
  })
  .get("/background", () => ({ background }));

export default { fetch: (request, env, ctx) => router.fetch(request, env, ctx) };
