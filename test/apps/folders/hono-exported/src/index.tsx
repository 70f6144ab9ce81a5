import { Hono } from "hono";
import { streamText } from "hono/streaming";

const Page = ({ title }: { title: string }) => (
  <html lang="en">
    <body>
      <h1>{title}</h1>
    </body>
  </html>
);

const app = new Hono();
app.get("/", (c) => c.html(<Page title="Hono" />));
app.get("/stream", (c) =>
  streamText(c, async (stream) => {
    for (const word of ["one ", "two ", "three"]) await stream.write(word);
  }),
);

export default app;
