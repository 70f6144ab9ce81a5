import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Certificates for tests, made by openssl. */

export interface Made {
  readonly cert: string;
  readonly key: string;
}

/** Signed by itself, for names such as `IP:127.0.0.1`, for 30 days. */
export function certificate(folder: string, name: string, forName = "IP:127.0.0.1,DNS:localhost"): Made {
  const cert = join(folder, `${name}.crt`);
  const key = join(folder, `${name}.key`);
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=${forName}`];
  const args = ["req", "-x509", ...curve, ...subject, "-days", "30", "-out", cert, "-keyout", key];
  execFileSync("openssl", args, { stdio: "pipe" });
  return { cert, key };
}

/** The same, of a day in 2020. */
export function expired(folder: string, name: string): Made {
  const { cert, key } = certificate(folder, name);
  const file = (extension: string) => join(folder, `${name}.${extension}`);
  writeFileSync(file("index"), "");
  writeFileSync(
    file("cnf"),
    `[ca]\ndefault_ca = it\n[it]\ndatabase = ${file("index")}\nnew_certs_dir = ${folder}\nrand_serial = yes\ndefault_md = sha256\n` +
      "policy = any\nx509_extensions = san\n[any]\ncommonName = supplied\n[san]\nsubjectAltName = IP:127.0.0.1\n",
  );
  const quiet = { stdio: "pipe" } as const;
  execFileSync("openssl", ["req", "-new", "-key", key, "-subj", `/CN=${name}`, "-out", file("csr")], quiet);
  const dates = ["-startdate", "20200101000000Z", "-enddate", "20200102000000Z"];
  const files = ["-config", file("cnf"), "-in", file("csr"), "-keyfile", key, "-out", cert];
  execFileSync("openssl", ["ca", "-batch", "-selfsign", "-notext", ...dates, ...files], quiet);
  return { cert, key };
}

/** Why tests that need it are left out; undefined: it is here. */
export const noOpenssl = ((): string | undefined => {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "openssl is not installed";
  }
})();
