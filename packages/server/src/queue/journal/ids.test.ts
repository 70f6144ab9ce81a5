import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Ids } from "./ids.ts";

const time = fc.nat(2 ** 31).map((ms) => 1.7e12 + ms);

test("ids grow, whatever the clock does, also in another process that continues after the last", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(time, fc.boolean()), { minLength: 1 }), (steps) => {
      let ids = new Ids();
      let last = "";
      for (const [ms, restarts] of steps) {
        if (restarts) {
          ids = new Ids();
          ids.continueAfter(last);
        }
        const id = ids.next(ms);
        assert.match(id, /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/);
        assert.ok(id > last, `${id} after ${last}`);
        assert.equal(ids.last, id);
        last = id;
      }
    }),
  );
});

test("an id begins with its time, as the specification of ULIDs has it", () => {
  assert.equal(new Ids().next(1469918176385).slice(0, 10), "01ARYZ6S41");
});

test("ids of other forms are ignored", () => {
  const ids = new Ids();
  ids.continueAfter("zzzz");
  assert.equal(ids.last, "");
});
