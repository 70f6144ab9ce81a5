import { keyIdOf, verifierOf } from "@faas/core";
import { LABELS, MANAGER, PULL_SECRET, SECRETS, SERVER_NAME } from "@faas/platforms/kubernetes-manifests";
import type {
  V1ClusterRole,
  V1ClusterRoleBinding,
  V1Deployment,
  V1Namespace,
  V1PersistentVolumeClaim,
  V1PolicyRule,
  V1Probe,
  V1Secret,
  V1Service,
  V1ServiceAccount,
} from "@kubernetes/client-node";

/** Pure: the objects that make the control server in a cluster. Nothing here asks a cluster. */

/** How the server is reached from outside the cluster. */
export const EXPOSURES = ["none", "hostport", "nodeport", "loadbalancer"] as const;
export type Exposure = (typeof EXPOSURES)[number];

/** What an installation was asked for; kept with it, so that an upgrade need not be told again. */
export interface InstallSettings {
  readonly storage: string;
  /** Absent: the cluster's default. */
  readonly storageClass?: string;
  readonly expose: Exposure;
  readonly registryPush?: string;
  readonly registryPull?: string;
  readonly startupCpu?: string;
  /** `off`: no keys are required. Absent: they are. */
  readonly auth?: "on" | "off";
  /** Where images may come from besides the registry's ORG/…, separated by commas. */
  readonly allowImages?: string;
  /** A Secret of the namespace, of type kubernetes.io/tls, with the server's certificate. Absent: it speaks HTTP. */
  readonly tlsSecret?: string;
  /** Clients that may be connected at a time. Absent: by the number of files. */
  readonly maxConnections?: number;
  /** Of these, from one address. Absent: half. */
  readonly maxConnectionsPerAddress?: number;
}

export interface ServerManifestOptions extends InstallSettings {
  readonly namespace: string;
  readonly image: string;
  /** Of the admin key; absent where no keys are required. */
  readonly adminToken?: string;
  /** The text of a Docker `config.json` for pulling the server's own image. */
  readonly dockerConfigJson?: string;
}

/** Names in the server's namespace. */
export const SERVER = {
  port: 8887,
  service: "faas",
  deployment: SERVER_NAME,
  account: SERVER_NAME,
  container: "server",
  claim: "faas-data",
  /** Secret with the admin key: `token` for people, `verifier` (id and hash) for the server. */
  adminKey: "faas-admin-key",
} as const;
/** Annotation of the Deployment: the settings as JSON. */
export const INSTALL_SETTINGS = "faas/install";
/** Annotation of the pod: the id of the admin key, so that another key gets another pod. */
const ADMIN_KEY_ID = "faas/admin-key";
const ADMIN_KEY_FOLDER = "/etc/faas/admin-key";
const INSTANCE = "app.kubernetes.io/instance";
const TLS_FOLDER = "/etc/faas/tls";
const USER = 65_532;
/** A server that is told to end gives requests 10 s, and its logs and connections some more. */
const GRACE_SECONDS = 30;
/** Longer than a server that ends may take: the next one waits for its data folder. */
const LOCK_PATIENCE_SECONDS = 60;

/** One ClusterRole for each installation on a cluster. */
export const roleName = (namespace: string): string => `${SERVER_NAME}-${namespace}`;

export const serverLabels = (namespace: string) => ({
  [LABELS.name]: SERVER_NAME,
  [INSTANCE]: namespace,
  [LABELS.managedBy]: MANAGER,
});

/** Selects what an installation has made; the organizations' objects have labels of their own. */
export const serverSelector = (namespace: string): string =>
  Object.entries(serverLabels(namespace))
    .map(([name, value]) => `${name}=${value}`)
    .join(",");

const COLLECT = ["list", "watch"];
const WRITE = ["create", "patch"];

/** What the server may do, in every namespace: RBAC knows no prefixes of names. `create` goes with `patch`, as server-side apply has it. */
export const SERVER_RULES: readonly V1PolicyRule[] = [
  { apiGroups: [""], resources: ["namespaces"], verbs: ["get", ...COLLECT, ...WRITE, "delete"] },
  { apiGroups: ["apps"], resources: ["deployments"], verbs: ["get", ...COLLECT, ...WRITE, "delete"] },
  { apiGroups: ["apps"], resources: ["deployments/scale"], verbs: ["get", "patch", "update"] },
  { apiGroups: [""], resources: ["pods"], verbs: ["get", ...COLLECT, "delete"] },
  { apiGroups: [""], resources: ["pods/log"], verbs: ["get"] },
  { apiGroups: [""], resources: ["pods/resize"], verbs: ["patch"] },
  { apiGroups: [""], resources: ["services"], verbs: ["get", ...COLLECT, ...WRITE, "delete"] },
  {
    apiGroups: ["autoscaling"],
    resources: ["horizontalpodautoscalers"],
    verbs: ["get", ...COLLECT, ...WRITE, "delete"],
  },
  { apiGroups: ["networking.k8s.io"], resources: ["networkpolicies"], verbs: ["get", ...COLLECT, ...WRITE, "delete"] },
  { apiGroups: [""], resources: ["resourcequotas", "limitranges"], verbs: ["get", ...COLLECT, ...WRITE, "delete"] },
  // The credentials for pulling images and the organizations' secrets, which it writes and never reads; and the account of the pods that use the former.
  { apiGroups: [""], resources: ["secrets"], resourceNames: [PULL_SECRET, SECRETS], verbs: [...WRITE, "delete"] },
  { apiGroups: [""], resources: ["serviceaccounts"], resourceNames: ["default"], verbs: WRITE },
  {
    apiGroups: ["apiregistration.k8s.io"],
    resources: ["apiservices"],
    resourceNames: ["v1beta1.metrics.k8s.io"],
    verbs: ["get"],
  },
];

