import type { ComponentChildren, TargetedKeyboardEvent } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

export interface VirtualListProps<Item> {
  readonly label: string;
  readonly items: readonly Item[];
  readonly keyOf: (item: Item) => string;
  readonly head: ComponentChildren;
  /** Height of each row in pixels. */
  readonly rowHeight: number;
  readonly children: (item: Item) => ComponentChildren;
}

/** Rows that a key moves by. */
const STEPS: Readonly<Record<string, number>> = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 };
/** Rows above and below the visible ones. */
const OVERSCAN = 6;

/** Table that has only the visible rows in the document, so that its length costs nothing. The arrow keys move between the links of rows. */
export function VirtualList<Item>({ label, items, keyOf, head, rowHeight, children }: VirtualListProps<Item>) {
  const scroller = useRef<HTMLDivElement>(null);
  const [scrollTop, setScrollTop] = useState(0);
  const [height, setHeight] = useState(800);
  useEffect(() => {
    const element = scroller.current as HTMLDivElement;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  // A list that became shorter is scrolled back by the browser, which says so later.
  const top = Math.min(scrollTop, Math.max(0, items.length * rowHeight - height));
  const first = Math.max(0, Math.floor(top / rowHeight) - OVERSCAN);
  const last = Math.min(items.length, Math.ceil((top + height) / rowHeight) + OVERSCAN);
  const onKeyDown = (event: TargetedKeyboardEvent<HTMLDivElement>) => {
    const step = STEPS[event.key];
    const row = (event.target as HTMLElement).closest<HTMLElement>("[data-index]");
    if (step === undefined || row === null) return;
    event.preventDefault();
    const index = Math.max(0, Math.min(items.length - 1, Number(row.dataset.index) + step));
    const element = event.currentTarget;
    scrollIntoView(element, index * rowHeight, rowHeight);
    // The row is rendered after the scroll event.
    requestAnimationFrame(() =>
      requestAnimationFrame(() =>
        element.querySelector<HTMLElement>(`[data-index="${index}"] a`)?.focus({ preventScroll: true }),
      ),
    );
  };
  return (
    <div class="list" role="table" aria-label={label} aria-rowcount={items.length + 1}>
      <div class="heads" role="rowgroup">
        <div class="row head" role="row" aria-rowindex={1}>
          {head}
        </div>
      </div>
      <div
        class="scroller"
        role="rowgroup"
        ref={scroller}
        onScroll={(event) => setScrollTop(event.currentTarget.scrollTop)}
        onKeyDown={onKeyDown}
      >
        <div class="rows" role="presentation" style={{ height: `${items.length * rowHeight}px` }}>
          {items.slice(first, last).map((item, offset) => {
            const index = first + offset;
            const style = { transform: `translateY(${index * rowHeight}px)`, height: `${rowHeight}px` };
            return (
              <div class="row" role="row" key={keyOf(item)} aria-rowindex={index + 2} data-index={index} style={style}>
                {children(item)}
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

function scrollIntoView(element: HTMLElement, top: number, height: number): void {
  if (top < element.scrollTop) element.scrollTop = top;
  else if (top + height > element.scrollTop + element.clientHeight)
    element.scrollTop = top + height - element.clientHeight;
}
