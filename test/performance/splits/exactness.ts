import type { Row } from "../rig/table.ts";
import { type Answer, Caller } from "./caller.ts";
import { SplitServer } from "./split-server.ts";

const CALLS = 10_000;
const CONNECTIONS = 30;
const GATEWAYS = 3;
const SHARES = [
  [1, 99],
  [10, 90],
  [33, 33, 34],
] as const;
/** Part of the calls by which a share may be missed. */
const GOAL_PERCENT = 1;

type Headers = Readonly<Record<string, string>>;

/** Measures how exactly the calls of an endpoint are divided, over one gateway and over several, and which callers a changed share moves. */
export async function exactness(): Promise<Row[]> {
  const rows: Row[] = [];
  {
    await using one = await SplitServer.start(1, 3, "0s");
    rows.push(await missed(one, undefined, "each chosen by itself"));
    rows.push(await missed(one, "cookie", "each of a new browser"));
  }
  await using several = await SplitServer.start(GATEWAYS, 3, "0s");
  rows.push(await missed(several, undefined, "each chosen by itself"));
  rows.push(await missed(several, "cookie", "each of a new browser"));
  rows.push(await missed(several, "header:x-user", "each with another value of a header"));
  for (const sticky of ["cookie", "header:x-user"]) rows.push(...(await moved(several, sticky)));
  return rows;
}

/** Measures by how many percent of the calls the shares are missed at most. */
async function missed(server: SplitServer, sticky: string | undefined, which: string): Promise<Row> {
  let worst = 0;
  const counted: string[] = [];
  for (const shares of SHARES) {
    await server.split(byRevision(server, shares), sticky);
    const answers = await callAll(server, headersFor(sticky));
    const counts = shares.map((_, i) => answers.filter(({ revision }) => revision === server.revisions[i]).length);
    for (const [i, share] of shares.entries())
      worst = Math.max(worst, Math.abs((counts[i] as number) / (CALLS / 100) - share));
    counted.push(`${shares.join("/")}: ${counts.join("/")}`);
  }
  return {
    measure: `${CALLS} calls over ${gatewaysOf(server)}, ${which}: largest miss of a share`,
    baseline: counted.join(", "),
    ours: `${worst.toFixed(2)}%`,
    ...{ value: worst, goal: GOAL_PERCENT, unit: "% of the calls" },
  };
}

/** Measures which callers move: none while shares stay, and as many as the difference when a share grows. */
async function moved(server: SplitServer, sticky: string): Promise<Row[]> {
  const [next = "", old = ""] = server.revisions;
  await server.split({ [next]: 10, [old]: 90 }, sticky);
  const first = await callAll(server, headersFor(sticky));
  // On other connections, and so at other gateways.
  const headers = (n: number) =>
    sticky === "cookie" ? { cookie: first[n]?.cookie ?? "" } : (headersFor(sticky)(n) as Headers);
  const again = await callAll(server, headers);
  await server.split({ [next]: 25, [old]: 75 }, sticky);
  const after = await callAll(server, headers);
  const wandered = first.filter(({ revision }, n) => again[n]?.revision !== revision).length;
  const left = again.filter(({ revision }, n) => revision === next && after[n]?.revision !== next).length;
  const joined = again.filter(({ revision }, n) => revision === old && after[n]?.revision === next).length;
  const by = sticky === "cookie" ? "by cookie" : "by header";
  return [
    {
      measure: `${CALLS} callers, sticky ${by}, over ${gatewaysOf(server)}: moved by their second call, or against a change from 10/90 to 25/75`,
      baseline: "",
      ours: `${wandered} and ${left}`,
      ...{ value: wandered + left, goal: 0, unit: "callers" },
    },
    {
      measure: `the same callers: moved to the revision that went from 10 to 25`,
      baseline: "15% of the callers",
      ours: `${(joined / (CALLS / 100)).toFixed(2)}%`,
      ...{ value: Math.abs(joined / (CALLS / 100) - 15), goal: GOAL_PERCENT, unit: "% of the callers more or less" },
    },
  ];
}

const byRevision = ({ revisions }: SplitServer, shares: readonly number[]) =>
  Object.fromEntries(shares.map((share, i) => [revisions[i] as string, share]));

const headersFor = (sticky: string | undefined) => (n: number) =>
  sticky === "header:x-user" ? { "x-user": `user-${n}` } : ({} as Headers);

const gatewaysOf = ({ gateways }: SplitServer) => (gateways === 1 ? "one gateway" : `${gateways} gateways`);

/** Sends all calls; returns the answers in their order. */
async function callAll(server: SplitServer, headersOf: (n: number) => Headers): Promise<Answer[]> {
  using caller = new Caller(server.url, CONNECTIONS);
  const answers: Answer[] = [];
  let next = 0;
  const client = async () => {
    while (next < CALLS) {
      const n = next++;
      answers[n] = await caller.call(headersOf(n));
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, client));
  const gateways = new Set(answers.map(({ gateway }) => gateway)).size;
  if (gateways !== server.gateways) throw new Error(`Expected calls at ${server.gateways} gateways, got ${gateways}`);
  return answers;
}
