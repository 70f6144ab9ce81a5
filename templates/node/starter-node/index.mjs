/** Answers `{"hello": name}` with the name in the JSON body, or "world". */
export async function handler(event, context) {
  const name = event.body?.name ?? "world";
  context.log.info(`hello, ${name}`);
  return { hello: name };
}