/** Pod security: a port of the node is beyond "restricted" and "baseline"; the pod itself keeps to the rest of "restricted". */
export function serverNamespace({
  namespace,
  expose,
}: Pick<ServerManifestOptions, "namespace" | "expose">): V1Namespace {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name: namespace,
      labels: {
        ...serverLabels(namespace),
        "pod-security.kubernetes.io/enforce": expose === "hostport" ? "privileged" : "restricted",
      },
    },
  };
}

/** All in the order in which it is applied, the namespace first. */
export function serverManifests(options: ServerManifestOptions) {
  const { namespace } = options;
  const role: V1ClusterRole = {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: { name: roleName(namespace), labels: serverLabels(namespace) },
    rules: [...SERVER_RULES],
  };
  const binding: V1ClusterRoleBinding = {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: roleName(namespace), labels: serverLabels(namespace) },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: roleName(namespace) },
    subjects: [{ kind: "ServiceAccount", name: SERVER.account, namespace }],
  };
  const account: V1ServiceAccount = {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: metadataOf(SERVER.account, namespace),
    automountServiceAccountToken: false,
  };
  return [
    serverNamespace(options),
    account,
    role,
    binding,
    claim(options),
    ...(options.dockerConfigJson === undefined ? [] : [pullSecret(namespace, options.dockerConfigJson)]),
    ...(options.adminToken === undefined ? [] : [adminKeySecret(namespace, options.adminToken)]),
    service(options),
    deployment(options),
  ] as const;
}

const metadataOf = (name: string, namespace: string) => ({ name, namespace, labels: serverLabels(namespace) });

function claim({ namespace, storage, storageClass }: ServerManifestOptions): V1PersistentVolumeClaim {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: metadataOf(SERVER.claim, namespace),
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage } },
      ...(storageClass === undefined ? {} : { storageClassName: storageClass }),
    },
  };
}

function pullSecret(namespace: string, dockerConfigJson: string): V1Secret {
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "kubernetes.io/dockerconfigjson",
    metadata: metadataOf(PULL_SECRET, namespace),
    data: { ".dockerconfigjson": base64(dockerConfigJson) },
  };
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

function adminKeySecret(namespace: string, token: string): V1Secret {
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: "Opaque",
    metadata: metadataOf(SERVER.adminKey, namespace),
    data: { token: base64(token), verifier: base64(verifierOf(token) ?? "") },
  };
}

const SERVICE_TYPES = { none: "ClusterIP", hostport: "ClusterIP", nodeport: "NodePort", loadbalancer: "LoadBalancer" };

function service({ namespace, expose }: ServerManifestOptions): V1Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadataOf(SERVER.service, namespace),
    spec: {
      type: SERVICE_TYPES[expose],
      selector: { [LABELS.name]: SERVER_NAME, [INSTANCE]: namespace },
      ports: [{ name: "http", port: SERVER.port, targetPort: "http", protocol: "TCP" }],
    },
  };
}

/** One replica, and the old one gone before the new one starts: the data folder has one writer. */
function deployment(options: ServerManifestOptions): V1Deployment {
  const { namespace, image, dockerConfigJson, adminToken, tlsSecret } = options;
  const labels = serverLabels(namespace);
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      ...metadataOf(SERVER.deployment, namespace),
      annotations: { [INSTALL_SETTINGS]: JSON.stringify(settingsOf(options)) },
    },
    spec: {
      replicas: 1,
      revisionHistoryLimit: 3,
      selector: { matchLabels: { [LABELS.name]: SERVER_NAME, [INSTANCE]: namespace } },
      strategy: { type: "Recreate" },
      template: {
        metadata: {
          labels,
          ...(adminToken === undefined ? {} : { annotations: { [ADMIN_KEY_ID]: keyIdOf(adminToken) ?? "" } }),
        },
        spec: {
          serviceAccountName: SERVER.account,
          automountServiceAccountToken: true,
          enableServiceLinks: false,
          // Process 1 does not get a SIGTERM that it has no handler for yet: one that is told to end while it starts would stay for the whole grace.
          shareProcessNamespace: true,
          terminationGracePeriodSeconds: GRACE_SECONDS,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: USER,
            runAsGroup: USER,
            fsGroup: USER,
            // Large volumes are not walked through at every start.
            fsGroupChangePolicy: "OnRootMismatch",
            seccompProfile: { type: "RuntimeDefault" },
          },
          ...(dockerConfigJson === undefined ? {} : { imagePullSecrets: [{ name: PULL_SECRET }] }),
          containers: [container(options, image)],
          volumes: [
            { name: "data", persistentVolumeClaim: { claimName: SERVER.claim } },
            { name: "tmp", emptyDir: {} },
            ...(adminToken === undefined ? [] : [adminKeyVolume]),
            ...(tlsSecret === undefined
              ? []
              : [{ name: "tls", secret: { secretName: tlsSecret, defaultMode: 0o440 } }]),
          ],
        },
      },
    },
  };
}

