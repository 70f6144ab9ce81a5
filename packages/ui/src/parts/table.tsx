import type { ComponentChildren } from "preact";

export interface TableProps {
  /** The table's purpose, for screen readers. */
  readonly name: string;
  readonly heads: readonly string[];
  /** Rows: `tr` elements. */
  readonly children: ComponentChildren;
}

/** Table that scrolls sideways in a narrow window, by keyboard too. */
export function Table({ name, heads, children }: TableProps) {
  return (
    <section class="scroll" tabIndex={0} aria-label={name}>
      <table>
        <thead>
          <tr>
            {heads.map((head) => (
              <th key={head} scope="col">
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </section>
  );
}
