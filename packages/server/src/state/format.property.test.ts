import assert from "node:assert/strict";
import { test } from "node:test";
import { FaasError, type Revision, revisionId, withDefaults } from "@faas/core";
import { anyText } from "@faas/testing/arbitraries";
import fc from "fast-check";
import { type Entry, formatEntry, formatHeader, parseJournal } from "./journal-format.ts";
import { packRevisions } from "./revisions/kept-revisions.ts";
import { formatSnapshot, parseSnapshot } from "./snapshot-format.ts";
import { State } from "./state.ts";

const artifact = { kind: "bundle", digest: `sha256:${"a".repeat(64)}` } as const;
const settings = withDefaults({});
const current: Revision = { id: revisionId(artifact, settings), createdAt: "", artifact, settings };
const kept = packRevisions([{ revision: { ...current, id: "earlier" }, servedUntil: "t" }]);
const name = fc.stringMatching(/^[a-z]{1,8}$/);
const someText = anyText({ maxLength: 20 });
const change = fc.oneof(
  fc.record({ org: name, record: fc.constant(null) }),
  fc.record({ org: name, record: fc.record({ note: someText }) }),
  fc
    .tuple(name, name, someText)
    .map(([org, endpoint, updatedAt]) => ({ org, endpoint, record: { createdAt: "", updatedAt, current } })),
  fc
    .tuple(name, name)
    .map(([org, endpoint]) => ({ org, endpoint, record: { createdAt: "", updatedAt: "", current, kept } })),
  fc.record({ org: name, endpoint: name, record: fc.constant(null) }),
  fc.tuple(name, someText).map(([key, text]) => ({
    key,
    record: { name: text, scope: "read" as const, org: "acme", hash: "0".repeat(64), createdAt: "" },
  })),
);
const journal = fc
  .tuple(someText, fc.nat(), fc.array(fc.array(change, { maxLength: 3 }), { maxLength: 5 }))
  .map(([id, after, all]) => {
    const entries = all.map((changes, i) => ({ sequence: after + i + 1, changes })) as unknown as Entry[];
    return { id, after, entries, lines: [formatHeader(id, after), ...entries.map(formatEntry)] };
  });

test("parses a journal as it was written", () => {
  fc.assert(
    fc.property(journal, ({ id, after, entries, lines }) => {
      assert.deepEqual(parseJournal(Buffer.from(lines.join(""))), {
        header: { version: 1, state: id.toWellFormed(), after },
        entries: JSON.parse(JSON.stringify(entries).toWellFormed()),
        torn: false,
      });
    }),
  );
});

test("parses the complete entries of a journal that was cut short anywhere", () => {
  fc.assert(
    fc.property(journal, fc.nat(), ({ entries, lines }, at) => {
      const bytes = Buffer.from(lines.join(""));
      const place = at % (bytes.length + 1);
      const read = parseJournal(bytes.subarray(0, place));
      let whole = 0;
      for (let end = 0; whole < lines.length; whole++) {
        end += Buffer.byteLength(lines[whole] as string);
        // The line end itself may be missing: the entry before it is complete.
        if (end - 1 > place) break;
      }
      if (typeof read === "string") return assert.ok(whole === 0, read);
      assert.equal(read.entries.length, Math.max(0, whole - 1));
      assert.ok(read.entries.length <= entries.length);
    }),
  );
});

test("detects any modified byte", () => {
  fc.assert(
    fc.property(journal, fc.nat(), fc.integer({ min: 1, max: 255 }), ({ lines, entries }, at, by) => {
      const bytes = Buffer.from(lines.join(""));
      const place = at % bytes.length;
      bytes[place] = (bytes[place] as number) ^ by;
      const read = parseJournal(bytes);
      // Only the last line may count as cut short, when its end is missing.
      if (typeof read !== "string")
        assert.ok(read.torn ? read.entries.length < entries.length : place === bytes.length - 1, JSON.stringify(read));
    }),
  );
});

test("parses a state as it was written, and rejects any other text as STATE_DAMAGED", () => {
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 12 }),
      fc.nat(),
      fc.nat(),
      fc.string({ maxLength: 2 }),
      (changes, sequence, at, other) => {
        const state = new State();
        for (const each of changes) if (!("endpoint" in each) || state.fields(each.org)) state.apply(each as never);
        const text = [...formatSnapshot({ state, id: "x", sequence })].join("");
        const read = parseSnapshot(text, "state.json");
        assert.equal([...formatSnapshot({ state: read.state, id: "x", sequence })].join(""), text);
        const place = at % (text.length + 1);
        for (const damaged of [text.slice(0, place), text.slice(0, place) + other + text.slice(place + 1), other]) {
          try {
            parseSnapshot(damaged, "state.json");
          } catch (error) {
            assert.ok(error instanceof FaasError && error.code === "STATE_DAMAGED", String(error));
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});
