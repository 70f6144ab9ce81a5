import type { LogLine } from "@faas/core";
import { hrefOf } from "../route.ts";
import { formatTime } from "./format.ts";

export interface LogLinesProps {
  readonly lines: readonly NumberedLine[];
  /** Endpoint to whose calls the lines have links. Absent: no links. */
  readonly endpoint?: { readonly org: string; readonly endpoint: string };
}

/** Line with a number that no other one has. */
export type NumberedLine = LogLine & { readonly number: number };

/** Lines of a log. The line of a call can have a link to its waterfall. */
export function LogLines({ lines, endpoint }: LogLinesProps) {
  return (
    <>
      {lines.map(({ number, time, stream, line, access, requestId }) => (
        <div key={number} class={classOf(stream, access?.status)}>
          <time dateTime={time}>{formatTime(time)}</time> {line}
          {endpoint && access && requestId !== undefined && (
            <a href={hrefOf({ page: "call", ...endpoint, requestId })} aria-label={`Trace of ${requestId}`}>
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
