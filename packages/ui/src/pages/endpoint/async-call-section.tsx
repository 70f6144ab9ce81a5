import type { AsyncCallState } from "@faas/core";
import { useState } from "preact/hooks";
import type { Session } from "../../api/session.ts";
import { AsyncCallList } from "../async-calls/async-call-list.tsx";

export interface AsyncCallSectionProps {
  readonly session: Session;
  readonly org: string;
  readonly endpoint: string;
}

const LIMIT = 10;

/** The newest asynchronous calls of an endpoint. */
export function AsyncCallSection({ session, org, endpoint }: AsyncCallSectionProps) {
  const [state, setState] = useState<AsyncCallState>();
  return (
    <section>
      <h2>Asynchronous calls</h2>
      <AsyncCallList
        session={session}
        choice={{ org, endpoint, state }}
        onState={setState}
        limit={LIMIT}
        hasPages={false}
      />
    </section>
  );
}
