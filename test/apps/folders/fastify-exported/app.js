const fastify = require("fastify")();

fastify.register(async (instance) => {
  instance.decorate("accounts", new Map([["7", { id: "7", owner: "Ada" }]]));
  instance.get("/accounts/:id", async (request, reply) => {
    const account = instance.accounts.get(request.params.id);
    return account ?? reply.code(404).send({ error: "unknown account" });
  });
});

module.exports = fastify;
