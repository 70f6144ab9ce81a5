import { useState } from "preact/hooks";
import type { ApiError } from "../api/session.ts";

/** Result of a change by this page. */
export function useAction(): {
  readonly message: string | undefined;
  run(action: () => Promise<string>): Promise<void>;
} {
  const [message, setMessage] = useState<string>();
  const run = async (action: () => Promise<string>) => {
    setMessage(undefined);
    try {
      setMessage(await action());
    } catch (error) {
      const { code, message: text } = error as ApiError;
      setMessage(code ? `${text} (${code})` : text);
    }
  };
  return { message, run };
}
