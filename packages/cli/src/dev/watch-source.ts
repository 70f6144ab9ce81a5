import { basename } from "node:path";
import { createIgnoreFilter } from "@faas/builder/bundle";
import { FaasError } from "@faas/core";
import { watchFolder } from "./watch-folder.ts";

interface WatchSourceOptions {
  readonly signal: AbortSignal;
  onChange(paths: ReadonlySet<string>): void;
  onError(error: FaasError): void;
}

/**
 * Watches the files of a function that a deployment would upload, and its `.env`.
 *
 * @throws SOURCE_UNREADABLE
 */
export async function watchSource(folder: string, { signal, onChange, onError }: WatchSourceOptions): Promise<void> {
  let ignored = createIgnoreFilter(folder);
  const failure = (cause: Error) =>
    new FaasError("SOURCE_UNREADABLE", `Cannot watch ${folder}: ${cause.message}`, { cause });
  await watchFolder(folder, {
    signal,
    // `.env` is never deployed, but has the values of secrets.
    ignored: (path, isFolder) => path !== ".env" && ignored(path, isFolder),
    onChange: (paths) => {
      if ([...paths].some((path) => /^\.(git|faas)ignore$/.test(basename(path)))) ignored = createIgnoreFilter(folder);
      onChange(paths);
    },
    onError: (error) => onError(failure(error)),
  }).catch((error) => {
    throw failure(error);
  });
}
