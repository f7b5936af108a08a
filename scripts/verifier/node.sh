#!/bin/sh
# The pinned Node with the packages of the verifier, from anywhere; arguments are Node's, paths relative to the repository.
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd) || exit 2
if [ ! -x "$root/.tools/bin/node" ] || [ ! -e "$root/node_modules/@noble/curves/package.json" ]; then
    echo "Node and its packages are not installed; run: python3 scripts/setup/node_tools.py" >&2
    exit 2
fi
cd "$root" || exit 2
exec "$root/.tools/bin/node" "$@"
