import type { ImageInspectInfo } from "dockerode";

type Config = ImageInspectInfo["Config"];

const APP = "/app";
/** User of all images of functions and servers, as in the Dockerfiles in `templates`. */
const USER = "65532:65532";
const PORT = "8080";

/** Returns the configuration of a built program's image: what the Dockerfiles in `templates` set for languages. */
export const programConfig = (base: Config): Config => ({
  ...base,
  Env: withVariables(base.Env, { PORT, HOME: "/tmp", TMPDIR: "/tmp" }),
  WorkingDir: APP,
  User: USER,
  ExposedPorts: { [`${PORT}/tcp`]: {} },
  Entrypoint: undefined,
});

/** Returns the configuration of a server's image: its command, and the programs and packages of its dependencies. */
export function serverConfig(base: Config, command: string | readonly string[] | undefined): Config {
  const path = variable(base.Env, "PATH") ?? "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  const packages = `${APP}/.packages`;
  return {
    ...base,
    Env: withVariables(base.Env, {
      PATH: `${APP}/node_modules/.bin:${packages}/bin:${path}`,
      PYTHONPATH: packages,
      HOST: "0.0.0.0",
      HOSTNAME: "0.0.0.0",
    }),
    Cmd: command === undefined ? base.Cmd : typeof command === "string" ? ["/bin/sh", "-c", command] : [...command],
    Entrypoint: undefined,
  };
}

const variable = (env: readonly string[] | undefined, name: string) =>
  env?.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);

function withVariables(env: readonly string[] | undefined, variables: Readonly<Record<string, string>>): string[] {
  const others = (env ?? []).filter((each) => !Object.hasOwn(variables, each.slice(0, each.indexOf("="))));
  return [...others, ...Object.entries(variables).map(([name, value]) => `${name}=${value}`)];
}
