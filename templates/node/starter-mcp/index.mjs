import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { z } from "zod";

/** Creates the server, once for each request: nothing is shared among them. */
export function createServer() {
  const server = new McpServer({ name: "{{name}}", version: "0.1.0" });
  const description = "Greets somebody by name.";
  server.registerTool("greet", { description, inputSchema: z.object({ name: z.string() }) }, ({ name }) => ({
    content: [{ type: "text", text: `Hello, ${name}!` }],
  }));
  return server;
}

export default createMcpHandler(createServer);
