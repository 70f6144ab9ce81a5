import { useState } from "preact/hooks";
import type { Session } from "../api/session.ts";
import { CallForm } from "../parts/call-form.tsx";

/** Page for a key that may only call endpoints: it cannot list them. */
export function InvokePage({ session }: { readonly session: Session }) {
  const [name, setName] = useState("");
  return (
    <main>
      <h1>Call an endpoint</h1>
      <p>This key can call endpoints, and see nothing else.</p>
      <label>
        Endpoint of {session.org}
        <input value={name} onInput={(event) => setName(event.currentTarget.value.trim())} spellcheck={false} />
      </label>
      {name !== "" && <CallForm session={session} org={session.org ?? ""} endpoint={name} />}
    </main>
  );
}
