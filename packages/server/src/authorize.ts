import type { Exchange } from "./exchange.ts";

/** Lets all pass: there are no keys yet. */
export function authorize(exchange: Exchange): void {
  exchange.proceed();
}
