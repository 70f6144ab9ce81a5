import { openJournalQueue } from "../queue/journal/journal-queue.ts";
import { deliverJobs } from "./deliver-jobs.ts";

/**
 * Program for tests: delivers a call, and is killed when it has been passed on, before its end is stored.
 * `node … killed-at-end.ts <folder of the queue> <status of the function's responses>`
 */
const [folder = "", status] = process.argv.slice(2);
deliverJobs(await openJournalQueue({ folder }), Number(status), () => process.kill(process.pid, "SIGKILL"));
