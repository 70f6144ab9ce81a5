import { KubernetesPlatform } from "@faas/platforms/kubernetes";
import { pathOf } from "@faas/platforms/kubernetes-client";
import { LogStore } from "../../../packages/server/src/logs/log-store.ts";
import { type PlatformUnderTest, platformContract } from "../../platform/contract.ts";
import { TestInstance } from "../cluster.ts";
import { SOURCE_FILES } from "../cluster-server.ts";

platformContract("kubernetes", setUp);

async function setUp(): Promise<PlatformUnderTest> {
  const instance = await TestInstance.create();
  const logs = new LogStore(instance.folder);
  const platform = await KubernetesPlatform.connect({ dataDir: instance.folder, instance: instance.name, logs });
  const org = instance.org();
  return {
    platform,
    logs,
    org,
    artifact: (source, language = "node") => instance.image(source, SOURCE_FILES[language]),
    async kill(replica) {
      await instance.api.call("DELETE", pathOf("Pod", `faas-${org}`, replica.split(".")[0]), {
        body: { gracePeriodSeconds: 0 },
      });
    },
    async [Symbol.asyncDispose]() {
      await platform[Symbol.asyncDispose]();
      await logs[Symbol.asyncDispose]();
      await instance[Symbol.asyncDispose]();
    },
  };
}
