import { createServer } from "node:http";
import { createSchema, createYoga } from "graphql-yoga";

const yoga = createYoga({
  schema: createSchema({
    typeDefs: "type Query { hello(name: String!): String }",
    resolvers: { Query: { hello: (_, { name }) => `Hello, ${name}` } },
  }),
});
createServer(yoga).listen(process.env.PORT ?? 4000);
