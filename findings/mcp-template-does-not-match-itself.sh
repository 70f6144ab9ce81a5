#!/usr/bin/env bash
# A resource template of the MCP JavaScript SDK does not match its own expansion.
#
# Versions: npm @modelcontextprotocol/sdk 1.32.2; PyPI mcp 2.3.0
# Guess:    A URI made with a template is matched by the same template and gives the same variables back.
# Seen:     {?page,size} with only `page` set is expanded to ?page=2 and not matched, nor is ?size=5&page=2 or no query; and `a b` comes back
#           as a%20b. The Python SDK matches all four and decodes.
# Matters:  A resource with optional parameters answers "not found" unless all are given in the order of the template.
# Source:   RFC 6570 section 3.2.8 (undefined variables are left out) and section 3.2.1 (values are percent-encoded in expansion).
# Needs:    bash, Node 22.19 or later, npm, Python 3.11 or later
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" @modelcontextprotocol/sdk@1.32.2 > /dev/null
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check mcp==2.3.0

cat > "$tmp/check.mjs" <<'EOF'
import { UriTemplate } from "@modelcontextprotocol/sdk/shared/uriTemplate.js";
const query = new UriTemplate("notes://list{?page,size}");
console.log("JavaScript expands", query.expand({ page: "2" }));
for (const uri of ["notes://list?page=2", "notes://list?size=5&page=2", "notes://list"]) console.log("JavaScript", uri, JSON.stringify(query.match(uri)));
const name = new UriTemplate("notes://{name}");
console.log("JavaScript", JSON.stringify(name.match(name.expand({ name: "a b" }))));
EOF
cat > "$tmp/check.py" <<'EOF'
import json
from mcp import UriTemplate
query = UriTemplate.parse("notes://list{?page,size}")
for uri in ("notes://list?page=2", "notes://list?size=5&page=2", "notes://list"):
    print("Python", uri, json.dumps(query.match(uri), sort_keys=True))
name = UriTemplate.parse("notes://{name}")
print("Python", json.dumps(name.match(name.expand({"name": "a b"}))))
EOF
cat > "$tmp/recorded" <<'EOF'
JavaScript expands notes://list?page=2
JavaScript notes://list?page=2 null
JavaScript notes://list?size=5&page=2 null
JavaScript notes://list null
JavaScript {"name":"a%20b"}
Python notes://list?page=2 {"page": "2"}
Python notes://list?size=5&page=2 {"page": "2", "size": "5"}
Python notes://list {}
Python {"name": "a b"}
EOF
{ node "$tmp/check.mjs"; "$tmp/venv/bin/python" "$tmp/check.py"; } > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
