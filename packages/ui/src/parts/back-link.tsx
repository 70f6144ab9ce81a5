import { useEffect } from "preact/hooks";
import { hrefOf, type Route } from "../route.ts";

export interface BackLinkProps {
  readonly to: Route;
  readonly text: string;
}

/** Link to the place above, which Escape follows too. */
export function BackLink({ to, text }: BackLinkProps) {
  const href = hrefOf(to);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      const isBusy = event.target instanceof HTMLElement && event.target.matches("input, textarea, select, dialog *");
      if (event.key === "Escape" && !isBusy) location.hash = href;
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [href]);
  return (
    <p>
      <a href={href} aria-keyshortcuts="Escape">
        ← {text}
      </a>
    </p>
  );
}
