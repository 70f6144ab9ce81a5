import { run } from "./malformed.ts";
import { testShortForm } from "./short.ts";

testShortForm(
  "1,000 malformed requests: nothing ends, hangs, grows, or fails by a fault of ours",
  async (options) => (await run(options)).rows ?? [],
  250,
);
