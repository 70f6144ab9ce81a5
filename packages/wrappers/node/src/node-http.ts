import type http from "node:http";

/**
 * Node's HTTP server. `import` of the module would also load TLS and the WebSocket client, because it reads all exports, and Node makes some of them when they
 * are first read: a third of the CPU time of a start.
 */
export const { createServer, Server, ServerResponse, STATUS_CODES } = process.getBuiltinModule("node:http");
export type Server = http.Server;
export type ServerResponse = http.ServerResponse;
