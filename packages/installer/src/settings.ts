/** Exposure of the server outside the cluster. */
export const EXPOSURES = ["none", "hostport", "nodeport", "loadbalancer", "ingress", "gateway"] as const;
export type Exposure = (typeof EXPOSURES)[number];

/** Settings of an installation, which are stored with it so that an upgrade keeps them. */
export interface InstallSettings {
  /** Size of the volume. */
  readonly storage: string;
  /**
   * Storage class of the volume.
   *
   * @defaultValue the cluster's default
   */
  readonly storageClass?: string;
  readonly expose: Exposure;
  /** With `expose: ingress` or `gateway`: hostnames of the server, separated by commas, its own first. */
  readonly host?: string;
  /** With these: ClusterIssuer of cert-manager that fills the Secret with the certificate. */
  readonly certIssuer?: string;
  /**
   * With `expose: ingress`: class of the Ingress.
   *
   * @defaultValue the cluster's default
   */
  readonly ingressClass?: string;
  /** With `expose: gateway`: `NAME[/NAMESPACE]` of an existing Gateway. */
  readonly gateway?: string;
  /** With `expose: gateway`: class of a Gateway of the server's own. */
  readonly gatewayClass?: string;
  readonly registryPush?: string;
  readonly registryPull?: string;
  readonly startupCpu?: string;
  /**
   * Warm pods per environment of an organization without a limit of its own.
   *
   * @defaultValue 1
   */
  readonly poolSize?: number;
  /** CPU limit that load may raise that of a replica to, unless its endpoint has one. Absent or `none`: it is not raised. */
  readonly cpuMax?: string;
  /**
   * Number of gateways in pods of their own, such as `2`, or `2-10` for a number that follows their CPU use. `0`: the control server is the gateway.
   *
   * @defaultValue 2, and 0 with `expose: hostport`, where each gateway needs a node
   */
  readonly gateways?: string;
  /**
   * `off` if no keys are required.
   *
   * @defaultValue on
   */
  readonly auth?: "on" | "off";
  /**
   * `off` if calls are not recorded in the logs of their endpoints.
   *
   * @defaultValue on
   */
  readonly accessLog?: "on" | "off";
  /**
   * `off` if printed lines are stored without the ids of the calls that printed them.
   *
   * @defaultValue on
   */
  readonly logRequestIds?: "on" | "off";
  /** OTLP/HTTP endpoint that spans are sent to. Absent or `none`: nothing is traced. */
  readonly otlp?: string;
  /**
   * Share of the traces that begin here and are recorded, from 0 to 1.
   *
   * @defaultValue 1
   */
  readonly traceRatio?: number;
  /** Allowed sources of images besides the registry's ORG/…, separated by commas. */
  readonly allowImages?: string;
  /**
   * Names of Secrets of type kubernetes.io/tls with the server's certificates, separated by commas, the default one first. Absent: the server uses HTTP. With
   * `expose: ingress` or `gateway`: the one with the certificate of the Ingress or the Gateway, behind which the server uses HTTP.
   */
  readonly tlsSecret?: string;
  /**
   * Maximum number of connected clients.
   *
   * @defaultValue derived from the maximum number of open files
   */
  readonly maxConnections?: number;
  /**
   * Maximum number of connected clients from one address.
   *
   * @defaultValue half of `maxConnections`
   */
  readonly maxConnectionsPerAddress?: number;
}

/** Input for the manifests of an installation. */
export interface ServerManifestOptions extends InstallSettings {
  readonly namespace: string;
  readonly image: string;
  /** Token of the admin key; absent if no keys are required. */
  readonly adminToken?: string;
  /** Token that gateways in pods of their own and the control server know each other by; absent without such gateways. */
  readonly gatewayToken?: string;
  /** Present number of gateways, if it varies. */
  readonly gatewayReplicas?: number;
  /** Text of a Docker `config.json` for pulling the server's image. */
  readonly dockerConfigJson?: string;
}

