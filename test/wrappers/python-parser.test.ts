import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const wrapper = join(import.meta.dirname, "../../templates/python/.interface.py");

/**
 * Python program that tests properties of the wrapper's parser: heads of valid and invalid lines in any order, and chunked bodies that are split anywhere.
 */
const program = `
import importlib.machinery, importlib.util, random, sys

loader = importlib.machinery.SourceFileLoader("interface", sys.argv[1])
spec = importlib.util.spec_from_loader("interface", loader)
wrapper = importlib.util.module_from_spec(spec)
loader.exec_module(wrapper)
seed = int(sys.argv[2])
rng = random.Random(seed)

FIRST = ["GET / HTTP/1.1", "POST /a?b HTTP/1.1", "GET / HTTP/1.0", "GET  / HTTP/1.1", "GET / HTTP/2", "", "GET", "G\\x00 / HTTP/1.1", "get / HTTP/1.1", "GET x HTTP/1.1", "GET /\\n HTTP/1.1"]
LINES = ["Host: h", "Host: other", "X-Request-Id: one", "X-Request-Id: two", "X-Request-Id: a b", "x-request-id: one", "Content-Length: 3", "Content-Length: 03", "Content-Length: 4", "Content-Length: +3",
    "Content-Length:", "Content-Length: \\u0663", "Content-Length: 1_0", "Transfer-Encoding: chunked", "Transfer-Encoding: Chunked", "Transfer-Encoding: gzip", "Connection: close", "Connection: keep-alive, x", "Cookie: a", "Cookie: b",
    "X : a", "X: a\\rb", "X: a\\nb", " folded", "nocolon", ": a", "X: \\x00", "X: \\x85", "Expect: 100-continue"]

def text_of(parts):
    return "\\r\\n".join(parts).encode("latin-1", "replace")

def outcome(parse, block):
    try:
        call, body = parse(None, block)
    except wrapper.Problem as problem:
        assert problem.code == "INVALID_REQUEST", problem.code
        return "refused"
    kind = (type(body).__name__, getattr(body, "left", None)) if body is not None else None
    return (call.method, call.target, tuple(sorted(call.headers.items())), call.request_id if "x-request-id" in call.headers and " " not in call.headers["x-request-id"] else None, call.keep_alive, call.http10, kind)

taken = 0
for number in range(6000):
    first = rng.choice(FIRST[:3] if rng.random() < 0.8 else FIRST)
    few = LINES[:3] + LINES[6:7] + LINES[13:14] + LINES[16:20]
    parts = [first] + [rng.choice(few if rng.random() < 0.8 else LINES) for _ in range(rng.randrange(6))]
    block = text_of(parts)
    fresh = outcome(wrapper.read_head, block)
    # Cached heads make no difference.
    for _ in range(2):
        remembered = outcome(wrapper.parse_head, block)
        assert remembered == fresh, (seed, block, remembered, fresh)
    if fresh == "refused":
        continue
    taken += 1
    headers = dict(fresh[2])
    assert "\\x00" not in repr(headers) and not any("\\r" in value or "\\n" in value for value in headers.values()), (seed, block)
    assert not ("content-length" in headers and "transfer-encoding" in headers), (seed, block)
    assert headers.get("content-length", "0").isdecimal(), (seed, block)
    assert "host" in headers or fresh[5], (seed, block)
assert taken > 500, taken

for number in range(3000):
    pieces = [bytes(rng.randrange(256) for _ in range(rng.randrange(1, 30))) for _ in range(rng.randrange(4))]
    coded = b"".join(b"%x%s\\r\\n%s\\r\\n" % (len(piece), rng.choice([b"", b";a=b", b" "]), piece) for piece in pieces)
    coded += b"0\\r\\n" + rng.choice([b"", b"X-T: 1\\r\\n", b"Content-Length: 9\\r\\n"]) + b"\\r\\n"
    whole = coded + b"NEXT"
    if rng.random() < 0.3:
        at = rng.randrange(len(coded))
        whole = whole[:at] + bytes([rng.randrange(256)]) + whole[at + 1 :]
        changed = True
    else:
        changed = False
    def read(cuts):
        body = wrapper.ChunkedBody()
        places = [0] + sorted(rng.randrange(len(whole) + 1) for _ in range(cuts)) + [len(whole)]
        rest = None
        for start, end in zip(places, places[1:]):
            if rest is not None:
                rest += whole[start:end]
                continue
            try:
                rest = body.take(whole[start:end])
            except wrapper.Problem as problem:
                return problem.code
        return b"".join(body.pieces), rest
    one, other, third = read(0), read(3), read(len(whole))
    # The result does not depend on the splits. An error may be found at another position.
    assert (one == other == third) or (changed and "INVALID_REQUEST" in (one, other, third)), (seed, whole, one, other, third)
    if not changed:
        assert one == (b"".join(pieces), b"NEXT"), (seed, whole, one)
print("ok", taken)
`;

test("the Python wrapper's parser does not depend on splits or on previous requests, and fails only with INVALID_REQUEST", {
  timeout: 60_000,
}, async () => {
  const seed = Math.floor(Math.random() * 2 ** 31);
  const { stdout } = await promisify(execFile)(
    process.env.FAAS_PYTHON ?? "python3",
    ["-c", program, wrapper, String(seed)],
    { env: { ...process.env, PORT: "8080" }, timeout: 60_000 },
  );
  assert.match(stdout, /^ok \d+/, `seed ${seed}`);
});
