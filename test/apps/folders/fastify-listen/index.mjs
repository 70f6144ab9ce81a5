import Fastify from "fastify";

const fastify = Fastify({ logger: false });
fastify.get("/items/:id", {
  schema: { params: { type: "object", properties: { id: { type: "integer" } } } },
  handler: async (request) => ({ id: request.params.id, stock: 3 }),
});
fastify.addHook("onSend", async (request, reply) => {
  reply.header("x-inventory", "1");
});

try {
  await fastify.listen({ port: Number(process.env.PORT ?? 3000), host: "0.0.0.0" });
} catch (error) {
  fastify.log.error(error);
  process.exit(1);
}
