import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { describe, test } from "node:test";
import type { HookProvider } from "@faas/core";
import { sign as signForGitHub } from "@octokit/webhooks-methods";
import { Webhook } from "standardwebhooks";
import { signatureClaim } from "./signature.ts";

/** Signatures of webhooks: with the senders' own libraries, or as their documentation computes them. */

const NOW_MS = 1_750_000_000_000;
const SECRET = `whsec_${Buffer.from("a secret of 24 characters").toString("base64")}`;
const BODY = Buffer.from('{ "id": "evt_1",\n"amount": 1.50, "name": "Zoë 🎈" }');

type Sign = (body: Buffer, secret?: string, seconds?: number) => Promise<IncomingHttpHeaders>;

const hmac = (secret: string, text: string) => createHmac("sha256", secret).update(text).digest("hex");
const NOW_SECONDS = NOW_MS / 1_000;

const SIGN: Record<Exclude<HookProvider, "token">, Sign> = {
  github: async (body, secret = SECRET) => ({ "x-hub-signature-256": await signForGitHub(secret, body.toString()) }),
  stripe: async (body, secret = SECRET, seconds = NOW_SECONDS) => ({
    "stripe-signature": `t=${seconds},v1=${hmac(secret, `${seconds}.${body}`)},v0=0123`,
  }),
  slack: async (body, secret = SECRET, seconds = NOW_SECONDS) => ({
    "x-slack-signature": `v0=${hmac(secret, `v0:${seconds}:${body}`)}`,
    "x-slack-request-timestamp": String(seconds),
  }),
  standard: async (body, secret = SECRET, seconds = NOW_SECONDS) => ({
    "webhook-id": "msg_1",
    "webhook-timestamp": String(seconds),
    "webhook-signature": new Webhook(secret).sign("msg_1", new Date(seconds * 1_000), body.toString()),
  }),
};

const verify = (provider: HookProvider, headers: IncomingHttpHeaders, body = BODY, secret = SECRET) =>
  signatureClaim(provider, headers, NOW_MS).verify(secret, body);

const rejection = (detail: RegExp) => ({ code: "HOOK_SIGNATURE_INVALID", message: detail });

for (const [name, sign] of Object.entries(SIGN)) {
  const provider = name as keyof typeof SIGN;
  describe(`a request of ${name}`, () => {
    test("is proven by its signature", async () => verify(provider, await sign(BODY)));

    test("with another body, secret or signature is rejected", async () => {
      const headers = await sign(BODY);
      const changed = Buffer.concat([BODY, Buffer.from(" ")]);
      assert.throws(() => verify(provider, headers, changed), rejection(/matches/));
      const other = `whsec_${Buffer.from("another secret").toString("base64")}`;
      assert.throws(() => verify(provider, headers, BODY, other), rejection(/matches/));
      const short = Object.fromEntries(
        Object.entries(headers).map(([header, value]) => [
          header,
          /signature/.test(header) ? `${value}`.replace(/((?:v1|v0|sha256)[=,][^,]*)[^,]{8}/, "$1") : value,
        ]),
      );
      assert.throws(() => verify(provider, short), rejection(/signature|matches/i));
    });

    test("without one of its headers is rejected before the body is read, and the detail names it", async () => {
      const headers = await sign(BODY);
      for (const header of Object.keys(headers)) {
        const { [header]: _, ...rest } = headers;
        assert.throws(
          () => signatureClaim(provider, rest, NOW_MS),
          rejection(new RegExp(`${header}, but it is missing`, "i")),
        );
      }
    });

    test("with a signature of another form is rejected", async () => {
      const headers = Object.fromEntries(
        Object.entries(await sign(BODY)).map(([header, value]) => [
          header,
          /signature/.test(header) ? `${value}`.replaceAll(/v[01]|sha256/g, "v9") : value,
        ]),
      );
      assert.throws(() => verify(provider, headers), rejection(/signature with HMAC-SHA256/));
    });

    test("has the digest of its signature", async () => {
      const digestOf = async (body: Buffer) => signatureClaim(provider, await sign(body), NOW_MS).digest;
      assert.equal(await digestOf(BODY), await digestOf(BODY));
      assert.notEqual(await digestOf(BODY), await digestOf(Buffer.alloc(1)));
    });
  });
}

for (const provider of ["stripe", "slack", "standard"] as const) {
  test(`a request of ${provider} is rejected 5 minutes before and after its time`, async () => {
    for (const seconds of [NOW_SECONDS - 300, NOW_SECONDS + 300])
      verify(provider, await SIGN[provider](BODY, SECRET, seconds));
    for (const [seconds, detail] of [
      [NOW_SECONDS - 301, /301 seconds old/],
      [NOW_SECONDS + 301, /301 seconds in the future/],
    ] as const) {
      const headers = await SIGN[provider](BODY, SECRET, seconds);
      assert.throws(() => signatureClaim(provider, headers, NOW_MS), rejection(detail));
    }
  });

  test(`a request of ${provider} without a number as its time is rejected`, async () => {
    for (const time of ["", "NaN", "1e9", "-1"]) {
      const headers = Object.fromEntries(
        Object.entries(await SIGN[provider](BODY)).map(([header, value]) => [
          header,
          header === "stripe-signature" ? `t=${time},v1=${"0".repeat(64)}` : /timestamp/.test(header) ? time : value,
        ]),
      );
      assert.throws(() => signatureClaim(provider, headers, NOW_MS), rejection(/seconds since 1970|missing/));
    }
  });
}

describe("a request with several signatures", () => {
  test("is proven by any v1 of Stripe, while a secret is replaced", async () => {
    const [mine, other] = await Promise.all(
      [SECRET, "whsec_other"].map(async (secret) => String((await SIGN.stripe(BODY, secret))["stripe-signature"])),
    );
    const both = `${other?.replace(/,v0.*/, "")},${mine?.replace(/^t=\d+,/, "")}`;
    verify("stripe", { "stripe-signature": both });
    assert.throws(() => verify("stripe", { "stripe-signature": other }), rejection(/matches/));
  });

  test("is proven by any of Standard Webhooks, also beside those of other versions", async () => {
    const headers = await SIGN.standard(BODY);
    const list = `v1a,AAAA v1,${Buffer.alloc(32).toString("base64")} ${headers["webhook-signature"]}`;
    verify("standard", { ...headers, "webhook-signature": list });
  });
});

test("a secret that is not of the form of Standard Webhooks proves nothing", () => {
  for (const secret of ["not base64!", "whsec_", "whsec_???", "", "whsec_YWJj=="]) {
    const key = Buffer.from(secret.replace("whsec_", ""), "base64");
    const signature = createHmac("sha256", key).update(`1.${NOW_SECONDS}.`).update(BODY).digest("base64");
    const headers = {
      "webhook-id": "1",
      "webhook-timestamp": String(NOW_SECONDS),
      "webhook-signature": `v1,${signature}`,
    };
    assert.throws(() => verify("standard", headers, BODY, secret), rejection(/Base64/));
  }
});

describe("a token", () => {
  test("is compared with the secret", () => {
    verify("token", { authorization: `Bearer ${SECRET}` });
    verify("token", { "x-gitlab-token": SECRET });
    for (const headers of [{ authorization: "Bearer other" }, { "x-gitlab-token": `${SECRET}x` }])
      assert.throws(() => verify("token", headers), rejection(/token/));
  });

  test("is required", () => {
    for (const headers of [{}, { authorization: "Basic abc" }, { authorization: "Bearer " }])
      assert.throws(() => signatureClaim("token", headers, NOW_MS), rejection(/Authorization: Bearer/));
  });
});
