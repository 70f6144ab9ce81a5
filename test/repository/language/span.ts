/** Comment or string literal of a source file; `end` is exclusive. */
export interface Span {
  /** `doc` is a JSDoc comment or a Python docstring. */
  readonly kind: "line" | "block" | "doc" | "string";
  readonly start: number;
  readonly end: number;
}
