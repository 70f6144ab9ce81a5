import { useEffect, useRef, useState } from "preact/hooks";
import { ApiError, Session } from "../api/session.ts";

export interface SignInProps {
  /** Reason why the user has to sign in again. */
  readonly problem: string | undefined;
  readonly onSignIn: (session: Session) => void;
}

/** Form for a key. */
export function SignIn({ problem, onSignIn }: SignInProps) {
  const [error, setError] = useState(problem);
  const [isBusy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = async (form: HTMLFormElement) => {
    const values = new FormData(form);
    setBusy(true);
    setError(undefined);
    try {
      onSignIn(await Session.signIn(String(values.get("key")).trim(), values.get("keep") === "on"));
    } catch (failure) {
      const isRejected = failure instanceof ApiError && failure.status === 401;
      setError(isRejected ? "The server does not accept this key" : (failure as Error).message);
      setBusy(false);
    }
  };
  return (
    <main class="sign-in">
      <h1>faas</h1>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        <label>
          Key
          <input
            name="key"
            type="password"
            autocomplete="off"
            spellcheck={false}
            required
            ref={field}
            placeholder="faas_…"
          />
        </label>
        <label class="check">
          <input name="keep" type="checkbox" /> Keep it until this tab is closed
        </label>
        {error !== undefined && (
          <p class="error" role="alert">
            {error}
          </p>
        )}
        <button type="submit" class="primary" disabled={isBusy}>
          Sign in
        </button>
      </form>
      <p class="muted">
        An admin creates keys with <code>faas key create</code>.
      </p>
    </main>
  );
}
