import type { EndpointView } from "@faas/core";
import { useState } from "preact/hooks";
import { endpointPath } from "../../api/session.ts";
import type { ServerModel } from "../../model/server-model.ts";
import { useAction } from "../../parts/use-action.ts";

export interface SettingsViewProps {
  readonly model: ServerModel;
  readonly view: EndpointView;
}

type Settings = Readonly<Record<string, unknown>>;

/** Settings that the form changes, with the type of their fields. */
const EDITABLE: Readonly<
  Record<string, { readonly label: string; readonly isNumber?: boolean; readonly hint: string }>
> = {
  replicas: { label: "Replicas while in use", isNumber: true, hint: "0: none until the first call" },
  maxReplicas: { label: "Maximum replicas", isNumber: true, hint: "such as 10" },
  concurrency: { label: "Concurrent calls per replica", isNumber: true, hint: "such as 80" },
  idleTimeout: { label: "Idle timeout", hint: "such as 5m, auto or never" },
  timeout: { label: "Timeout of a call", hint: "such as 30s" },
  cpu: { label: "CPU", hint: "such as 100m" },
  memory: { label: "Memory", hint: "such as 256Mi" },
};

/** Settings of an endpoint: all of them, and a form for those that are often changed. */
export function SettingsView({ model, view }: SettingsViewProps) {
  const settings = view.settings as Settings;
  const [isEditing, setEditing] = useState(false);
  const others = Object.entries(settings).filter(([, value]) => value !== undefined);
  return (
    <section>
      <h2>Settings</h2>
      <dl class="settings">
        {others.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <code>{format(name, value)}</code>
            </dd>
          </div>
        ))}
      </dl>
      {model.session.can("deploy") && !isEditing && (
        <button type="button" onClick={() => setEditing(true)}>
          Change settings
        </button>
      )}
      {isEditing && <SettingsForm model={model} view={view} onDone={() => setEditing(false)} />}
    </section>
  );
}

/** Formats the value of a setting; that of "async" as the command line takes it. */
function format(name: string, value: unknown): string {
  if (typeof value === "string") return value;
  if (name !== "async") return JSON.stringify(value);
  return Object.entries(value as Settings)
    .map(([key, each]) => `${key}=${each}`)
    .join(",");
}

function SettingsForm({ model, view, onDone }: SettingsViewProps & { readonly onDone: () => void }) {
  const settings = view.settings as Settings;
  const { message, run } = useAction();
  const submit = (form: HTMLFormElement) =>
    run(async () => {
      const changes = changesIn(new FormData(form), settings);
      if (Object.keys(changes).length === 0) return "Nothing was changed.";
      const path = endpointPath(view.org, view.endpoint);
      const { revision } = await model.session.change<{ revision: string }>("PUT", path, { settings: changes });
      model.refresh(`${view.org}/${view.endpoint}`);
      return `Revision ${revision} is being deployed.`;
    });
  return (
    <form
      class="settings-form"
      onSubmit={(event) => {
        event.preventDefault();
        void submit(event.currentTarget);
      }}
    >
      {Object.entries(EDITABLE).map(([name, { label, isNumber, hint }]) => (
        <label key={name}>
          {label}
          <input
            name={name}
            inputMode={isNumber ? "numeric" : "text"}
            {...(isNumber ? { pattern: "[0-9]*" } : {})}
            placeholder={hint}
            defaultValue={textOf(settings[name])}
          />
        </label>
      ))}
      <div class="buttons">
        <button type="submit" class="primary">
          Deploy with these settings
        </button>
        <button type="button" onClick={onDone}>
          Close
        </button>
      </div>
      <p role="status">{message}</p>
    </form>
  );
}

const textOf = (value: unknown) => (value === undefined ? "" : String(value));

/** Returns the changed settings; one that was emptied goes back to its default. */
function changesIn(values: FormData, settings: Settings): Record<string, unknown> {
  const changes: Record<string, unknown> = {};
  for (const [name, { isNumber }] of Object.entries(EDITABLE)) {
    const text = String(values.get(name) ?? "").trim();
    if (text === textOf(settings[name])) continue;
    changes[name] = text === "" ? null : isNumber ? Number(text) : text;
  }
  return changes;
}
