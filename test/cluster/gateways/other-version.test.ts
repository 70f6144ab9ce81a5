import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { eventuallyHolds } from "../eventually.ts";
import { GatewayInstallation } from "./installation.ts";

/** Gateways and a control server of two versions, as during an upgrade. */

/** Image of the previous release, as the nodes pull it. */
const PREVIOUS = process.env.FAAS_PREVIOUS_SERVER_IMAGE;
const skip = PREVIOUS === undefined && "FAAS_PREVIOUS_SERVER_IMAGE does not name the image of the previous release";

describe("with the image of the previous release", { skip }, () => {
  let faas: GatewayInstallation;
  let current = "";
  before(async () => {
    faas = await GatewayInstallation.create("--gateways", "2");
    current = await faas.imageOf("faas-server");
    assert.notEqual(current, PREVIOUS);
  });
  after(() => faas?.[Symbol.asyncDispose]());

  /** Asserts that deployments reach the gateways, that calls are answered, and that they are counted. */
  const works = async (endpoint: string) => {
    await eventuallyHolds(
      "the control server is reached",
      async () => (await faas.send("/-/status")).status,
      (status) => status === 200,
    );
    await faas.deploy(endpoint, `export const handler = () => "${endpoint}";\n`, "--replicas", "0");
    assert.deepEqual(await faas.call(endpoint), [200, endpoint]);
    await eventuallyHolds(
      "the call is counted",
      async () => JSON.parse((await faas.faas("stats", faas.org, "-o", "json")).stdout).endpoints,
      (counts: readonly { endpoint: string; requests: number }[]) =>
        counts.some(({ endpoint: name, requests }) => name === endpoint && requests === 1),
    );
  };

  for (const [part, other] of [
    ["faas-gateway", "the control server"],
    ["faas-server", "the gateways"],
  ] as const) {
    test(`the previous ${part} works with ${other} of this version, and can be upgraded`, async () => {
      await faas.setImage(part, PREVIOUS as string);
      await works(`${part}-previous`);
      await faas.setImage(part, current);
      await works(`${part}-current`);
    });
  }
});
