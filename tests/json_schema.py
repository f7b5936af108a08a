"""JSON Schema as the standard has it: `$` is the end of the text, in Python it may stand before a last line break."""

import re

from jsonschema import Draft202012Validator, ValidationError, validators


def _pattern(validator, pattern, instance, schema):
    del validator, schema
    if isinstance(instance, str) and not re.search(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


Validator = validators.extend(Draft202012Validator, {"pattern": _pattern})
