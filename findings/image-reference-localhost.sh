#!/usr/bin/env bash
# oras (Python) and docker-parse-image (npm) send localhost/app to Docker Hub.
#
# Versions: PyPI oras 0.2.43, docker-image-py 0.2.0; npm docker-parse-image 3.0.1, parse-docker-image-name 3.0.0
# Guess:    The host of localhost/app is localhost: the first part is a host when it has a dot or a colon, or is "localhost".
# Seen:     oras: registry docker.io, repository localhost/app. docker-parse-image: no registry. The other two: localhost.
#           With a port (localhost:5000/app) all agree.
# Matters:  Podman and Buildah put localhost/ before the name of a local build; pushing such a name goes to the account "localhost" of a public registry.
# Source:   distribution/reference, "normalize" (splitDockerDomain), which Docker, containerd and Podman use.
# Needs:    bash, Node 22.19 or later, npm, Python 3.11 or later
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$tmp" docker-parse-image@3.0.1 parse-docker-image-name@3.0.0 > /dev/null
python3 -m venv "$tmp/venv"
"$tmp/venv/bin/pip" install --quiet --disable-pip-version-check oras==0.2.43 docker-image-py==0.2.0

cat > "$tmp/check.cjs" <<'EOF'
const one = require("docker-parse-image");
const other = require("parse-docker-image-name");
for (const name of ["localhost/app", "localhost:5000/app"]) {
  console.log("docker-parse-image", name, (one.default ?? one)(name).registry);
  console.log("parse-docker-image-name", name, (other.default ?? other.parseDockerImageName ?? other)(name).domain);
}
EOF
cat > "$tmp/check.py" <<'EOF'
from docker_image.reference import Reference
from oras.container import Container
for name in ("localhost/app", "localhost:5000/app"):
    print("oras", name, Container(name).registry)
    print("docker-image-py", name, Reference.parse_normalized_named(name).split_hostname()[0])
EOF
cat > "$tmp/recorded" <<'EOF'
docker-parse-image localhost/app null
parse-docker-image-name localhost/app localhost
docker-parse-image localhost:5000/app localhost:5000
parse-docker-image-name localhost:5000/app localhost:5000
oras localhost/app docker.io
docker-image-py localhost/app localhost
oras localhost:5000/app localhost:5000
docker-image-py localhost:5000/app localhost:5000
EOF
{ node "$tmp/check.cjs"; "$tmp/venv/bin/python" "$tmp/check.py"; } > "$tmp/seen"
diff -u "$tmp/recorded" "$tmp/seen" || { echo "changed" >&2; exit 1; }
echo "as recorded"
