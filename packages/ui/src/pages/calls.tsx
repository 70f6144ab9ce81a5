import type { Calls } from "@faas/core";
import { useState } from "preact/hooks";
import type { Session } from "../api/session.ts";
import { CallList } from "../parts/call-list.tsx";
import { useAction } from "../parts/use-action.ts";
import { hrefOf } from "../route.ts";

/** Recent calls of all endpoints, and a field that finds one by its request id. */
export function CallsPage({ session }: { readonly session: Session }) {
  return (
    <main>
      <h1 tabIndex={-1}>Calls</h1>
      <FindForm session={session} />
      <CallList session={session} />
    </main>
  );
}

function FindForm({ session }: { readonly session: Session }) {
  const [requestId, setRequestId] = useState("");
  const { message, run } = useAction();
  const find = () =>
    run(async () => {
      const { calls } = await session.get<Calls>(`/-/calls?${new URLSearchParams({ requestId })}`);
      const [found] = calls;
      if (found === undefined) return "The server has no call with this request id in memory.";
      location.hash = hrefOf({ page: "call", ...found });
      return "";
    });
  return (
    <form
      class="tools"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        void find();
      }}
    >
      <label class="wide">
        Request id
        <input
          type="search"
          required
          value={requestId}
          onInput={({ currentTarget }) => setRequestId(currentTarget.value.trim())}
          placeholder="X-Request-Id of a response"
          spellcheck={false}
        />
      </label>
      <button type="submit">Find</button>
      <p role="status">{message}</p>
    </form>
  );
}
