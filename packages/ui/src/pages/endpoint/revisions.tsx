import type { EndpointView, RevisionView, RolledBack } from "@faas/core";
import { useState } from "preact/hooks";
import { endpointPath } from "../../api/session.ts";
import type { ServerModel } from "../../model/server-model.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { formatTime } from "../../parts/format.ts";
import { Table } from "../../parts/table.tsx";
import { useAction } from "../../parts/use-action.ts";
import { useRead } from "../../parts/use-read.ts";

const HEADS = ["Revision", "State", "Share", "Deployed", "By", "Commit", "Message", "Action"];

export interface RevisionsProps {
  readonly model: ServerModel;
  readonly view: EndpointView;
}

/** Kept revisions of an endpoint, with a button that makes one serve again. */
export function Revisions({ model, view }: RevisionsProps) {
  const { session } = model;
  const revisions = useRevisions(model, view);
  const [chosen, setChosen] = useState<RevisionView>();
  const { message, run } = useAction();
  const rollBack = ({ revision }: RevisionView) =>
    run(async () => {
      setChosen(undefined);
      const path = endpointPath(view.org, view.endpoint, "/rollback");
      const result = await session.change<RolledBack>("POST", path, { revision });
      model.refresh(`${view.org}/${view.endpoint}`);
      return `Revision ${result.revision} replaces ${result.replaced}.`;
    });
  return (
    <section>
      <h2>Revisions</h2>
      <Table name="Revisions" heads={HEADS}>
        {revisions.map((revision) => (
          <Row
            key={revision.revision}
            revision={revision}
            onRollBack={session.can("deploy") && revision.state === "kept" ? setChosen : undefined}
          />
        ))}
      </Table>
      <p role="status">{message}</p>
      {chosen && (
        <Confirm
          title={`Roll back to ${chosen.revision}?`}
          text={`It replaces ${view.revision} in ${view.org}/${view.endpoint}. Nothing is built.`}
          action="Roll back"
          onConfirm={() => void rollBack(chosen)}
          onCancel={() => setChosen(undefined)}
        />
      )}
    </section>
  );
}

/** Reads the revisions, and again when another one serves or is being deployed. */
function useRevisions({ session }: ServerModel, view: EndpointView): readonly RevisionView[] {
  const { org, endpoint, revision, deploying, failure } = view;
  const found = useRead(
    () => session.get<{ revisions: readonly RevisionView[] }>(endpointPath(org, endpoint, "/revisions")),
    [session, org, endpoint, revision, deploying, failure?.revision],
  );
  return found?.revisions ?? [];
}

interface RowProps {
  readonly revision: RevisionView;
  /** Absent: it cannot be rolled back to. */
  readonly onRollBack: ((revision: RevisionView) => void) | undefined;
}

function Row({ revision, onRollBack }: RowProps) {
  const { revision: id, state, share, createdAt, origin } = revision;
  const commit = origin?.commit?.slice(0, 10);
  return (
    <tr>
      <td>
        <code>{id}</code>
      </td>
      <td>
        <span class={`phase ${state === "serving" ? "ready" : state}`}>{state}</span>
      </td>
      <td class="number">{share} %</td>
      <td>{formatTime(origin?.at ?? createdAt)}</td>
      <td>{origin?.by ?? "–"}</td>
      <td>{commit === undefined ? "–" : `${commit}${origin?.dirty ? " with changes" : ""}`}</td>
      <td>{origin?.message ?? "–"}</td>
      <td>
        {onRollBack && (
          <button type="button" aria-label={`Roll back to ${id}`} onClick={() => onRollBack(revision)}>
            Roll back
          </button>
        )}
      </td>
    </tr>
  );
}
