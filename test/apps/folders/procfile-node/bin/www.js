const http = require("node:http");

const verbose = process.argv.includes("--verbose");
http
  .createServer((request, response) => response.end(verbose ? `pong ${Error.stackTraceLimit}` : "pong"))
  .listen(Number(process.env.PORT), "0.0.0.0");
