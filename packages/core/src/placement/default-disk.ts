/** Limit of the files of a replica without the setting `disk`. */
export const DEFAULT_DISK = "1Gi";
