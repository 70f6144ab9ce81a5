/** Seconds after which the position of code that is still loading is logged. */
export const LOADING_REPORT_SECONDS = 6;

/** Returns the log line about a function that is still loading. The Python wrapper writes the same. */
export const loadingReport = (location: string): string =>
  `Still loading after ${LOADING_REPORT_SECONDS} s, at ${location}`;

const REPORT = /^Still loading after \d+ s, at (.+)$/;
/** Header of a traceback by Python's faulthandler, for code that does not let any other thread run, and its frames. */
const TRACEBACK = /^Timeout \(\d+:\d\d:\d\d\)!$/;
const FRAME = /^ {2}File "(?:.*\/)?([^/"]+)", line (\d+) in (.+)$/;
/** Code of the standard library, of the interpreter and of the wrapper. */
const OTHER_CODE = /"(?:.*\/lib\/python|<|.*\/\.interface\.pyc?")/;

/** Finds the position of code that is still loading in the lines that a replica printed. */
export function loadingLocation(lines: readonly string[]): string | undefined {
  const report = lines.map((line) => REPORT.exec(line)?.[1]).findLast((found) => found !== undefined);
  if (report !== undefined) return report;
  const header = lines.findLastIndex((line) => TRACEBACK.test(line));
  const frame = header < 0 ? undefined : lines.slice(header).find((line) => FRAME.test(line) && !OTHER_CODE.test(line));
  const [, file, line, name] = FRAME.exec(frame ?? "") ?? [];
  return file === undefined ? undefined : `${file}:${line} (${name})`;
}
