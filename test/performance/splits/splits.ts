import type { Row } from "../rig/table.ts";
import { exactness } from "./exactness.ts";
import { rollbacks } from "./rollbacks.ts";

/** Measures splits and rollbacks of endpoints that several gateways serve. */
export const splits = async (): Promise<Row[]> => [...(await exactness()), ...(await rollbacks())];
