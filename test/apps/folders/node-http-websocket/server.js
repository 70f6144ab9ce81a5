const http = require("node:http");
const { WebSocketServer } = require("ws");

const server = http.createServer((request, response) => {
  response.setHeader("content-type", "text/plain");
  response.end(`${request.method} ${request.url}`);
});
const sockets = new WebSocketServer({ server, path: "/chat" });
sockets.on("connection", (socket) => {
  socket.send("welcome");
  socket.on("message", (data, isBinary) => {
    for (const client of sockets.clients) client.send(data, { binary: isBinary });
  });
});

server.listen(process.env.PORT ?? 8080);
