import { useMemo } from "preact/hooks";
import { useChanges } from "../../model/observable.ts";
import type { ServerModel } from "../../model/server-model.ts";
import { type AsyncCallChoice, hrefOf } from "../../route.ts";
import { AsyncCallList } from "./async-call-list.tsx";

const LIMIT = 50;

export interface AsyncCallsPageProps {
  readonly model: ServerModel;
  readonly choice: AsyncCallChoice;
}

/** Asynchronous calls of an organization, or of one of its endpoints. The choice is in the URL. */
export function AsyncCallsPage({ model, choice }: AsyncCallsPageProps) {
  useChanges(model);
  const { session } = model;
  const endpoints = useEndpoints(model);
  const org = choice.org ?? session.org ?? endpoints.keys().next().value;
  const choose = ({ state, endpoint, org: chosen = org }: AsyncCallChoice) =>
    location.replace(hrefOf({ page: "async-calls", org: chosen, endpoint, state }));
  return (
    <main>
      <h1 tabIndex={-1}>Asynchronous calls</h1>
      {model.isLoaded && org === undefined && <p>No endpoints yet.</p>}
      {org !== undefined && (
        <>
          <form class="tools" onSubmit={(event) => event.preventDefault()}>
            {session.org === undefined && (
              <Choice
                label="Organization"
                value={org}
                names={[...endpoints.keys()]}
                onChange={(name) => choose({ ...choice, org: name, endpoint: undefined })}
              />
            )}
            <Choice
              label="Endpoint"
              value={choice.endpoint}
              names={endpoints.get(org) ?? []}
              all="All"
              onChange={(endpoint) => choose({ ...choice, endpoint })}
            />
          </form>
          <AsyncCallList
            session={session}
            choice={{ ...choice, org }}
            onState={(state) => choose({ ...choice, state })}
            limit={LIMIT}
            hasPages
          />
        </>
      )}
    </main>
  );
}

/** Returns the names of the endpoints of each organization, all sorted. */
function useEndpoints({ entries, listVersion }: ServerModel): ReadonlyMap<string, readonly string[]> {
  return useMemo(() => {
    const names = new Map<string, string[]>();
    for (const key of [...entries.keys()].sort()) {
      const [org = "", endpoint = ""] = key.split("/");
      names.set(org, [...(names.get(org) ?? []), endpoint]);
    }
    return names;
  }, [entries, listVersion]);
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string | undefined;
  readonly names: readonly string[];
  /** Name of the choice of all. Absent: one has to be chosen. */
  readonly all?: string;
  readonly onChange: (name: string | undefined) => void;
}

function Choice({ label, value, names, all, onChange }: ChoiceProps) {
  // A name in the URL may be one that the page does not know yet.
  const known = value === undefined || names.includes(value) ? names : [value, ...names];
  return (
    <label>
      {label}
      <select value={value ?? ""} onChange={({ currentTarget }) => onChange(currentTarget.value || undefined)}>
        {all !== undefined && <option value="">{all}</option>}
        {known.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}
