import type { CloudEvent } from "@faas/core";
import { readEvents } from "../../api/read-events.ts";
import type { ServerModel } from "../../model/server-model.ts";
import { formatTime } from "../../parts/format.ts";
import { useRead } from "../../parts/use-read.ts";

/** Events that are shown. */
const MAX_EVENTS = 50;
/** Facts that are shown elsewhere. */
const LONG: ReadonlySet<string> = new Set(["stages"]);

/** Reads the events of an endpoint that the server has, and again after each new one. */
export function useEndpointEvents(model: ServerModel, org: string, endpoint: string): readonly CloudEvent[] {
  const name = `${org}/${endpoint}`;
  const latest = model.events.find(({ subject }) => subject === name)?.id;
  const found = useRead(
    () => readEvents(model.session, { org, endpoint }),
    [model, org, endpoint, latest, model.connection],
  );
  return found ?? [];
}

/** Events of an endpoint, the newest first. */
export function Events({ events }: { readonly events: readonly CloudEvent[] }) {
  return (
    <section>
      <h2>Events</h2>
      {events.length === 0 && <p class="muted">None since the server started.</p>}
      <ul class="events">
        {events.slice(0, MAX_EVENTS).map(({ id, type, time, data }) => (
          <li key={id} class={type.endsWith(".failed") ? "bad" : undefined}>
            <time dateTime={time}>{formatTime(time)}</time> {type.replace("faas.", "")}{" "}
            <span class="muted">
              {Object.entries(data)
                .filter(([field]) => !LONG.has(field))
                .map(([field, value]) => `${field} ${typeof value === "string" ? value : JSON.stringify(value)}`)
                .join(", ")}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
