/** Content codings of compressed files (RFC 9110, section 8.4.1), the smaller ones first. */
export const CODINGS = ["br", "gzip"] as const;
export type Coding = (typeof CODINGS)[number];

/** A served file. */
export interface SiteFile {
  readonly type: string;
  /** Hash of its content. */
  readonly hash: string;
  /** Codings of which the bundle has a form. */
  readonly codings: readonly Coding[];
  /** True if the name changes with the content, so that caches may keep the file. */
  readonly isHashed: boolean;
}

/** The files of a site, as `site.json` in the bundle lists them. */
export interface Site {
  /** By path, without a leading slash. */
  readonly files: Readonly<Record<string, SiteFile>>;
  /** Page for paths without a file, with status 200; absent: `404.html` with status 404. */
  readonly fallback?: string;
}
