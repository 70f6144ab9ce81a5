#!/usr/bin/env bash
# The Kubernetes JavaScript client reads defaultMode: 0400 as decimal 400, which is the mode 0620.
#
# Versions: npm @kubernetes/client-node 2.0.1 (js-yaml 5.5.0); Go sigs.k8s.io/yaml v1.6.0, which kubectl uses
# Guess:    loadYaml() of a manifest gives the same object as `kubectl apply`: 0400 is 256.
# Seen:     256 by Go, 400 by JavaScript. 400 is a valid mode (0620), so the API server takes it: the group may write, others nothing.
#           0644 becomes 644, which is refused (above 0777). 0o400 is 256 in both.
# Matters:  A secret mounted for its owner alone becomes writable for the group, with no error at all.
# Source:   Kubernetes API reference, SecretVolumeSource.defaultMode: "YAML accepts both octal and decimal values".
# Needs:    bash, Node 22.19 or later, npm, Go 1.24 or later
set -euo pipefail
tmp=$(mktemp -d)
trap 'chmod -R u+w "$tmp"; rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" @kubernetes/client-node@2.0.1 js-yaml@5.5.0 > /dev/null
mkdir "$tmp/go"
cat > "$tmp/go/main.go" <<'EOF'
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"sigs.k8s.io/yaml"
)

func main() {
	text, _ := io.ReadAll(os.Stdin)
	var pod struct {
		Spec struct {
			Volumes []struct {
				Name   string
				Secret struct{ DefaultMode json.Number }
			}
		}
	}
	if err := yaml.Unmarshal(text, &pod); err != nil {
		panic(err)
	}
	for _, volume := range pod.Spec.Volumes {
		fmt.Println("Go", volume.Name, volume.Secret.DefaultMode)
	}
}
EOF
(cd "$tmp/go" && go mod init example > go.log 2>&1 && go get sigs.k8s.io/yaml@v1.6.0 >> go.log 2>&1 && go build -o read . >> go.log 2>&1) || { cat "$tmp/go/go.log"; exit 1; }

cat > "$tmp/pod.yaml" <<'EOF'
apiVersion: v1
kind: Pod
metadata: { name: example }
spec:
  containers: [{ name: main, image: example }]
  volumes:
    - name: zero-four-hundred
      secret: { secretName: key, defaultMode: 0400 }
    - name: zero-o-four-hundred
      secret: { secretName: key, defaultMode: 0o400 }
EOF
cat > "$tmp/check.mjs" <<'EOF'
import { readFileSync } from "node:fs";
import { loadYaml } from "@kubernetes/client-node";
const pod = loadYaml(readFileSync(process.argv[2], "utf8"));
for (const { name, secret } of pod.spec.volumes) console.log("JavaScript", name, secret.defaultMode, `= 0${secret.defaultMode.toString(8)}`);
EOF
cat > "$tmp/recorded" <<'EOF'
Go zero-four-hundred 256
Go zero-o-four-hundred 256
JavaScript zero-four-hundred 400 = 0620
JavaScript zero-o-four-hundred 256 = 0400
EOF
{ "$tmp/go/read" < "$tmp/pod.yaml"; node "$tmp/check.mjs" "$tmp/pod.yaml"; } > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
