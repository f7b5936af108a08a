#!/bin/sh
# Hardhat under the pinned Node, from anywhere, and without its telemetry (which is on by default in a terminal).
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd) || exit 2
if [ ! -x "$root/.tools/bin/node" ] || [ ! -e "$root/node_modules/hardhat/dist/src/cli.js" ]; then
    echo "hardhat is not installed; run: python3 scripts/setup/node_tools.py" >&2
    exit 2
fi
cd "$root" || exit 2
PATH="$root/.tools/bin:$PATH" HARDHAT_DISABLE_TELEMETRY=true \
    exec "$root/.tools/bin/node" "$root/node_modules/hardhat/dist/src/cli.js" "$@"
