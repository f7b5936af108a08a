"""Who may issue what, over HTTP: a good signature by the wrong party is refused by name."""

import pytest

from did.credentials import status_list
from did.credentials.proofs import add_proof
from did.credentials.types import identity, suitability
from node_adapter.workflows.identity.identities import chain_snapshot
from node_adapter.workflows.operation.endpoints import node_endpoints
from primitives.errors import CouldNotCheck
from primitives.timestamp import format_utc
from tests.integration.api.test_credentials import COMMITMENT, NORTH_URL, challenge, issue, north, prove, south, verify
from tests.world.chain import CHAIN_ID
from tests.world.clock import START
from tests.world.keys import keystore_of

__all__ = ["north", "south"]
DAY = 86_400_000
ID = "urn:uuid:0191b3b0-0000-7000-8000-000000000001"


def member(name):
    keys = keystore_of(name)
    did = f"did:ethr:{CHAIN_ID:#x}:{keys.address}"
    return did, keys.newest.signing_seed, f"{did}#signing"


def party(who):
    """Return the DID, the seed and the verification method of a client or a member."""
    return (who.did, who.key_seed, who.key) if hasattr(who, "key_seed") else member(who)


def level_of(subject, by, *, created=START, **changes):
    """Return a SuitabilityCredential whose signature is good, by whoever likes to sign it."""
    did, seed, method = party(by)
    values = {
        "credential_id": ID,
        "issuer": did,
        "subject": subject,
        "level": "C5",
        "ruleset": "sac-bands@1",
        "assessed_at": START,
        "valid_from": START,
        "valid_until": START + DAY,
    }
    document = suitability.suitability_credential(**{**values, **changes})
    return add_proof(document, seed=seed, verification_method=method, created=format_utc(created))


def identity_of(subject, by, commitment=COMMITMENT):
    did, seed, method = party(by)
    document = identity.identity_credential(
        credential_id=ID,
        issuer=did,
        subject=subject,
        commitment=commitment,
        verified_at=START,
        valid_from=START,
        valid_until=START + DAY,
    )
    return add_proof(document, seed=seed, verification_method=method, created=format_utc(START))


def refused(broker, document):
    problem = verify(broker, document)
    assert problem["status"] == 422, problem
    return problem["code"]


def test_a_client_attests_neither_its_own_level_nor_anybody_elses(south, client, north):
    other = north.enrol("client two")
    for subject in (client.did, other.did, south.did):
        assert refused(south, level_of(subject, client)) == "issuer-right"
        assert refused(south, identity_of(subject, client)) == "issuer-right"


@pytest.mark.parametrize("name", ["regulator", "operator", "stranger"])
def test_no_other_role_than_a_broker_attests(south, client, chain, name):
    chain.admit("operator", role=3)
    assert refused(south, level_of(client.did, name)) == "issuer-right"


def test_a_broker_that_was_suspended_and_is_back(south, client, chain):
    while_out = START + DAY // 4
    chain.suspend("north")
    chain.time = while_out // 1000 + 3600
    chain.admit("north")
    assert refused(south, level_of(client.did, "north", created=while_out)) == "issuer-right"
    south.clock.now = while_out + DAY // 4
    assert verify(south, level_of(client.did, "north", created=south.clock.now))["status"] == "verified"


def test_no_broker_attests_about_a_member_or_about_another_brokers_client(south, client, north):
    assert refused(south, level_of(south.did, "north")) == "issuer-right"
    assert refused(south, level_of(member("regulator")[0], "north")) == "issuer-right"
    assert refused(north, level_of(client.did, "south")) == "issuer-right"


