import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { baselines } from "../rig/baselines.ts";
import { median, type Row, ratio, timed } from "../rig/table.ts";
import { type Bench, pullRegistry, registry, run } from "./bench.ts";

const ROUNDS = 5;
const NAMESPACE = "faas-performance-rollout";

/** Measures from a changed line to the new code's first response, against building, pushing and rolling out the original's image. */
export async function deploys(bench: Bench): Promise<Row[]> {
  const ours = join(bench.folder, "ours");
  await cp(join(import.meta.dirname, "../../../templates/python/demo-invert"), ours, { recursive: true });
  const theirs = join(bench.folder, "theirs");
  await cp(join(baselines, "seed"), theirs, { recursive: true });
  await run("chmod", ["-R", "u+w", theirs], bench.folder);
  const deploy = () => bench.faas("deploy", ours, "--org", bench.org, "--endpoint", "changed");
  await bench.api.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } });
  try {
    await deploy();
    await rollOut(bench, theirs, 0);
    const times = { ours: [] as number[], theirs: [] as number[] };
    for (let round = 1; round <= ROUNDS; round++) {
      await change(join(ours, "main.py"), round);
      times.ours.push(await timed(deploy));
      await change(join(theirs, "src/main.py"), round);
      times.theirs.push(await timed(() => rollOut(bench, theirs, round)));
    }
    return [
      ratio(
        "`faas deploy` of a changed line, until it responds",
        "`docker build`, `docker push`, `kubectl apply`, `kubectl rollout status` of the original",
        median(times.ours),
        median(times.theirs),
        0.5,
      ),
    ];
  } finally {
    await bench.api.delete("Namespace", undefined, NAMESPACE);
  }
}

async function change(file: string, round: number): Promise<void> {
  const text = (await readFile(file, "utf8")).replace(/\n# round \d+\n$/, "\n");
  await writeFile(file, `${text}\n# round ${round}\n`);
}

async function rollOut(bench: Bench, dir: string, round: number): Promise<void> {
  const image = `faas-performance/original:${round}`;
  await run("docker", ["build", "--quiet", "--tag", `${registry}/${image}`, "."], dir);
  await run("docker", ["push", "--quiet", `${registry}/${image}`], dir);
  const manifest = join(bench.folder, "original.json");
  const container = {
    name: "function",
    image: `${pullRegistry}/${image}`,
    resources: { limits: { cpu: "100m" } },
    readinessProbe: { tcpSocket: { port: 5000 }, periodSeconds: 1 },
  };
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "original", namespace: NAMESPACE },
    spec: {
      selector: { matchLabels: { app: "original" } },
      template: { metadata: { labels: { app: "original" } }, spec: { containers: [container] } },
    },
  };
  await writeFile(manifest, JSON.stringify(deployment));
  await run("kubectl", ["apply", "--filename", manifest], dir);
  await run("kubectl", ["rollout", "status", "deployment/original", "--namespace", NAMESPACE, "--timeout=120s"], dir);
}
