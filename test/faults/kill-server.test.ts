import { run as onBadDisk } from "./bad-disk.ts";
import { run } from "./kill-server.ts";
import { testShortForm } from "./short.ts";

testShortForm("kill -9 of the server at random moments: what was acknowledged is so afterwards", run, 20);
testShortForm("the same with a disk that is slow, fails, or is full", onBadDisk, 100);
