import type { EndpointView, RevisionView, RolledBack } from "@faas/core";
import { useState } from "preact/hooks";
import { endpointPath } from "../../api/session.ts";
import type { ServerModel } from "../../model/server-model.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { formatTime } from "../../parts/format.ts";
import { Table } from "../../parts/table.tsx";
import { useAction } from "../../parts/use-action.ts";
import { useRead } from "../../parts/use-read.ts";

const HEADS = ["Revision", "State", "Share", "Tags", "Deployed", "By", "Commit", "Message", "Action"];

export interface RevisionsProps {
  readonly model: ServerModel;
  readonly view: EndpointView;
}

/** Kept revisions of an endpoint: their shares of the calls, tags and previews, and a button that makes one serve. */
export function Revisions({ model, view }: RevisionsProps) {
  const { session } = model;
  const revisions = useRevisions(model, view);
  const [chosen, setChosen] = useState<RevisionView>();
  const { message, run } = useAction();
  const serve = ({ revision }: RevisionView) =>
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
      <Split traffic={view.traffic} />
      <Table name="Revisions" heads={HEADS}>
        {revisions.map((revision) => (
          <Row
            key={revision.revision}
            revision={revision}
            view={view}
            onServe={session.can("deploy") && revision.state === "kept" ? setChosen : undefined}
          />
        ))}
      </Table>
      <p role="status">{message}</p>
      {chosen && (
        <Confirm
          title={`${verbOf(chosen)} ${chosen.revision}?`}
          text={`It replaces ${view.revision} in ${view.org}/${view.endpoint}, and gets all calls. Nothing is built.`}
          action={hasServed(chosen) ? "Roll back" : "Promote"}
          onConfirm={() => void serve(chosen)}
          onCancel={() => setChosen(undefined)}
        />
      )}
    </section>
  );
}

/** True for a revision that served before; false for a preview. */
const hasServed = ({ servedUntil }: RevisionView) => servedUntil !== undefined;

const verbOf = (revision: RevisionView) => (hasServed(revision) ? "Roll back to" : "Promote");

/** Describes a split of the calls; the shares are in the table. */
function Split({ traffic }: Pick<EndpointView, "traffic">) {
  if (traffic?.shares === undefined) return null;
  const { sticky } = traffic;
  const callers =
    sticky === undefined
      ? "Each call is chosen by itself."
      : `Callers stay at their revision, by ${sticky === "cookie" ? "a cookie" : `the header ${sticky.slice("header:".length)}`}.`;
  return <p>The calls are divided among revisions until the next deployment. {callers}</p>;
}

/** Reads the revisions, and again when another one serves or is being deployed, or their shares and tags change. */
function useRevisions({ session }: ServerModel, view: EndpointView): readonly RevisionView[] {
  const { org, endpoint, revision, deploying, failure, traffic } = view;
  const found = useRead(
    () => session.get<{ revisions: readonly RevisionView[] }>(endpointPath(org, endpoint, "/revisions")),
    [session, org, endpoint, revision, deploying, failure?.revision, JSON.stringify(traffic)],
  );
  return found?.revisions ?? [];
}

interface RowProps {
  readonly revision: RevisionView;
  readonly view: EndpointView;
  /** Absent: it cannot be made to serve. */
  readonly onServe: ((revision: RevisionView) => void) | undefined;
}

function Row({ revision, view, onServe }: RowProps) {
  const { revision: id, share, createdAt, origin } = revision;
  const commit = origin?.commit?.slice(0, 10);
  const tags = Object.entries(view.traffic?.tags ?? {}).filter(([, tagged]) => tagged === id);
  return (
    <tr>
      <td>
        <code>{id}</code>
      </td>
      <td>
        <State revision={revision} traffic={view.traffic} />
      </td>
      <td class="number">{share} %</td>
      <td>
        {tags.length === 0
          ? "–"
          : tags.map(([tag]) => (
              <a key={tag} class="tag" href={`${view.url}@${tag}`} target="_blank" rel="noopener noreferrer">
                {tag}
              </a>
            ))}
      </td>
      <td>{formatTime(origin?.at ?? createdAt)}</td>
      <td>{origin?.by ?? "–"}</td>
      <td>{commit === undefined ? "–" : `${commit}${origin?.dirty ? " with changes" : ""}`}</td>
      <td class="text">{origin?.message ?? "–"}</td>
      <td>
        {onServe && (
          <button type="button" aria-label={`${verbOf(revision)} ${id}`} onClick={() => onServe(revision)}>
            {hasServed(revision) ? "Roll back" : "Promote"}
          </button>
        )}
      </td>
    </tr>
  );
}

/** State of a revision, and how long it runs without calls. */
function State({ revision: { revision, state }, traffic }: Pick<RowProps, "revision"> & Pick<EndpointView, "traffic">) {
  const preview = traffic?.previews.find((each) => each.revision === revision);
  const warm = traffic?.keptWarm?.revision === revision ? traffic.keptWarm : undefined;
  return (
    <>
      <span class={`phase ${state === "serving" ? "ready" : state}`}>
        {preview && state === "kept" ? "preview" : state}
      </span>
      {preview?.expiresAt !== undefined && <span class="muted"> until {formatTime(preview.expiresAt)}</span>}
      {warm && <span class="muted"> warm until {formatTime(warm.until)}</span>}
    </>
  );
}
