const Koa = require("koa");
const { Router } = require("@koa/router");

const app = new Koa();
const router = new Router({ prefix: "/notes" });
router.get("/", (ctx) => {
  ctx.body = [{ id: 1, text: "remember" }];
});
router.get("/:id", (ctx) => {
  ctx.throw(404, "no such note");
});

app.use(async (ctx, next) => {
  const start = Date.now();
  await next();
  ctx.set("x-response-time", `${Date.now() - start}ms`);
});
app.use(router.routes()).use(router.allowedMethods());
app.listen(process.env.PORT || 3000);
