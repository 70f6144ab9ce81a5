import { createHash, randomUUID } from "node:crypto";
import { mkdir, rename, writeFile } from "node:fs/promises";
import { request } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { EndpointSpec, EndpointStatus, Replica, SettingsInput } from "@faas/core";
import { bundlePath, type EmbeddedUnderTest, specOf } from "./embedded-under-test.ts";

/** A server that reports what it sees. It knows nothing of faas. */
export const NODE_SERVER = `
import http from "node:http";
const actions = {
  environment: () => ({ PORT: process.env.PORT, HOST: process.env.HOST, HOSTNAME: process.env.HOSTNAME }),
  hello: () => "hello",
  get: (url) => new Promise((done, fail) => http.get(url, async (response) => {
    let text = "";
    for await (const chunk of response) text += chunk;
    done(text);
  }).on("error", (error) => done(error.code))),
  slow: () => new Promise((done) => { console.log("in flight"); setTimeout(done, 700, "answered"); }),
};
const server = http.createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://server");
  const action = actions[pathname.slice(1)];
  if (!action) return response.writeHead(404).end();
  response.end(JSON.stringify(await action(searchParams.get("url"))));
});
server.listen(process.env.PORT, "0.0.0.0", () => console.log("listening"));
`;

/** A server in C, which listens on all addresses. */
export const C_SERVER = `
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(void) {
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(atoi(getenv("PORT"))) };
  int listener = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 16)) return 1;
  for (;;) {
    char request[4096];
    const char *response = "HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\nConnection: close\\r\\n\\r\\nfrom C";
    int connection = accept(listener, 0, 0);
    if (read(connection, request, sizeof request) > 0) write(connection, response, strlen(response));
    close(connection);
  }
}
`;

/** Applies a server as an endpoint of an organization, with these files as its bundle. */
export async function applyServer(
  under: EmbeddedUnderTest,
  endpoint: string,
  files: Readonly<Record<string, string | Buffer>>,
  settings: SettingsInput,
  org = under.org,
): Promise<EndpointSpec> {
  const digest = `sha256:${createHash("sha256").update(JSON.stringify(files)).digest("hex")}`;
  const folder = bundlePath(under.dataDir, digest);
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(files)) {
    // Another test may start a server from the same files now.
    const written = join(under.dataDir, randomUUID());
    await writeFile(written, content, { mode: Buffer.isBuffer(content) ? 0o755 : 0o644 });
    await rename(written, join(folder, name));
  }
  const spec = specOf(org, endpoint, { kind: "bundle", digest }, { app: "server", ...settings });
  await under.platform.check(spec);
  await under.platform.apply(spec);
  return spec;
}

/** Applies a server and starts replicas. Resolves when they are ready. */
export async function runServer(...args: Parameters<typeof applyServer>): Promise<[EndpointSpec, Replica]> {
  const [under] = args;
  const spec = await applyServer(...args);
  await under.platform.scale(spec, 1);
  const { replicas } = await statusOf(under, spec, (status) => status.replicas.some(({ ready }) => ready));
  return [spec, replicas.find(({ ready }) => ready) as Replica];
}

/** Waits until the status of an endpoint fulfils a condition. */
export async function statusOf(
  { platform }: EmbeddedUnderTest,
  { org, endpoint }: EndpointSpec,
  condition: (status: EndpointStatus) => boolean,
): Promise<EndpointStatus> {
  for await (const statuses of platform.watch(AbortSignal.timeout(60_000))) {
    const status = statuses.find((each) => each.org === org && each.endpoint === endpoint);
    if (status && condition(status)) return status;
    if (status?.failure && !condition(status))
      throw new Error(`${status.failure.detail}\n${status.failure.lastLogLines.join("\n")}`);
  }
  throw new Error("The status was not seen within a minute");
}

/** Calls a server as the gateway does. Returns status and text. */
export async function callServer({ connect }: Replica, path: string): Promise<string> {
  const socket = await (connect as NonNullable<typeof connect>)();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const outgoing = request({ createConnection: () => socket as Socket, path }, (response) => {
    text(response).then((body) => resolve(`${response.statusCode} ${body}`), reject);
  });
  outgoing.on("error", reject).end();
  return promise.finally(() => socket.destroy());
}
