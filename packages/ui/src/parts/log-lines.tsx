import type { LogLine } from "@faas/core";
import { hrefOf } from "../route.ts";
import { formatTime } from "./format.ts";

export interface LogLinesProps {
  readonly org: string;
  readonly endpoint: string;
  readonly lines: readonly NumberedLine[];
}

/** Line with a number that no other one has. */
export type NumberedLine = LogLine & { readonly number: number };

/** Lines of a log. The line of a call has a link to its waterfall. */
export function LogLines({ org, endpoint, lines }: LogLinesProps) {
  return (
    <>
      {lines.map(({ number, time, stream, line, access, requestId }) => (
        <div key={number} class={classOf(stream, access?.status)}>
          <time dateTime={time}>{formatTime(time)}</time> {line}{" "}
          {access !== undefined && requestId !== undefined && (
            <a href={hrefOf({ page: "call", org, endpoint, requestId })} aria-label={`Trace of ${requestId}`}>
              trace
            </a>
          )}
        </div>
      ))}
    </>
  );
}

function classOf(stream: LogLine["stream"], status = 0): string {
  if (stream !== "access") return stream;
  return status >= 500 ? "access bad" : "access";
}
