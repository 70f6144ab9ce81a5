import { createCertificate, tempDir } from "@faas/testing";
import { LocalServer } from "./rig/local-server.ts";
import { median, type Row } from "./rig/table.ts";
import { usage } from "./rig/usage.ts";
import { missingPrograms, wrk } from "./rig/wrk.ts";

const HELLO = 'export const handler = () => ({ message: "hello" });\n';
const ALWAYS = ["--scaler", "fixed", "--replicas", "1", "--max-replicas", "1", "--idle-timeout", "never"];
const ROUNDS = 5;

/** Measures the server's CPU time per call over HTTPS, on keep-alive connections. */
export async function tls(): Promise<Row[]> {
  const missing = missingPrograms("wrk", "openssl");
  if (missing.length > 0) throw new Error(`Expected ${missing.join(" and ")} to be installed`);
  try {
    const { cert, key } = createCertificate(tempDir("tls"), "server");
    process.env.FAAS_CA = cert;
    await using plain = await LocalServer.start();
    await using secure = await LocalServer.start(["--tls-cert", cert, "--tls-key", key]);
    for (const server of [plain, secure]) await server.deploy("hello", "index.mjs", HELLO, ...ALWAYS);
    const cpu = { plain: [] as number[], secure: [] as number[] };
    for (let round = 0; round <= ROUNDS; round++) {
      for (const [name, server] of Object.entries({ plain, secure }) as ["plain" | "secure", LocalServer][]) {
        const before = (await usage(server.pid)).cpuSeconds;
        const { requests } = await wrk(server.folder, `${server.url}/acme/hello`, { connections: 10, seconds: 2 });

        const used = (await usage(server.pid)).cpuSeconds - before;
        // The first round warms up.
        if (round > 0) cpu[name].push((used / requests) * 1e6);
      }
    }
    const us = (values: readonly number[]) => `${median(values).toFixed(0)} us`;
    return [
      {
        measure: "server CPU per call over HTTPS, 10 keep-alive connections",
        baseline: `over HTTP: ${us(cpu.plain)}`,
        ours: us(cpu.secure),
        value: median(cpu.secure.map((each, i) => each / (cpu.plain[i] as number))),
        goal: 1.5,
        unit: "x",
      },
    ];
  } finally {
    delete process.env.FAAS_CA;
  }
}
