import { useEffect, useRef, useState } from "preact/hooks";
import { retryFailedCalls } from "../../api/async-calls.ts";
import type { Session } from "../../api/session.ts";
import { formatCount } from "../../parts/format.ts";
import { useAction } from "../../parts/use-action.ts";

export interface RetryFailedProps {
  readonly session: Session;
  readonly org: string;
  /** Absent: all endpoints of the organization. */
  readonly endpoint: string | undefined;
  /** Number of failed calls. */
  readonly failed: number;
  /** Called when calls have been retried. */
  readonly onChange: () => void;
}

/** Button that retries all failed calls, with its progress, and a button that stops it. Leaving the page stops it too. */
export function RetryFailed({ session, org, endpoint, failed, onChange }: RetryFailedProps) {
  const [progress, setProgress] = useState<{ readonly retried: number; readonly total: number }>();
  const running = useRef<AbortController>(undefined);
  const { message, run } = useAction();
  useEffect(() => () => running.current?.abort(), []);
  const start = () =>
    run(async () => {
      const stop = new AbortController();
      running.current = stop;
      const { signal } = stop;
      let retried = 0;
      setProgress({ retried, total: failed });
      try {
        await retryFailedCalls(
          session,
          { org, endpoint },
          {
            signal,
            onRetried: () => setProgress({ retried: ++retried, total: Math.max(failed, retried) }),
          },
        );
      } finally {
        setProgress(undefined);
        onChange();
      }
      return `${formatCount(retried)} ${retried === 1 ? "call is" : "calls are"} delivered again${signal.aborted ? "; stopped" : ""}.`;
    });
  if (progress === undefined && failed === 0 && message === undefined) return null;
  return (
    <div class="buttons retry-failed">
      {progress === undefined ? (
        <button type="button" disabled={failed === 0} onClick={() => void start()}>
          Retry all failed
        </button>
      ) : (
        <>
          <button type="button" onClick={() => running.current?.abort()}>
            Stop
          </button>
          <label class="check">
            <progress max={progress.total} value={progress.retried} />
            {formatCount(progress.retried)} of {formatCount(progress.total)} retried
          </label>
        </>
      )}
      <p role="status">{message}</p>
    </div>
  );
}
