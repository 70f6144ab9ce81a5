#!/usr/bin/env bash
# The Kubernetes JavaScript client drops fields that a manifest merges by `<<`.
#
# Versions: npm @kubernetes/client-node 2.0.1 (js-yaml 5.5.0); PyPI PyYAML 6.0.4 (the reader of the Python client) for comparison
# Guess:    `limits: { <<: *defaults, cpu: 2 }` has the keys of the anchor, as with kubectl and PyYAML.
# Seen:     "<<" stays a key of its own in maps (limits has cpu and "<<"), and where the client knows the type
#           (a container) the merged fields are gone: no image, no error.
# Matters:  Limits, environments and security contexts shared by an anchor are missing in the applied object.
# Source:   YAML type repository, "Merge Key Language-Independent Type"; kubectl's reader (sigs.k8s.io/yaml) applies it.
# Needs:    bash, Node 22.19 or later, npm, Python 3.11 or later
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" @kubernetes/client-node@2.0.1 js-yaml@5.5.0 > /dev/null
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check PyYAML==6.0.4

cat > "$tmp/pod.yaml" <<'EOF'
apiVersion: v1
kind: Pod
metadata: { name: example }
spec:
  containers:
    - &first
      name: first
      image: example
      securityContext: { runAsNonRoot: true }
      resources:
        requests: &defaults { memory: 1Gi }
        limits: { <<: *defaults, cpu: "2" }
    - <<: *first
      name: second
EOF
cat > "$tmp/check.mjs" <<'EOF'
import { readFileSync } from "node:fs";
import { loadYaml } from "@kubernetes/client-node";
const [first, second] = loadYaml(readFileSync(process.argv[2], "utf8")).spec.containers;
console.log("JavaScript limits", Object.keys(first.resources.limits).sort().join(" "));
console.log("JavaScript second", Object.keys(second).filter((key) => second[key] !== undefined).sort().join(" "));
EOF
cat > "$tmp/check.py" <<'EOF'
import sys, yaml
first, second = yaml.safe_load(open(sys.argv[1]))["spec"]["containers"]
print("PyYAML limits", *sorted(first["resources"]["limits"]))
print("PyYAML second", *sorted(second))
EOF
cat > "$tmp/recorded" <<'EOF'
JavaScript limits << cpu
JavaScript second name
PyYAML limits cpu memory
PyYAML second image name resources securityContext
EOF
{ node "$tmp/check.mjs" "$tmp/pod.yaml"; "$tmp/venv/bin/python" "$tmp/check.py" "$tmp/pod.yaml"; } > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
