import type { LayoutFault } from "./markdown.ts";
import type { Span } from "./span.ts";
import { lineAt } from "./text.ts";

const opener = /^(?:Of|What|Whether|Who|Where|One|Those|It|The same)(?![\w-])/;

const testOpener = /^(?:of|what|whether|who|whoever|where|those|the same)(?![\w-])/i;

const testCall = /\b(?:test|it|describe)\(\s*["`]$/;

const declaration = new RegExp(
  [
    String.raw`^(?:export |default |declare |abstract |async )*(?:function|class|interface|type|enum)\b`,
    String.raw`^(?:export )?const \w+\s*=\s*(?:async )?(?:\(|function|\w+ =>)`,
    "^(?:async )?(?:def|class) ",
    String.raw`^(?:public |private |protected |static |override |readonly |async |get |set |\*)*(?!(?:if|for|while|switch|catch|return|await)\b)#?\w+(?:<[^>]*>)?\([^;]*\{$`,
  ].join("|"),
);

/** Finds test names that start with a relative clause. */
export function testNameFaults(text: string, spans: readonly Span[], source: string): LayoutFault[] {
  return spans.flatMap(({ kind, start, end }) => {
    const [found] = testOpener.exec(text.slice(start, end)) ?? [];
    if (kind !== "string" || found === undefined || !testCall.test(source.slice(Math.max(0, start - 80), start)))
      return [];
    const problem = `test name starts with "${found}"`;
    return [{ line: lineAt(text, start), problem, advice: "the unit and what it does" }];
  });
}

/** Finds comments on declarations that do not start with a verb or a noun. */
export function openerFaults(text: string, spans: readonly Span[], source: string): LayoutFault[] {
  return spans.flatMap((span, index) => {
    const comment = text.slice(span.start, span.end);
    const [found] = opener.exec(comment.trimStart()) ?? [];
    if (found === undefined || !isOnDeclaration(span, index, spans, source)) return [];
    const position = span.start + comment.indexOf(found);
    const problem = `comment starts with "${found}"`;
    return [{ line: lineAt(text, position), problem, advice: "a verb for a function, a noun for a type or field" }];
  });
}

function isOnDeclaration(span: Span, index: number, spans: readonly Span[], source: string): boolean {
  if (span.kind === "doc") return true;
  if (span.kind === "string") return false;
  const startsLine = source.slice(source.lastIndexOf("\n", span.start) + 1, span.start).trim() === "";
  const previous = spans[index - 1];
  const continues = previous?.kind === span.kind && /^\n[ \t]*$/.test(source.slice(previous.end, span.start));
  if (!startsLine || continues) return false;
  let last = span;
  for (const next of spans.slice(index + 1)) {
    if (!/^\n[ \t]*$/.test(source.slice(last.end, next.start))) break;
    last = next;
  }
  const [, following = ""] = /^\n([^\n]*)/.exec(source.slice(last.end)) ?? [];
  return declaration.test(following.trim());
}
