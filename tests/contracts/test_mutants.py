"""The list of mutants speaks of the sources as they are. That the tests catch each is said by `make mutants`."""

from scripts.contracts import mutants


def test_every_change_of_the_list_has_its_place():
    found = mutants.all_mutants()
    assert len(found) > len(mutants.CHANGES)
    for mutant in found:
        assert mutant.text != (mutants.ROOT / "contracts" / mutant.file).read_text(encoding="utf-8")
