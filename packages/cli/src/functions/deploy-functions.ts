import { formatChange } from "../deploy/changes.ts";
import {
  type DeployContext,
  type DeployOptions,
  deploy,
  plan,
  type RequestedDeployment,
  requestDeployment,
} from "../deploy/deployment.ts";
import type { NamedFunction } from "../project/functions.ts";
import type { Io } from "../terminal/io.ts";
import { type OutputFormat, printStatus } from "../terminal/output.ts";
import { checkOptionsForSeveral, forEachFunction, prepareAll, warnOfOwnProjects } from "./each-function.ts";
import { printResults } from "./print-results.ts";

export interface DeployFunctionsOptions extends DeployOptions {
  readonly hostname?: readonly string[];
  readonly verbose?: boolean;
  readonly output: OutputFormat;
}

/**
 * Deploys functions of one `faas.json`, several at a time.
 *
 * @param file path of the `faas.json`
 * @param connect connects to the server that they are for
 * @throws USAGE before the first one is deployed
 */
export async function deployFunctions(
  functions: readonly NamedFunction[],
  file: string,
  options: DeployFunctionsOptions,
  io: Io,
  connect: () => Promise<Pick<DeployContext, "client" | "config">>,
): Promise<void> {
  const { endpoint, image, hostname, verbose, output } = options;
  checkOptionsForSeveral(functions, { endpoint, image, hostname });
  const requested = await prepareAll(functions, (selected) => requestDeployment(selected, options, io));
  await warnOfOwnProjects(functions, file, io);
  const server = { ...(await connect()), options };
  const requestOf = ({ name }: NamedFunction) => requested.get(name) as RequestedDeployment;
  if (options.dryRun) {
    const plans = await forEachFunction(functions, {
      ...{ io, done: "Planned", verbose },
      async task(selected, row) {
        const value = await plan(requestOf(selected), { ...server, progress: row, io: row.io });
        return { value, stage: "planned", detail: value.created ? "new endpoint" : "" };
      },
    });
    return printResults(plans, output, io, ({ changes }) => changes.map(formatChange));
  }
  const results = await forEachFunction(functions, {
    ...{ io, done: "Deployed", verbose },
    async task(selected, row) {
      const { deployed } = await deploy(requestOf(selected), { ...server, progress: row, io: row.io });
      const { created = false, changes = [], unchanged, revision } = deployed;
      if (!created) for (const change of changes) printStatus(row.io, formatChange(change));
      const stage = unchanged ? "unchanged" : options.wait ? "deployed" : "registered";
      return { value: deployed, stage, detail: `revision ${revision}` };
    },
  });
  await printResults(results, output, io, ({ url }) => [url]);
}
