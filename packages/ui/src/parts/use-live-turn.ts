import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";
import { useInView } from "./use-in-view.ts";

/** Tells whether somebody points to a row of the table within an element: rows must not move away then. */
export const isTableInUse = (element: HTMLElement | null): boolean =>
  element?.querySelector("table")?.matches(":hover, :focus-within") ?? false;

/** Counts up at an interval while an element is in view and the page is visible. @param isPaused skips one turn */
export function useLiveTurn(
  element: RefObject<HTMLElement | null>,
  intervalMs: number,
  isPaused: () => boolean = () => false,
): number {
  const isInView = useInView(element);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (!isInView) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible" && !isPaused()) setTurn((before) => before + 1);
    }, intervalMs);
    return () => clearInterval(timer);
  }, [isInView]);
  return turn;
}
