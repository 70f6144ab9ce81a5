import { type Project, parseDestination, type SettingsInput } from "@faas/core";

/** Settings of every deployment: one process, and none of the code before. */
const ONE_REPLICA = {
  replicas: 1,
  maxReplicas: 1,
  scaler: "concurrency",
  idleTimeout: "never",
  keepWarm: "0s",
} as const;

/**
 * Returns the settings with which a function is served during development: those of its project, without those that only a server on a network has or
 * an admin allows, with one replica, and without runs of schedules.
 */
export function devSettings(project: Project): SettingsInput {
  const { $schema: _, org: _org, endpoint: _endpoint, server: _server, ...all } = project;
  // The one replica is always warm, and the messages of a source belong to the deployed function.
  const { hostnames: _hostnames, warm: _warm, sources: _sources, resources: _resources, ...settings } = all;
  const { async: calls, schedules } = settings;
  return {
    ...settings,
    ...ONE_REPLICA,
    ...(calls && { async: { ...calls, ...withoutUrl("onSuccess", calls), ...withoutUrl("onFailure", calls) } }),
    // A nightly job is not due on an author's machine: only `faas schedule run` starts runs.
    ...(schedules && { schedules: schedules.map((each) => ({ ...each, enabled: false })) }),
  };
}

/** Returns a destination as unset if it is a URL: an author's test data belongs to no other service. */
const withoutUrl = (name: "onSuccess" | "onFailure", calls: NonNullable<Project["async"]>) =>
  parseDestination(calls[name] ?? "")?.kind === "url" ? { [name]: undefined } : {};
