import type { AsyncCall, AsyncCallList } from "@faas/core";
import { type AsyncCallChoice, queryOf } from "../route.ts";
import type { ApiError, Session } from "./session.ts";

/** Requests about asynchronous calls. */

/** Calls per request of a list, when all are changed. */
const PAGE = 100;
/** Changes at a time. */
const CONCURRENT = 4;

/** Path of the asynchronous calls of an organization, or of one of them, in the control API. */
export const asyncCallPath = (org: string, id?: string): string =>
  `/-/orgs/${encodeURIComponent(org)}/calls${id === undefined ? "" : `/${encodeURIComponent(id)}`}`;

/** Lists asynchronous calls of an organization, the newest first. */
export const listAsyncCalls = (
  session: Session,
  { org, ...choice }: AsyncCallChoice & { readonly org: string },
  limit: number,
): Promise<AsyncCallList> => session.get(`${asyncCallPath(org)}${queryOf({ ...choice, limit: String(limit) })}`);

/** Reads an asynchronous call; null if it does not exist. */
export async function readAsyncCall(session: Session, org: string, id: string): Promise<AsyncCall | null> {
  try {
    return await session.get<AsyncCall>(asyncCallPath(org, id));
  } catch (error) {
    if ((error as ApiError).status === 404) return null;
    throw error;
  }
}

/** Delivers a call now; a failed one has all its attempts again. */
export const retryAsyncCall = (session: Session, org: string, id: string): Promise<AsyncCall> =>
  session.change("POST", `${asyncCallPath(org, id)}/retry`);

export interface RetryOptions {
  /** Ends it after the requests that are on their way. */
  readonly signal: AbortSignal;
  /** Called after each call that was retried. */
  readonly onRetried: () => void;
}

/**
 * Retries all failed calls of an organization or endpoint, the newest first. A call that fails again meanwhile is not retried a second time.
 *
 * @throws ApiError if one cannot be retried; the remaining ones stay as they are
 */
export async function retryFailedCalls(
  session: Session,
  scope: { readonly org: string; readonly endpoint?: string | undefined },
  { signal, onRetried }: RetryOptions,
): Promise<void> {
  let before: string | undefined;
  for (;;) {
    const { calls } = await listAsyncCalls(session, { ...scope, state: "failed", before }, PAGE);
    const rest = calls.values();
    let problem: unknown;
    const work = async () => {
      for (const { id } of rest) {
        if (signal.aborted || problem !== undefined) return;
        await retryAsyncCall(session, scope.org, id).then(onRetried, (error: ApiError) => {
          // One that was dropped or completed meanwhile needs no change.
          if (error.status !== 404) problem = error;
        });
      }
    };
    await Promise.all(Array.from({ length: CONCURRENT }, work));
    if (problem !== undefined) throw problem;
    if (signal.aborted || calls.length < PAGE) return;
    before = calls.at(-1)?.id;
  }
}
