import { type TestContext, test } from "node:test";
import type { Locator, Page } from "playwright-core";
import type { PagesUnderTest } from "../page-under-test.ts";
import type { Client } from "../server-under-test.ts";

/** Server and browser of a file of tests. */
export interface Stage {
  readonly client: Client;
  readonly pages: PagesUnderTest;
}

/** Tests by name, for every installation of the server. They expect what `prepare` has deployed. */
export type Scenarios = Readonly<Record<string, (t: TestContext, stage: Stage) => Promise<void>>>;

/** Registers scenarios as tests. */
export function testScenarios(scenarios: Scenarios, stage: Stage): void {
  for (const [name, run] of Object.entries(scenarios)) test(name, (t) => run(t, stage));
}

/** Finds a link by its whole text. */
export const link = (page: Page, name: string): Locator => page.getByRole("link", { name, exact: true });

/** Opens the page of an endpoint of the organization as an admin. */
export async function openEndpoint(t: TestContext, { client, pages }: Stage, endpoint: string): Promise<Page> {
  const page = await pages.signIn(t, client.server.adminToken);
  await link(page, client.name(endpoint)).click();
  return page;
}
