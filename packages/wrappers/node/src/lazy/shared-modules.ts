/** Modules that the lazy code shares with the rest, by their paths; the build writes them. */
export const sharedModules: Readonly<Record<string, () => unknown>> = {};
