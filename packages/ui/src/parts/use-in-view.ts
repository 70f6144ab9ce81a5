import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

/** Distance from the visible part of the page at which an element counts as in view. */
const MARGIN = "300px";

/** Tells whether an element is in view, or almost: what nobody sees need not be kept up to date. */
export function useInView(element: RefObject<Element | null>): boolean {
  const [isInView, setInView] = useState(false);
  useEffect(() => {
    if (element.current === null) return;
    const observer = new IntersectionObserver(
      (entries) => setInView(entries.some(({ isIntersecting }) => isIntersecting)),
      { rootMargin: MARGIN },
    );
    observer.observe(element.current);
    return () => observer.disconnect();
  }, [element]);
  return isInView;
}
