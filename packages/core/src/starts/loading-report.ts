/** Seconds after which the position of code that is still loading is logged. */
export const LOADING_REPORT_SECONDS = 6;

/** Returns the log line about a Node function that is still loading. */
export const loadingReport = (location: string): string =>
  `Still loading after ${LOADING_REPORT_SECONDS} s, at ${location}`;

const REPORT = /^Still loading after \d+ s, at (.+)$/;
/** Header of a traceback by Python's faulthandler, whose first frame is the innermost. */
const TRACEBACK = /^Timeout \(\d+:\d\d:\d\d\)!$/;
const FRAME = /^ {2}File "(.+)", line (\d+) in (.+)$/;
/** Frame of the wrapper, in the folder of the function. */
const WRAPPER_FRAME = /^ {2}File "(.*\/)?\.interface\.pyc?", line \d+ in load_/;
/** Code of the standard library, of the interpreter, of packages and of the wrapper. */
const OTHER_CODE = /\/lib\/python|^<|(?:^|\/)\.interface\.pyc?$|(?:^|\/)\.packages\//;

/** Finds the position of code that is still loading in the lines that a replica printed. */
export function loadingLocation(lines: readonly string[]): string | undefined {
  const report = lines.map((line) => REPORT.exec(line)?.[1]).findLast((found) => found !== undefined);
  if (report !== undefined) return report;
  const wrapper = lines.findLastIndex((line) => WRAPPER_FRAME.test(line));
  if (wrapper < 0) return undefined;
  const [, folder = ""] = WRAPPER_FRAME.exec(lines[wrapper] as string) ?? [];
  // The header is missing in the last lines if the stack is deep.
  const header = lines.slice(0, wrapper).findLastIndex((line) => TRACEBACK.test(line));
  const frames = lines.slice(header + 1, wrapper).map((line) => FRAME.exec(line));
  const frame = frames.find((each) => each && !OTHER_CODE.test(each[1] as string)) ?? frames.find((each) => each);
  if (!frame) return undefined;
  const [, file = "", line, name] = frame;
  return `${file.startsWith(folder) ? file.slice(folder.length) : file}:${line} (${name})`;
}
