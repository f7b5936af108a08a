import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives.errors import InvalidInput
from primitives.uuid7 import uuid7


def test_rfc_9562_example():
    # RFC 9562 appendix A.6: time 0x017F22E279B0, rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F
    entropy = (0xCC3 << 62 | 0x18C4DC0C0C07398F).to_bytes(10)
    assert uuid7(0x017F22E279B0, entropy) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10))
def test_version_variant_and_time(ms, entropy):
    text = uuid7(ms, entropy)
    value = uuid.UUID(text)
    assert value.version == 7
    assert value.variant == uuid.RFC_4122
    assert value.int >> 80 == ms


def test_order_follows_time():
    assert uuid7(1, b"\xff" * 10) < uuid7(2, bytes(10))


@pytest.mark.parametrize(("ms", "entropy"), [(-1, bytes(10)), (2**48, bytes(10)), (0, bytes(9)), (0, bytes(11))])
def test_bad_arguments(ms, entropy):
    with pytest.raises(InvalidInput):
        uuid7(ms, entropy)
