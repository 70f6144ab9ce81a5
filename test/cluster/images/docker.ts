import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { type BuiltImage, buildImage, type ImageOptions } from "@faas/builder";
import type Docker from "dockerode";
import { folderItems, packTo } from "../../../packages/builder/src/bundle/pack.ts";
import { dockerBuild } from "../../../packages/builder/src/docker/build.ts";
import { connectDocker } from "../../../packages/builder/src/docker/engine.ts";
import { uniqueName } from "../cluster.ts";
import { eventually } from "../eventually.ts";

/** The Docker engine that `DOCKER_HOST` names, for tests. Images and containers are removed by label, also after a failure. */

export interface RunningImage {
  readonly url: string;
  readonly id: string;
  call(path: string, body?: unknown): Promise<{ status: number; text: string }>;
  /** Runs a command in the container, and returns its output. */
  execute(...command: string[]): Promise<string>;
}

export class TestDocker implements AsyncDisposable {
  readonly id = uniqueName("test");
  readonly docker: Docker;
  readonly folder: string;
  /** Environments of this test only, whose manifest or base image has the test's id. The others are a cache for all tests. */
  readonly #environments = new Set<string>();

  private constructor(docker: Docker, folder: string) {
    this.docker = docker;
    this.folder = folder;
  }

  static async create(): Promise<TestDocker> {
    return new TestDocker(await connectDocker(), await mkdtemp(join(tmpdir(), "faas-images-")));
  }

  get labels() {
    return { "faas.test": this.id };
  }

  /** Creates a folder with these files. */
  async source(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const folder = join(this.folder, name);
    for (const [file, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await writeFile(join(folder, file), text);
    }
    return folder;
  }

  /** Returns a package.json that is unique to this test, so that its dependencies are installed again. */
  manifest(dependencies: Readonly<Record<string, string>>): string {
    return JSON.stringify({ name: this.id, private: true, dependencies });
  }

  /** Creates a base image that is unique to this test, so that images on it are built again; returns its name. */
  async ownBase(of: string): Promise<string> {
    const container = await this.docker.createContainer({ Image: of, Labels: this.labels });
    const tag = of.replace(/\W/g, "-");
    await container.commit({ repo: this.id, tag, changes: `LABEL faas.test=${this.id}` });
    await container.remove();
    return `${this.id}:${tag}`;
  }

  async build(dir: string, options: Partial<ImageOptions> = {}): Promise<BuiltImage> {
    const target = { org: this.id, endpoint: "function", labels: this.labels };
    const image = await buildImage(dir, { ...target, builder: "docker", ...options });
    const { environment } = image;
    if (environment && (await this.#isOwn(dir, options.baseImage))) this.#environments.add(environment);
    return image;
  }

  async #isOwn(dir: string, base = ""): Promise<boolean> {
    const manifest = await readFile(join(dir, "package.json"), "utf8").catch(() => "");
    return base.startsWith(this.id) || manifest.includes(this.id);
  }

  /** Builds a folder as `docker build` does; returns the id of the image. */
  async buildByHand(folder: string): Promise<string> {
    const contextFile = join(this.folder, "by-hand.tar");
    const items = (await folderItems(folder, "context")).map((each) => ({
      ...each,
      name: each.name.replace(/^context\//, ""),
    }));
    await packTo(contextFile, items, undefined);
    const dockerfile = { name: "Dockerfile", text: await readFile(join(folder, "Dockerfile"), "utf8") };
    const options = { labels: this.labels, rm: true, forcerm: true };
    return dockerBuild(this.docker, { contextFile, dockerfile, options, failure: "BUILD_FAILED" });
  }

  /** Lists images without a name, which a build leaves behind if it does not clean up. */
  async danglingImages(): Promise<string[]> {
    return (await this.docker.listImages({ filters: { dangling: ["true"] } })).map(({ Id }) => Id);
  }

  /** Runs an image as a cluster does: without root, and with write access to /tmp only. Stops it after the test. */
  async run(t: TestContext, image: Pick<BuiltImage, "imageId">, ready = "/-/ready"): Promise<RunningImage> {
    const container = await this.docker.createContainer({
      Image: image.imageId,
      Labels: this.labels,
      ExposedPorts: { "8080/tcp": {} },
      HostConfig: {
        ReadonlyRootfs: true,
        Tmpfs: { "/tmp": "" },
        CapDrop: ["ALL"],
        SecurityOpt: ["no-new-privileges"],
        Memory: 256 * 2 ** 20,
        PortBindings: { "8080/tcp": [{ HostIp: "127.0.0.1", HostPort: "0" }] },
      },
    });
    t.after(() => container.remove({ force: true }));
    await container.start();
    const { NetworkSettings } = await container.inspect();
    const url = `http://127.0.0.1:${NetworkSettings.Ports["8080/tcp"]?.[0]?.HostPort}`;
    await eventually(`${image.imageId} answers`, async () => (await fetch(url + ready)).ok);
    return {
      url,
      id: container.id,
      async call(path, body) {
        const sent =
          body === undefined
            ? {}
            : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
        const answer = await fetch(url + path, sent);
        return { status: answer.status, text: await answer.text() };
      },
      execute: (...command) => this.#execute(container, command),
    };
  }

  async #execute(container: Docker.Container, command: string[]): Promise<string> {
    const exec = await container.exec({ Cmd: command, AttachStdout: true, AttachStderr: true, Tty: true });
    let text = "";
    for await (const piece of await exec.start({ Tty: true })) text += piece;
    return text;
  }

  /** Removes an image and its environment, so that the next build creates both again. */
  async forget({ imageId, environment }: BuiltImage): Promise<void> {
    await this.docker.getImage(imageId).remove({ force: true });
    if (environment) await this.docker.getImage(environment).remove({ force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const filters = { label: [`faas.test=${this.id}`] };
    for (const { Id } of await this.docker.listContainers({ all: true, filters }))
      await this.docker.getContainer(Id).remove({ force: true });
    for (const name of this.#environments)
      await this.docker.getImage(name).remove({ force: true }).catch(ignoreMissing);
    for (const { Id } of await this.docker.listImages({ filters }))
      await this.docker.getImage(Id).remove({ force: true }).catch(ignoreMissing);
    await rm(this.folder, { recursive: true, force: true });
  }
}

function ignoreMissing(error: { statusCode?: number }): void {
  if (error.statusCode !== 404) throw error;
}
