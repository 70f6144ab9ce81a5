/** Time for which the recent calls of endpoints are counted, and the longest `since` of `GET …/stats`. */
export const STATS_WINDOW_MS = 3_600_000;
