const express = require("express");
const { createServer } = require("node:http");
const { Server } = require("socket.io");

const app = express();
const server = createServer(app);
const io = new Server(server);
app.get("/", (req, res) => res.send("live"));
io.on("connection", (socket) => {
  socket.on("ping", (reply) => reply("pong"));
});
server.listen(process.env.PORT || 3000);