def test_a_list_of_subjects_hides_nobody(north, south, client):
    def about(document, *subjects):
        _did, seed, method = member("south")
        unsecured = {name: value for name, value in document.items() if name != "proof"}
        changed = {**unsecured, "credentialSubject": list(subjects)}
        return add_proof(changed, seed=seed, verification_method=method, created=format_utc(START))

    level = level_of(client.did, "south")
    stranger = {"id": f"did:ethr:{CHAIN_ID:#x}:0x{'12' * 20}", "riskLevel": "C1"}
    assert refused(north, about(level, level["credentialSubject"])) == "issuer-right"
    assert refused(north, about(level, stranger, level["credentialSubject"])) == "issuer-right"
    assert refused(south, about(level, stranger, stranger)) == "issuer-right"
    attested = about(identity_of(client.did, "south"), identity_of(client.did, "south")["credentialSubject"])
    proof = prove(client, challenge(north, client), north.clock.now)
    answer = north.post("/v1/proofs/verify", {"proof": proof, "credential": attested})
    assert (answer.status_code, answer.get_json()["code"]) == (422, "issuer-right")


def test_what_bears_our_own_name_must_be_ours(north, client):
    """Whoever stole the key that is in force deceives others until it ends, but not its owner."""
    assert refused(north, level_of(client.did, "north")) == "issuer-right"
    assert verify(north, issue(north, client))["status"] == "verified"


def test_the_answer_names_the_issuer_and_its_right(north, south, client):
    credential = issue(north, client)
    assert verify(south, credential)["issuer_right"] == {
        "basis": "broker-of-client",
        "member": "north",
        "role_at_issue": "broker",
        "role_now": "broker",
        "key": f"{north.did}#signing",
        "key_in_force": True,
        "witnessed_block": None,
        "block": south.chain.height,
    }


@pytest.fixture
def served(south):
    """What the node of north answers to south in place of its status list."""
    answers = {}
    honest = south.node.fetch
    object.__setattr__(
        south.node,
        "fetch",
        lambda url: answers["list"] if "list" in answers and "/status-lists/" in url else honest(url),
    )
    return answers


def listed(by, *, valid_until=START + DAY, **changes):
    did, seed, method = party(by)
    values = {"number": 1, "issuer": did, "bits": status_list.list_with([])}
    document = status_list.status_list_credential(**values, valid_from=START, valid_until=valid_until)
    return add_proof({**document, **changes}, seed=seed, verification_method=method, created=format_utc(START))


def test_a_status_list_counts_only_while_its_own_issuer_may_publish_it(north, south, client, served):
    credential = issue(north, client)
    served["list"] = listed("north")
    assert verify(south, credential)["status"] == "verified"
    served["list"] = listed("south")
    assert refused(south, credential) == "status-list"
    served["list"] = listed(client)
    assert refused(south, credential) == "issuer-right"
    served["list"] = listed("north", issuer=south.did)
    assert refused(south, credential) == "issuer"
    served["list"] = identity_of(client.did, "north")
    assert refused(south, credential) == "status-list"
    served["list"] = {name: value for name, value in listed("north").items() if name != "validUntil"}
    assert refused(south, credential) == "signature"


def test_a_status_list_that_is_old_or_undated_says_nothing(north, south, client, served):
    credential = issue(north, client)
    served["list"] = listed("north")
    south.clock.now += DAY + 1
    assert refused(south, credential) == "expired"
    served.clear()
    assert verify(south, credential)["status"] == "verified"  # north has signed a new one
    _, seed, method = member("north")
    undated = {name: value for name, value in listed("north").items() if name not in ("proof", "validUntil")}
    served["list"] = add_proof(undated, seed=seed, verification_method=method, created=format_utc(START))
    assert refused(south, credential) == "status-list"


def test_a_status_list_that_would_hold_for_years_can_be_kept_by_nobody(north, south, client, served):
    credential = issue(north, client)
    served["list"] = listed("north", valid_until=START + 3650 * DAY)
    assert refused(south, credential) == "status-list"


def test_a_status_list_by_an_ended_key_says_nothing_about_now(north, south, client, served):
    """A list speaks of now: no witness of an earlier time makes it good again."""
    credential = issue(north, client)
    north.anchor()
    north.rotate()
    assert verify(south, credential)["status"] == "verified"
    served["list"] = listed("north")
    assert refused(south, credential) == "issue-unwitnessed"


