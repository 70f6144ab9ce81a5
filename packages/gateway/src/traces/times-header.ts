/** Header with which the gateway asks the wrapper for its times, and in which the wrapper answers (docs/wrapper-protocol.md, "Traces"). */
export const TIMES_HEADER = "x-faas-trace";