/** Not the token: the server has only to know it again. */
const adminKeyVolume = {
  name: "admin-key",
  secret: { secretName: SERVER.adminKey, items: [{ key: "verifier", path: "verifier" }], defaultMode: 0o440 },
};

function container(options: ServerManifestOptions, image: string) {
  const { expose, registryPush, registryPull, startupCpu, allowImages, adminToken, tlsSecret } = options;
  const { maxConnections: clients, maxConnectionsPerAddress: ofAddress } = options;
  // The kubelet does not look at certificates.
  const scheme = tlsSecret === undefined ? {} : { scheme: "HTTPS" };
  const probe = (path: string): V1Probe => ({ httpGet: { path, port: "http", ...scheme }, timeoutSeconds: 5 });
  const flags = [
    ...(registryPush === undefined ? [] : ["--registry-push", registryPush]),
    ...(registryPull === undefined ? [] : ["--registry-pull", registryPull]),
    ...(startupCpu === undefined ? [] : ["--startup-cpu", startupCpu]),
    ...(allowImages === undefined ? [] : ["--allow-images", allowImages]),
    ...(tlsSecret === undefined ? [] : ["--tls-cert", `${TLS_FOLDER}/tls.crt`, "--tls-key", `${TLS_FOLDER}/tls.key`]),
    ...(clients === undefined ? [] : ["--max-connections", String(clients)]),
    ...(ofAddress === undefined ? [] : ["--max-connections-per-address", String(ofAddress)]),
    ...(adminToken === undefined ? ["--auth", "off"] : ["--admin-key-file", `${ADMIN_KEY_FOLDER}/verifier`]),
  ];
  return {
    name: SERVER.container,
    image,
    imagePullPolicy: "IfNotPresent",
    args: [
      "up",
      ...["--platform", "kubernetes", "--host", "0.0.0.0", "--port", String(SERVER.port), "--data", "/data"],
      ...["--lock-patience", `${LOCK_PATIENCE_SECONDS}s`, ...flags],
    ],
    env: [{ name: "FAAS_NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } }],
    ports: [
      {
        name: "http",
        containerPort: SERVER.port,
        protocol: "TCP",
        ...(expose === "hostport" ? { hostPort: SERVER.port } : {}),
      },
    ],
    // No CPU limit: it is the data path of all endpoints, and a throttled gateway is slow for everybody.
    resources: { requests: { cpu: "250m", memory: "256Mi" }, limits: { memory: "1Gi" } },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    volumeMounts: [
      { name: "data", mountPath: "/data" },
      { name: "tmp", mountPath: "/tmp" },
      ...(adminToken === undefined ? [] : [{ name: "admin-key", mountPath: ADMIN_KEY_FOLDER, readOnly: true }]),
      // The whole folder: a Secret that is mounted file by file is not renewed.
      ...(tlsSecret === undefined ? [] : [{ name: "tls", mountPath: TLS_FOLDER, readOnly: true }]),
    ],
    // Waiting for the data folder is no reason to be started again.
    startupProbe: { ...probe("/-/healthz"), periodSeconds: 1, failureThreshold: LOCK_PATIENCE_SECONDS + 60 },
    readinessProbe: { ...probe("/-/readyz"), periodSeconds: 2, failureThreshold: 2 },
    livenessProbe: { ...probe("/-/healthz"), periodSeconds: 10, failureThreshold: 3 },
  };
}

function settingsOf(options: InstallSettings): InstallSettings {
  const { storage, storageClass, expose, registryPush, registryPull, startupCpu, auth, allowImages, tlsSecret } =
    options;
  const { maxConnections, maxConnectionsPerAddress } = options;
  const settings = {
    storage,
    storageClass,
    expose,
    registryPush,
    registryPull,
    startupCpu,
    auth,
    allowImages,
    tlsSecret,
    maxConnections,
    maxConnectionsPerAddress,
  };
  return JSON.parse(JSON.stringify(settings));
}
