import type { Context } from "koa";
import type { z } from "zod";
import type { RequestDeps } from "./app.ts";

/** One route of the control API: the router and the OpenAPI document are both made from this. */
export interface Route {
  readonly method: "get" | "head" | "put" | "post" | "delete";
  /** As OpenAPI writes it: `{name}` is a parameter. */
  readonly path: string;
  readonly summary: string;
  /**
   * Where keys are required, which is needed. `open`: none. `key`: any; the handler looks what it may. Otherwise the scope; of another organization than
   * the key's there is nothing.
   */
  readonly access: "open" | "key" | "admin" | "deploy" | "read";
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: z.ZodType | "application/x-tar";
  /** Status to meaning; problems need not be listed. */
  readonly answers: Readonly<Record<number, string>>;
  readonly handle: (
    context: Context,
    parameters: Readonly<Record<string, string>>,
    deps: RequestDeps,
  ) => Promise<void> | void;
}