export const DEFAULT_SETTINGS = { storage: "1Gi", expose: "none" } as const;

/** Least and greatest number of gateways in pods of their own. */
export interface GatewayRange {
  readonly min: number;
  readonly max: number;
}

/** Returns the number of gateways in pods of their own. */
export function gatewayRange({ gateways, expose }: Pick<InstallSettings, "gateways" | "expose">): GatewayRange {
  const [min = 0, max = min] = (gateways ?? (expose === "hostport" ? "0" : "2")).split("-").map(Number);
  return { min, max };
}

/** Returns true if gateways have pods of their own. */
export const hasGateways = (settings: Pick<InstallSettings, "gateways" | "expose">): boolean =>
  gatewayRange(settings).max > 0;

/** Settings that `expose: ingress` and `gateway` alone have. */
export const ROUTE_SETTINGS = ["host", "certIssuer", "ingressClass", "gateway", "gatewayClass"] as const;

/** Returns true if clients reach the server through an Ingress or a Gateway. */
export const isRouted = ({ expose }: Pick<InstallSettings, "expose">): boolean =>
  expose === "ingress" || expose === "gateway";

/** Returns the settings of a previous installation that stay, besides those that are given. */
function keptSettings(given: Partial<InstallSettings>, previous: Partial<InstallSettings>): Partial<InstallSettings> {
  const { expose = previous.expose ?? "none" } = given;
  const dropped = new Set<keyof InstallSettings>();
  const drop = (...names: readonly (keyof InstallSettings)[]) => {
    for (const name of names) dropped.add(name);
  };
  // Its certificate is that of an Ingress or a Gateway, which goes.
  if (!isRouted({ expose }))
    drop(...ROUTE_SETTINGS, ...(isRouted({ expose: "none", ...previous }) ? ["tlsSecret" as const] : []));
  if (expose !== "ingress") drop("ingressClass");
  if (expose !== "gateway") drop("gateway", "gatewayClass");
  if (given.gateway !== undefined) drop("gatewayClass", "tlsSecret", "certIssuer");
  if (given.gatewayClass !== undefined) drop("gateway");
  if (given.tlsSecret !== undefined) drop("certIssuer");
  if (given.certIssuer !== undefined) drop("tlsSecret");
  return Object.fromEntries(Object.entries(previous).filter(([name]) => !dropped.has(name as keyof InstallSettings)));
}

/**
 * Combines the given settings with those of an existing installation and the defaults. The TLS Secret "none" removes a previous one, and so does "none" for
 * the settings of an Ingress or a Gateway.
 */
export function settingsFor(given: Partial<InstallSettings>, previous: Partial<InstallSettings> = {}): InstallSettings {
  const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const removable: readonly string[] = ["tlsSecret", ...ROUTE_SETTINGS];
  const settings = { ...DEFAULT_SETTINGS, ...keptSettings(defined, previous), ...defined };
  const isRemoved = ([name, value]: readonly [string, unknown]) => value === "none" && removable.includes(name);
  return Object.fromEntries(
    Object.entries(settings).filter((entry) => !isRemoved(entry)),
  ) as unknown as InstallSettings;
}

const STORED = [
  ...([
    "storage",
    "storageClass",
    "expose",
    "gateways",
    ...ROUTE_SETTINGS,
    "registryPush",
    "registryPull",
    "startupCpu",
    "cpuMax",
    "poolSize",
  ] as const),
  ...(["auth", "allowImages", "tlsSecret", "accessLog", "logRequestIds"] as const),
  ...(["maxConnections", "maxConnectionsPerAddress", "otlp", "traceRatio"] as const),
] satisfies readonly (keyof InstallSettings)[];

/** Returns the settings as JSON without any other properties of the object. */
export const settingsJson = (settings: InstallSettings): string => JSON.stringify(settings, STORED);