def test_a_self_made_identity_attests_no_commitment(south, client):
    proof = prove(client, challenge(south, client), south.clock.now)
    forged = {"proof": proof, "credential": identity_of(client.did, client)}
    assert south.post("/v1/proofs/verify", forged).get_json()["code"] == "issuer-right"


def test_a_proof_names_who_attests_its_commitment_or_says_that_nobody_does(north, south, client):
    credential = issue(north, client, type="IdentityCredential")
    proof = prove(client, challenge(south, client), south.clock.now)
    attested = south.post("/v1/proofs/verify", {"proof": proof, "credential": credential}).get_json()["attestation"]
    assert (attested["status"], attested["issuer"]) == ("attested", north.did)
    assert (attested["issuer_right"]["member"], attested["credential_status"]) == ("north", "valid")
    alone = prove(client, challenge(south, client), south.clock.now)
    answer = south.post("/v1/proofs/verify", alone).get_json()["attestation"]
    assert answer["status"] == "unattested"
    assert answer["detail"].startswith("nobody attests this commitment")


class TestAddresses:
    """Credentials outlive a change of their issuer's host or port."""

    NEW_URL = "https://north.example:9443"

    @pytest.fixture
    def moved(self, north, south, chain):
        """North listens at another address and has said so on the chain; south's settings still name the old one."""
        asked = []
        honest = south.node.fetch

        def fetch(url):
            asked.append(url)
            if not url.startswith(self.NEW_URL):
                raise CouldNotCheck("peer-unreachable", url)
            return honest(url.replace(self.NEW_URL, NORTH_URL))

        object.__setattr__(south.node, "fetch", fetch)
        chain.set_endpoint("north", self.NEW_URL)
        return asked

    def test_a_status_list_is_found_after_the_node_has_moved(self, north, south, client, moved):
        credential = issue(north, client)
        assert verify(south, credential)["status"] == "verified"
        assert moved == [f"{self.NEW_URL}/v1/status-lists/1"]
        north.post(f"/v1/credentials/{credential['id']}/revoke", {})
        assert refused(south, credential) == "status"

    def test_a_credential_from_before_names_a_host_that_nobody_asks(self, north, south, client, moved):
        did, seed, method = member("north")
        entry = status_list.status_entry("http://10.0.0.1:1234/v1/status-lists/1", 7)
        document = suitability.suitability_credential(
            credential_id=ID,
            issuer=did,
            subject=client.did,
            level="C4",
            ruleset="sac-bands@1",
            assessed_at=START,
            valid_from=START,
            valid_until=START + DAY,
            status=entry,
        )
        signed = add_proof(document, seed=seed, verification_method=method, created=format_utc(START))
        assert verify(south, signed)["status"] == "verified"
        assert all(url.startswith(self.NEW_URL) for url in moved)

    def test_a_witness_is_found_too(self, north, south, client, moved):
        credential = issue(north, client)
        north.anchor()
        north.rotate()
        assert verify(south, credential)["status"] == "verified"

    @pytest.mark.parametrize("url", ["ftp://north.example", "https://user:word@north.example", "north", "https://x/?q"])
    def test_what_is_no_address_of_a_node_is_not_asked(self, north, south, client, chain, url):
        chain.set_endpoint("north", url)
        assert verify(south, issue(north, client))["status"] == "verified"  # by the settings

    def test_a_suspended_members_word_does_not_count(self, south, chain):
        chain.set_endpoint("north", self.NEW_URL)
        with south.store.read() as connection:
            snapshot = chain_snapshot(south.node, connection, [])
            assert list(node_endpoints(south.node, connection, snapshot).values()) == [self.NEW_URL]
        chain.suspend("north")
        with south.store.read() as connection:
            snapshot = chain_snapshot(south.node, connection, [])
            assert node_endpoints(south.node, connection, snapshot) == {}
