import type { AsyncCall } from "@faas/core";
import { useState } from "preact/hooks";
import { asyncCallPath, retryAsyncCall } from "../../api/async-calls.ts";
import type { Session } from "../../api/session.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { useAction } from "../../parts/use-action.ts";

export interface CallActionsProps {
  readonly session: Session;
  readonly call: AsyncCall;
  /** Called when the call has been changed or removed. */
  readonly onChange: () => void;
}

/** Buttons that deliver a call now, and drop it after a question. */
export function CallActions({ session, call: { org, id, state }, onChange }: CallActionsProps) {
  const [isDropping, setDropping] = useState(false);
  const { message, run } = useAction();
  const change = (action: () => Promise<unknown>, done: string) =>
    run(async () => {
      setDropping(false);
      await action();
      onChange();
      // The button may not be there any longer.
      document.querySelector<HTMLElement>("main h1")?.focus();
      return done;
    });
  const retry = () => change(() => retryAsyncCall(session, org, id), "It is delivered now.");
  const drop = () => change(() => session.change("DELETE", asyncCallPath(org, id)), "It is removed.");
  return (
    <>
      <div class="buttons">
        {state === "failed" && (
          <button type="button" class="primary" onClick={() => void retry()}>
            Retry
          </button>
        )}
        {state === "waiting" && (
          <button type="button" onClick={() => void retry()}>
            Deliver now
          </button>
        )}
        <button type="button" class="danger" onClick={() => setDropping(true)}>
          Drop
        </button>
      </div>
      <p role="status">{message}</p>
      {isDropping && (
        <Confirm
          title="Drop this call?"
          text={`Its request and response are removed for good.${state === "running" ? " The delivery in progress ends by itself." : ""}`}
          action="Drop"
          onConfirm={() => void drop()}
          onCancel={() => setDropping(false)}
        />
      )}
    </>
  );
}
