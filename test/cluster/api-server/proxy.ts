import type { Server } from "node:net";
import { join } from "node:path";
import { KubernetesCredentials } from "@faas/platforms/kubernetes-client";
import { writeKubeconfig } from "../cluster.ts";
import { listening, TcpProxy } from "./tcp-proxy.ts";

/** A proxy to the API server of the cluster that `KUBECONFIG` names. */
export class ApiProxy extends TcpProxy {
  /** Path of a kubeconfig for the proxy. */
  readonly kubeconfig: string;

  private constructor(server: Server, host: string, port: number, folder: string) {
    super(server, host, port);
    this.kubeconfig = join(folder, "kubeconfig-of-the-proxy");
  }

  static async start(folder: string): Promise<ApiProxy> {
    const credentials = KubernetesCredentials.load();
    const { hostname, port } = new URL(credentials.server);
    await credentials.close();
    const proxy = new ApiProxy(await listening(), hostname, Number(port || 443), folder);
    await writeKubeconfig(proxy.kubeconfig, { server: `https://127.0.0.1:${proxy.localPort}` });
    return proxy;
  }
}
