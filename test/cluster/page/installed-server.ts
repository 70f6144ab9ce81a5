import type { Artifact } from "@faas/core";
import { eventually } from "@faas/testing";
import type { ServerUnderTest } from "../../browser/server-under-test.ts";
import { registry, TestInstance } from "../cluster.ts";
import { GatewayInstallation } from "../gateways/installation.ts";

/** An installation with two gateways, whose page is tested. Everything is removed with it, also after a failure. */
export class InstalledServer implements ServerUnderTest, AsyncDisposable {
  readonly url: string;
  readonly adminToken: string;
  readonly org: string;
  readonly otherOrg: string;
  readonly #installation: GatewayInstallation;
  readonly #images: TestInstance;

  private constructor(installation: GatewayInstallation, images: TestInstance, adminToken: string) {
    this.#installation = installation;
    this.#images = images;
    this.url = installation.url;
    this.adminToken = adminToken;
    const { org } = installation;
    this.org = `${org}-a`;
    this.otherOrg = `${org}-b`;
  }

  static async create(): Promise<InstalledServer> {
    // The images of the tests belong to no organization.
    const options = ["--gateways", "2", "--allow-images", `${registry.pull}/faas-test/`];
    const installation = await GatewayInstallation.create(...options);
    const { authorization = "" } = await installation.key();
    return new InstalledServer(installation, await TestInstance.create(), authorization.replace("Bearer ", ""));
  }

  artifact(code: string): Promise<Artifact> {
    return this.#images.image(code);
  }

  stop(): Promise<void> {
    return this.#installation.scale("faas-server", 0);
  }

  async start(): Promise<void> {
    await this.#installation.scale("faas-server", 1);
    // The Service may still refuse connections for a moment after the pod is ready.
    const headers = { Authorization: `Bearer ${this.adminToken}` };
    const isReached = async () => (await fetch(`${this.url}/-/whoami`, { headers })).ok;
    await eventually("the gateways reach the server", isReached);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#images[Symbol.asyncDispose]();
    await this.#installation[Symbol.asyncDispose]();
  }
}
