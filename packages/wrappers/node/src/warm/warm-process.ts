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
import { rehearseClaim } from "./rehearsal.ts";
import type { WrapperStart } from "./wrapper-start.ts";
import { writeFiles } from "./write-files.ts";

/**
 * Listens without a function until a claim brings one (docs/wrapper-protocol.md, "Warm mode"). All that does not depend on the function is done before
 * the claim.
 */
export async function waitForClaim(codeFolder: string, { rehearse, start }: WrapperStart): Promise<void> {
  const claimDigest = process.env.FAAS_CLAIM_SHA256 ?? "";
  if (!/^[0-9a-f]{64}$/.test(claimDigest)) throw new Error("Expected FAAS_CLAIM_SHA256 to be a SHA-256 in hexadecimal");
  const server = createWrapperServer();
  const warm = new WarmProcess(claimDigest, (folder) => start(folder, server));
  drainOnSigterm(server, () => warm.isClaimed);
  exitOnUncaughtError();
  process.setSourceMapsEnabled(true);
  if (process.env.FAAS_LOADING_WATCH === "1") prepareLoadingWatch();
  // Creates the streams.
  void [process.stdout, process.stderr];
  await rehearseClaim(rehearse);
  readSettings(process.env, codeFolder);
  useFunction({ problem: new Problem("NO_CAPACITY", "The replica waits for its function") });
  setOwnRoutes((call, path) => warm.answer(call, path));
  exitOnListenError(server.listen(address));
}

/** A process that becomes a replica. */
class WarmProcess {
  readonly #claimDigest: Buffer;
  readonly #start: (folder: string) => void;
  isClaimed = false;

  /**
   * @param claimDigest SHA-256 of the token that a claim must have, in hexadecimal
   * @param start loads the function in a folder
   */
  constructor(claimDigest: string, start: (folder: string) => void) {
    this.#claimDigest = Buffer.from(claimDigest);
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
    this.#become(claim);
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

  /** Writes the function's files and starts to load it. */
  #become(claim: Claim): void {
    deadlines.stop();
    for (const name of ["FAAS_WARM", "FAAS_WARM_FOLDER", "FAAS_CLAIM_SHA256"]) delete process.env[name];
    Object.assign(process.env, claim.env);
    try {
      writeFiles(claim);
      process.chdir(claim.folder);
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem("FUNCTION_LOAD_FAILED", messageOf(error));
      useFunction({ problem });
      console.error(problem.message);
      return;
    }
    process.argv.splice(1, process.argv.length, join(claim.folder, WRAPPER_FILE));
    useFunction(undefined);
    this.#start(claim.folder);
  }
}

const alreadyClaimed = () => new Problem("REPLICA_CLAIMED", "The replica has a function already");
