import { join } from "node:path";
import type { Call } from "../call.ts";
import { useFunction } from "../load-function.ts";
import { prepareLoadingWatch } from "../loading-watch.ts";
import { address, readSettings, WRAPPER_FILE } from "../options.ts";
import { messageOf, Problem } from "../problem.ts";
import { JSON_TYPE } from "../response/head.ts";
import { sendProblem } from "../response/problem.ts";
import { send } from "../response/send.ts";
import { deadlines } from "../run-call.ts";
import { answerReady, createWrapperServer, setOwnRoutes } from "../server.ts";
import { drainOnSigterm, exitOnListenError, exitOnUncaughtError } from "../shutdown.ts";
import { type Claim, readClaim } from "./claim.ts";
import { readClaimBody } from "./claim-body.ts";
import { type KeptClaim, keepClaim, readKeptClaim } from "./kept-claim.ts";
import { rehearseClaim } from "./rehearsal.ts";
import type { WrapperStart } from "./wrapper-start.ts";
import { writeFiles } from "./write-files.ts";

/**
 * Listens without a function until a claim brings one (docs/wrapper-protocol.md, "Warm mode"). All that does not depend on the function is done before
 * the claim. A process that starts again in its container has the function of the claim that came before.
 */
export async function waitForClaim(codeFolder: string, { rehearse, start }: WrapperStart): Promise<void> {
  const claimDigest = process.env.FAAS_CLAIM_SHA256 ?? "";
  if (!/^[0-9a-f]{64}$/.test(claimDigest)) throw new Error("Expected FAAS_CLAIM_SHA256 to be a SHA-256 in hexadecimal");
  const server = createWrapperServer();
  const claimFile = process.env.FAAS_CLAIM_FILE;
  const kept = claimFile === undefined ? undefined : readKeptClaim(claimFile);
  const warm = new WarmProcess(claimDigest, claimFile, (folder) => start(folder, server));
  drainOnSigterm(server, () => warm.isClaimed);
  exitOnUncaughtError();
  process.setSourceMapsEnabled(true);
  if (process.env.FAAS_LOADING_WATCH === "1") prepareLoadingWatch();
  // Creates the streams.
  void [process.stdout, process.stderr];
  if (kept === undefined) await rehearseClaim(rehearse);
  readSettings(process.env, codeFolder);
  useFunction({ problem: new Problem("NO_CAPACITY", "The replica waits for its function") });
  setOwnRoutes((call, path) => warm.answer(call, path));
  if (kept !== undefined) warm.resume(kept);
  exitOnListenError(server.listen(address));
}

/** Variables that a function does not see. */
const WARM_VARIABLES = ["FAAS_WARM", "FAAS_WARM_FOLDER", "FAAS_CLAIM_SHA256", "FAAS_CLAIM_FILE"];

/** A process that becomes a replica. */
class WarmProcess {
  readonly #claimDigest: Buffer;
  readonly #claimFile: string | undefined;
  readonly #start: (folder: string) => void;
  isClaimed = false;

  /**
   * @param claimDigest SHA-256 of the token that a claim must have, in hexadecimal
   * @param claimFile path of the file that keeps the claim
   * @param start loads the function in a folder
   */
  constructor(claimDigest: string, claimFile: string | undefined, start: (folder: string) => void) {
    this.#claimDigest = Buffer.from(claimDigest);
    this.#claimFile = claimFile;
    this.#start = start;
  }

  /** Answers the wrapper's own routes. Returns false for those that a replica answers. */
  answer(call: Call, path: string): boolean {
    if (path === "/-/claim") void this.#answerClaim(call);
    else if (path === "/-/ready" && !this.isClaimed)
      send(call, 200, { "Content-Type": JSON_TYPE }, '{"status":"warm"}');
    else return false;
    return true;
  }

  /** Becomes what it was before it was started again. */
  resume(kept: KeptClaim): void {
    this.isClaimed = true;
    this.#become(kept, () => {});
  }

  async #answerClaim(call: Call): Promise<void> {
    let claim: Claim;
    try {
      this.#checkMayClaim(call);
      claim = readClaim(await readClaimBody(call.request));
      if (this.isClaimed) throw alreadyClaimed();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      sendProblem(call, error);
      return;
    }
    this.isClaimed = true;
    this.#become(claim, () => {
      writeFiles(claim);
      if (this.#claimFile !== undefined) keepClaim(this.#claimFile, claim);
    });
    await answerReady(call);
  }

  /**
   * @throws REPLICA_CLAIMED
   * @throws FORBIDDEN
   */
  #checkMayClaim({ request }: Call): void {
    if (this.isClaimed) throw alreadyClaimed();
    const { hash, timingSafeEqual } = process.getBuiltinModule("node:crypto");
    const [, token = ""] = /^Bearer (.+)$/.exec(request.headers.authorization ?? "") ?? [];
    if (!timingSafeEqual(Buffer.from(hash("sha256", token)), this.#claimDigest))
      throw new Problem("FORBIDDEN", "The claim does not have the token of this replica");
    if (request.method !== "POST") throw new Problem("INVALID_REQUEST", "Expected a claim to be a POST request");
  }

  /**
   * Starts to load the function in a folder.
   *
   * @param writeCode writes its files
   */
  #become({ folder, env }: KeptClaim, writeCode: () => void): void {
    deadlines.stop();
    for (const name of WARM_VARIABLES) delete process.env[name];
    Object.assign(process.env, env);
    try {
      writeCode();
      process.chdir(folder);
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem("FUNCTION_LOAD_FAILED", messageOf(error));
      useFunction({ problem });
      console.error(problem.message);
      return;
    }
    process.argv.splice(1, process.argv.length, join(folder, WRAPPER_FILE));
    useFunction(undefined);
    this.#start(folder);
  }
}

const alreadyClaimed = () => new Problem("REPLICA_CLAIMED", "The replica has a function already");
