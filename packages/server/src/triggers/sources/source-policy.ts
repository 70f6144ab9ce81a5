import {
  coversSubject,
  type EndpointRef,
  FaasError,
  formatSource,
  isReservedSubject,
  type Settings,
  type Source,
  subjectsOfOrg,
} from "@faas/core";

/** Returns the pattern of the subjects whose messages a source gets. */
export const subjectOf = (org: string, { subject }: Pick<Source, "subject">): string => subject ?? subjectsOfOrg(org);

/**
 * Checks that the sources of an endpoint can be served, and that its organization may have them.
 *
 * @param patterns the organization's list of subjects; it may always use its own
 * @param queueStream stream of the queue; undefined where the queue is not on NATS
 * @throws SOURCE_UNSUPPORTED, SUBJECT_NOT_ALLOWED
 */
export function checkSourcesAllowed(
  ref: Pick<EndpointRef, "org">,
  { sources = [] }: Pick<Settings, "sources">,
  patterns: readonly string[] | undefined,
  queueStream: string | undefined,
): void {
  for (const source of sources) {
    if (queueStream === undefined)
      throw new FaasError(
        "SOURCE_UNSUPPORTED",
        `Expected a server whose queue is on NATS for the source "${formatSource(source)}", got one with its queue in the data folder. Start it with --queue nats://HOST:PORT`,
      );
    checkSourceAllowed(ref.org, source, patterns, queueStream);
  }
}

/** @throws SUBJECT_NOT_ALLOWED */
export function checkSourceAllowed(
  org: string,
  source: Source,
  patterns: readonly string[] = [],
  queueStream?: string,
): void {
  const subject = subjectOf(org, source);
  if (source.stream !== undefined && source.stream === queueStream)
    throw new FaasError(
      "SUBJECT_NOT_ALLOWED",
      `Expected a stream that is not the queue of the server, got "${source.stream}": no function may read it`,
      { extensions: { stream: source.stream } },
    );
  if (isReservedSubject(subject))
    throw new FaasError(
      "SUBJECT_NOT_ALLOWED",
      `Expected a subject whose first part is a name, got "${subject}": it would include subjects of NATS or of the server's queue`,
      { extensions: { subject } },
    );
  const allowed = [subjectsOfOrg(org), ...patterns];
  if (allowed.some((pattern) => coversSubject(pattern, subject))) return;
  throw new FaasError(
    "SUBJECT_NOT_ALLOWED",
    `Endpoints of the organization "${org}" may not get messages of ${subject}: those that they may are ${allowed.join(", ")}. Ask an admin to run: faas org limit ${org} --nats-subjects '${[...patterns, subject].join(",")}'`,
    { extensions: { subject } },
  );
}
