import assert from "node:assert/strict";
import { after, type TestContext } from "node:test";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { startChromium } from "./chromium.ts";

/** Messages of the browser about requests that a test makes fail, and about plain HTTP from another machine. */
const EXPECTED =
  /status of (?:401|403|404|50\d)|net::ERR_|Opener-Policy header has been ignored.* origin was untrustworthy/;

/** Pages of one browser, which ends after the tests of the file. */
export class PagesUnderTest {
  readonly #browser: Browser;
  readonly #url: string;

  private constructor(browser: Browser, url: string) {
    this.#browser = browser;
    this.#url = url;
  }

  static async start(url: string): Promise<PagesUnderTest> {
    const browser = await startChromium();
    after(() => browser.close());
    return new PagesUnderTest(browser, url);
  }

  /** Opens the page. The test fails if it reports an error, breaks its security policy, or sends a request to another host. */
  async open(t: TestContext, options: BrowserContextOptions = {}): Promise<Page> {
    const context = await this.#browser.newContext(options);
    const page = await context.newPage();
    const problems: string[] = [];
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" && !EXPECTED.test(message.text())) problems.push(message.text());
    });
    const { origin } = new URL(this.#url);
    page.on("request", (request) => {
      if (!request.url().startsWith(origin)) problems.push(`request to ${request.url()}`);
    });
    t.after(async () => {
      await context.close();
      assert.deepEqual(problems, []);
    });
    await page.goto(`${this.#url}/-/ui`);
    return page;
  }

  /** Opens the page and signs in. */
  async signIn(t: TestContext, token: string, options: BrowserContextOptions = {}): Promise<Page> {
    const page = await this.open(t, options);
    await page.getByLabel("Key", { exact: true }).fill(token);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "Sign out" }).waitFor();
    return page;
  }
}
