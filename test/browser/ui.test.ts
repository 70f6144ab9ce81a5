import { after } from "node:test";
import { EmbeddedServer } from "./embedded-server.ts";
import { PagesUnderTest } from "./page-under-test.ts";
import { scenarios } from "./scenarios/all.ts";
import { testScenarios } from "./scenarios/scenario.ts";
import { Client, prepare } from "./server-under-test.ts";

const server = await EmbeddedServer.start();
after(() => server.stop());
const client = new Client(server);
const pages = await PagesUnderTest.start(server.url);
await prepare(client);

testScenarios(scenarios, { client, pages });
