import type { EndpointView } from "@faas/core";
import { formatAge } from "../terminal/age.ts";
import { formatCommit, formatMessage } from "./format-origin.ts";

const MAX_MESSAGE = 500;

type DescribedRow = readonly [name: string, value: string];

/** Lists where the serving revision comes from, as far as it is known. */
export function originRows({ origin }: EndpointView): DescribedRow[] {
  if (origin === undefined) return [];
  const { at, by, from, commit, dirty, message } = origin;
  const author = [by && `by ${by}`, from && `from ${from}`].filter((part) => part !== undefined);
  return [
    ["deployed", [at, ...author].join(" ")],
    ...(commit === undefined
      ? []
      : [["commit", dirty ? `${formatCommit(origin)} (with changes that were not committed)` : commit] as const]),
    ...(message === undefined ? [] : [["message", formatMessage(message, MAX_MESSAGE)] as const]),
  ];
}

/** Lists the tag that the endpoint follows, and why its image is not deployed. */
export function followRows({ follow }: EndpointView): DescribedRow[] {
  if (follow === undefined) return [];
  const { image, digest, canary, checkedAt, notifiedAt, failure } = follow;
  const times = [
    checkedAt && `checked ${checkedAt}`,
    notifiedAt && `notified ${notifiedAt}`,
    canary && `with canary ${canary.steps.join("%, ")}%`,
  ].filter((part) => part !== undefined);
  return [
    ["follows", [image, ...times].join(", ")],
    ["", `last image: ${digest}`],
    ...(failure === undefined ? [] : [["", `failed ${failure.at}: ${failure.code}: ${failure.detail}`] as const]),
  ];
}

/** Lists how the calls are divided, and the revisions that run beside the serving one. */
export function trafficRows({ traffic }: EndpointView, nowMs: number): DescribedRow[] {
  if (traffic === undefined) return [];
  const { shares, sticky, tags, previews, keptWarm } = traffic;
  const left = (at: string) => formatAge(Date.parse(at) - nowMs);
  const divided = Object.entries(shares ?? {}).map(([revision, share]) => `${revision} ${share}%`);
  return [
    ...(shares === undefined
      ? []
      : [["split", [...divided, ...(sticky === undefined ? [] : [`sticky by ${sticky}`])].join(", ")] as const]),
    ...Object.entries(tags).map(([tag, revision]) => ["tag", `@${tag} ${revision}`] as const),
    ...previews.map(
      ({ revision, expiresAt }) =>
        ["preview", expiresAt === undefined ? revision : `${revision}, expires in ${left(expiresAt)}`] as const,
    ),
    ...(keptWarm === undefined
      ? []
      : [["kept warm", `${keptWarm.revision}, for another ${left(keptWarm.until)}`] as const]),
  ];
}
