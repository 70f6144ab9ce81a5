import { testShortForm } from "../short.ts";
import { run } from "./malformed.ts";

testShortForm(
  "1,000 malformed requests end no process, leave no connection open, leak no memory, and cause no 5xx",
  async (options) => (await run(options)).rows,
  250,
);
