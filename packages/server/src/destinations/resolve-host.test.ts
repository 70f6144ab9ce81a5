import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { after, describe, test } from "node:test";
import { resolveHost } from "./resolve-host.ts";

const [A, AAAA] = [1, 28];
const [NO_ERROR, SERVER_FAILURE, NO_SUCH_NAME] = [0, 2, 3];

/** Starts a name server that gives each question the records of its type, or an error (RFC 1035 section 4.1). */
async function startNameServer(records: Readonly<Record<number, readonly (readonly number[])[]>>, error = NO_ERROR) {
  const socket = createSocket("udp4");
  socket.on("message", (query, { port, address }) => {
    const end = query.indexOf(0, 12) + 5;
    const type = query.readUInt16BE(end - 4);
    const answers = (records[type] ?? []).map((bytes) => {
      const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, bytes.length]);
      return Buffer.concat([head, Buffer.from(bytes)]);
    });
    const header = Buffer.from([0, 0, 0x81, 0x80 | error, 0, 1, 0, answers.length, 0, 0, 0, 0]);
    query.copy(header, 0, 0, 2);
    socket.send(Buffer.concat([header, query.subarray(12, end), ...answers]), port, address);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  after(() => socket.close());
  return [`127.0.0.1:${socket.address().port}`];
}

describe("a host", () => {
  test("has all its addresses of both families", async () => {
    const six = [0xfd, ...Array<number>(14).fill(0), 1];
    const servers = await startNameServer({
      [A]: [
        [10, 0, 0, 1],
        [8, 8, 8, 8],
      ],
      [AAAA]: [six],
    });
    assert.deepEqual((await resolveHost("hooks.example.com", servers)).map(({ address }) => address).sort(), [
      "10.0.0.1",
      "8.8.8.8",
      "fd00::1",
    ]);
  });

  test("can have addresses of one family only", async () => {
    const servers = await startNameServer({ [A]: [[8, 8, 8, 8]] });
    assert.deepEqual(await resolveHost("hooks.example.com", servers), [{ address: "8.8.8.8", family: 4 }]);
  });

  for (const [error, code] of [
    [NO_SUCH_NAME, "ENOTFOUND"],
    [SERVER_FAILURE, "ESERVFAIL"],
    [NO_ERROR, "ENODATA"],
  ] as const)
    test(`without an address fails with ${code}`, async () => {
      const servers = await startNameServer({}, error);
      await assert.rejects(resolveHost("hooks.example.com", servers), { code });
    });

  for (const name of ["localhost", "x.localhost", "localhost."])
    test(`named ${name} is this machine, without a query`, async () => {
      const servers = await startNameServer({ [A]: [[8, 8, 8, 8]] });
      const addresses = (await resolveHost(name, servers)).map(({ address }) => address);
      assert.deepEqual(addresses, ["127.0.0.1", "::1"]);
    });
});
