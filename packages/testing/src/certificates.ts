import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

/** Paths of a certificate and its private key. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** Makes a self-signed certificate that is valid for 30 days, for subject names such as `IP:127.0.0.1`. */
export function createCertificate(
  folder: string,
  name: string,
  subjectNames = "IP:127.0.0.1,DNS:localhost",
): CertificateFiles {
  const cert = join(folder, `${name}.crt`);
  const key = join(folder, `${name}.key`);
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=${subjectNames}`];
  const args = ["req", "-x509", ...curve, ...subject, "-days", "30", "-out", cert, "-keyout", key];
  execFileSync("openssl", args, { stdio: "pipe" });
  return { cert, key };
}

/** Makes a certificate that was valid on one day in 2020. */
export function createExpiredCertificate(folder: string, name: string): CertificateFiles {
  const { cert, key } = createCertificate(folder, name);
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

/** Returns the reason to skip the tests that make certificates; `undefined` where openssl is installed. */
export function noOpenssl(): string | undefined {
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "openssl is not installed";
  }
}
