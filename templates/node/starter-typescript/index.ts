import type { Context, Event } from "./faas.d.ts";

interface Greeting {
  readonly hello: string;
}

/** Answers `{"hello": name}` with the name in the JSON body, or "world". */
export async function handler(event: Event<{ name?: string }>, context: Context): Promise<Greeting> {
  const name = event.body?.name ?? "world";
  context.log.info(`hello, ${name}`);
  return { hello: name };
}
