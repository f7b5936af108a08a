"""Cut the published extract down to what the demo uses: `python -m scripts.demo.cut_survey ORIGINAL.csv.gz OUT.csv.gz`.

The same original gives the same bytes on every machine with the same zlib; the digest of what is checked in is stated
in data/README.md.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from primitives.errors import InvalidInput
from scripts.demo.survey import cut, read_households


def main(arguments: list[str]) -> int:
    """Cut a file and print both digests."""
    if len(arguments) != 2:
        print("usage: python -m scripts.demo.cut_survey ORIGINAL.csv.gz OUT.csv.gz", file=sys.stderr)
        return 2
    source, target = (Path(argument) for argument in arguments)
    try:
        original = source.read_bytes()
        result = cut(original)
        target.write_bytes(result)
    except InvalidInput as error:
        print(f"{source}: {error.field}: {error.rule}: {error.detail}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    for path, data in ((source, original), (target, result)):
        print(f"{hashlib.sha256(data).hexdigest()}  {len(data)} bytes  {path}")
    print(f"{len(read_households(result))} households")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
