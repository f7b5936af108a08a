"""How many examples a property is tried with, and whether they are the same at each run.

The gate says the same thing twice, so its examples are derandomised. The search for new ones is made by hand, with
random examples, and more of them: `make properties`.
"""

import os

from hypothesis import HealthCheck, settings

FACTOR = int(os.environ.get("BONAFIDES_PROPERTY_FACTOR", "1"))
_EXAMPLES = 100
# A busy machine is no fault of what is tested: nothing here is timed.
settings.register_profile(
    "bonafides",
    max_examples=_EXAMPLES * FACTOR,
    derandomize=FACTOR == 1,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    print_blob=True,
)
settings.load_profile("bonafides")


def examples(count: int, **more: object) -> settings:
    """Return settings with another number of examples than the usual hundred."""
    return settings(max_examples=count * FACTOR, **more)
