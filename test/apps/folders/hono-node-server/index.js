import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { cors } from "hono/cors";

const app = new Hono();
app.use("*", cors());
app.get("/", (c) => c.text("Hello Hono!"));
app.post("/echo", async (c) => c.json(await c.req.json()));

serve(app);
