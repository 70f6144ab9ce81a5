/** Where a platform tells what happened behind its back; a pino logger fits. */
export interface PlatformLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}
