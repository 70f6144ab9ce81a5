import { exposeToFaults } from "../../faults/parts/availability.ts";
import { testShortForm } from "../../faults/short.ts";

testShortForm("no fault of a process or of the network fails a call through gateways", exposeToFaults, 100);
