import { testShortForm } from "../short.ts";
import { run } from "./malformed.ts";

testShortForm(
  "1,000 malformed requests: nothing ends, hangs, grows, or fails by a fault of ours",
  async (options) => (await run(options)).rows ?? [],
  250,
);
