/**
 * Source of a function that responds with the call's id: to GET and to POST, which it reports to the server at `COUNTER`. GET /events sends server-sent
 * events, and messages of a WebSocket are echoed.
 */
export const ECHO_FUNCTION = `const pause = (ms) => new Promise((done) => setTimeout(done, ms));
async function* events() {
  for (let n = 0; ; n++) {
    yield "data: " + n + "\\n\\n";
    await pause(250);
  }
}
export const handler = ({ method, path, headers }) => {
  if (path === "/events") return { status: 200, headers: { "content-type": "text/event-stream" }, body: events() };
  const id = headers["x-call"] ?? "";
  if (method === "POST" && process.env.COUNTER) fetch(process.env.COUNTER + "/" + encodeURIComponent(id)).catch(() => {});
  return id;
};
export const websocket = (socket) => {
  socket.onmessage = ({ data }) => socket.send(data);
};
`;
