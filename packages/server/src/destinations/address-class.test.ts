import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type AddressClass, classifyAddress, ownAddresses } from "./address-class.ts";

const EXAMPLES: Readonly<Record<AddressClass, readonly string[]>> = {
  public: [
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "100.128.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2a00::1",
  ],
  internal: [
    ...["127.0.0.1", "127.255.255.254", "10.0.0.0", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1"],
    ...["100.64.0.1", "198.18.0.1", "::1", "0:0:0:0:0:0:0:1", "fc00::1", "fdff::1"],
  ],
  forbidden: [
    ...["169.254.169.254", "169.254.0.1", "100.100.100.200", "fd00:ec2::254", "0.0.0.0", "0.1.2.3", "224.0.0.1"],
    ...["255.255.255.255", "240.0.0.1", "192.0.2.1", "::", "fe80::1", "febf::1", "ff02::1", "fec0::1"],
    // IPv4 addresses in IPv6 ones: mapped, compatible, NAT64, 6to4, Teredo.
    ...["::ffff:127.0.0.1", "::ffff:7f00:1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1"],
    ...["2002:7f00:1::", "2001::1", "2001:db8::1", "fe80::1%lo", "", "localhost"],
  ],
};

describe("an address", () => {
  for (const [expected, addresses] of Object.entries(EXAMPLES))
    for (const address of addresses)
      test(`${address} is ${expected}`, () => assert.equal(classifyAddress(address), expected));

  test("that this machine has is internal", () => {
    const own = new Set(["8.8.8.8"]);
    assert.equal(classifyAddress("8.8.8.8", own), "internal");
    assert.ok(ownAddresses().has("127.0.0.1"));
  });
});
