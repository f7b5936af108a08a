#!/bin/sh
# The tests of the verifier in JavaScript, under the pinned Node, from anywhere.
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd) || exit 2
if [ ! -x "$root/.tools/bin/node" ] || [ ! -e "$root/node_modules/@noble/curves/package.json" ]; then
    echo "Node and its packages are not installed; run: python3 scripts/setup/node_tools.py" >&2
    exit 2
fi
cd "$root" || exit 2
exec "$root/.tools/bin/node" --test --test-reporter=dot "$@" verifier/test/*.test.js
