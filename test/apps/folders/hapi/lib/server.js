"use strict";

const Hapi = require("@hapi/hapi");

const init = async () => {
  const server = Hapi.server({ port: process.env.PORT || 3000, host: "localhost" });
  server.route({ method: "GET", path: "/hello/{name}", handler: (request) => ({ hello: request.params.name }) });
  await server.start();
};

init();
