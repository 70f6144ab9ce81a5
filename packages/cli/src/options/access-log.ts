/** Description of `--access-log`. */
export const ACCESS_LOG_DESCRIPTION = "Record a line for each call in the log of its endpoint";
