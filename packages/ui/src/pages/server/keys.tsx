import type { KeyView, NewKeyView } from "@faas/core";
import { useEffect, useState } from "preact/hooks";
import type { ServerModel } from "../../model/server-model.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { formatTime } from "../../parts/format.ts";
import { Table } from "../../parts/table.tsx";
import { useAction } from "../../parts/use-action.ts";

export interface KeysProps {
  readonly model: ServerModel;
  readonly orgs: readonly string[];
}

const pathOf = (org: string | undefined) => (org === undefined ? "/-/keys" : `/-/orgs/${encodeURIComponent(org)}/keys`);

/** Keys: lists, creates and revokes them. */
export function Keys({ model, orgs }: KeysProps) {
  const { session } = model;
  const [keys, setKeys] = useKeys(model, orgs);
  const [created, setCreated] = useState<NewKeyView>();
  const [revoking, setRevoking] = useState<KeyView>();
  const { message, run } = useAction();
  const revoke = ({ org, id, name }: KeyView) =>
    run(async () => {
      setRevoking(undefined);
      await session.change("DELETE", `${pathOf(org)}/${encodeURIComponent(id)}`);
      setKeys((before) => before.filter((key) => key.id !== id));
      return `The key "${name}" is revoked.`;
    });
  const create = (form: HTMLFormElement) =>
    run(async () => {
      const text = (field: string) => String(new FormData(form).get(field) ?? "").trim();
      const [org, scope, name, expires] = [text("org"), text("scope"), text("name"), text("expires")];
      const isAdmin = org === "";
      const body = { ...(isAdmin ? {} : { scope }), ...(name && { name }), ...(expires && { expires }) };
      setCreated(await session.change<NewKeyView>("POST", pathOf(isAdmin ? undefined : org), body));
      form.reset();
      return "The key is created.";
    });
  return (
    <section>
      <h2>Keys</h2>
      <KeyTable keys={keys} onRevoke={setRevoking} />
      <h3>Create a key</h3>
      <CreateForm orgs={orgs} onCreate={create} />
      <p role="status">{message}</p>
      {created && (
        <p class="token">
          Copy it now, it is not shown again: <code>{created.token}</code>{" "}
          <button type="button" onClick={() => setCreated(undefined)}>
            Hide
          </button>
        </p>
      )}
      {revoking && (
        <Confirm
          title={`Revoke the key "${revoking.name}"?`}
          text="Requests with it are rejected at once, and its streams end."
          action="Revoke"
          onConfirm={() => void revoke(revoking)}
          onCancel={() => setRevoking(undefined)}
        />
      )}
    </section>
  );
}

/** Reads the keys of the server and of all organizations, and again after each change. */
function useKeys({ session, accessVersion }: ServerModel, orgs: readonly string[]) {
  const state = useState<readonly KeyView[]>([]);
  const [, setKeys] = state;
  const names = orgs.join();
  useEffect(() => {
    let isCurrent = true;
    const lists = [undefined, ...orgs].map((org) => session.get<{ keys: readonly KeyView[] }>(pathOf(org)));
    Promise.all(lists).then(
      (found) => isCurrent && setKeys(found.flatMap((list) => list.keys)),
      () => {},
    );
    return () => {
      isCurrent = false;
    };
  }, [session, names, accessVersion]);
  return state;
}

interface KeyTableProps {
  readonly keys: readonly KeyView[];
  readonly onRevoke: (key: KeyView) => void;
}

function KeyTable({ keys, onRevoke }: KeyTableProps) {
  return (
    <Table name="Keys" heads={["Name", "Scope", "Organization", "Created", "Last used", "Expires", "Action"]}>
      {keys.map((key) => (
        <tr key={key.id}>
          <td>{key.name}</td>
          <td>{key.scope}</td>
          <td>{key.org ?? "all"}</td>
          <td>{formatTime(key.createdAt)}</td>
          <td>{key.lastUsedAt === undefined ? "never" : formatTime(key.lastUsedAt)}</td>
          <td>{key.expiresAt === undefined ? "never" : formatTime(key.expiresAt)}</td>
          <td>
            <button type="button" aria-label={`Revoke ${key.name}`} onClick={() => onRevoke(key)}>
              Revoke
            </button>
          </td>
        </tr>
      ))}
    </Table>
  );
}

interface CreateFormProps {
  readonly orgs: readonly string[];
  readonly onCreate: (form: HTMLFormElement) => Promise<void>;
}

function CreateForm({ orgs, onCreate }: CreateFormProps) {
  const [org, setOrg] = useState("");
  return (
    <form
      class="tools"
      onReset={() => setOrg("")}
      onSubmit={(event) => {
        event.preventDefault();
        void onCreate(event.currentTarget);
      }}
    >
      <label>
        Organization
        <select name="org" value={org} onChange={({ currentTarget }) => setOrg(currentTarget.value)}>
          <option value="">The whole server</option>
          {orgs.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      {org !== "" && (
        <label>
          Scope
          <select name="scope">
            {["read", "invoke", "deploy"].map((scope) => (
              <option key={scope}>{scope}</option>
            ))}
          </select>
        </label>
      )}
      <label>
        Name
        <input name="name" placeholder="purpose" />
      </label>
      <label>
        Expires after
        <input name="expires" placeholder="90d, or never" />
      </label>
      <button type="submit">{org === "" ? "Create an admin key" : "Create"}</button>
    </form>
  );
}
