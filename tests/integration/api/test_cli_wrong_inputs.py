"""Wrong inputs of the commands of operators and systems: one line names field and rule, and nothing changes.

What a node must judge is judged by a real one: its application answers in this process.
"""

import hashlib
import io
import json
import shlex
import sys

import httpx
import pytest
from sqlalchemy import func, select

from bonafides.cli.main import main
from bonafides.cli.support import node_options
from bonafides.client import Client
from node_adapter.init import init_node
from node_adapter.keys.keystore import PASSWORD_VARIABLE
from node_adapter.store import schema
from tests.world.broker import TOKENS
from tests.world.chain import CHAIN_ID, CONTRACTS
from tests.world.payloads import PAYLOADS

PASSWORD = "a password of the tests"
NOBODY, ZERO = "0x" + "ab" * 20, "0x" + "0" * 40
FILES = {
    "list": b"[1]",
    "odd": b'{"a": 1}',
    "cut": b"{",
    "gbk": '{"a": "客户"}'.encode("gbk"),
    "empty": b"",
    "wrong-password": b"wrong\n",
    "founder": json.dumps({"member": {"address": NOBODY, "name": "", "role": "broker", "keys": {}}}).encode(),
}

# A command on the node's directory HOME, and how its one line begins after `error: `.
ON_THE_DIRECTORY = """
node init HOME --name N --role broker                              | node-exists
node init NEW --name '' --role broker                              | invalid-input member.name length
node init NEW --name N --role king                                 | invalid-input role value
node init NEW --name N --role broker --port x                      | invalid-input port value
node init NEW --name N --role broker --port 70000                  | invalid-input http.port range
node init NEW --name N --role broker --peer x                      | invalid-input peer pattern
node init NEW --name N --role broker --peer 0x12=http://a          | invalid-input peers.0x12 address
node init NEW --name N --role broker --period-seconds nan          | invalid-input anchoring.period_seconds range
node init NEW --name N --role broker --max-batch 0                 | invalid-input anchoring.max_batch range
node init NEW --name N --role broker --chain-id -1                 | invalid-input chain.chain_id range
node init NEW --name N --role broker --rpc-url ftp://x             | invalid-input chain.rpc_url url
node init NEW --name N --role broker --network list                | invalid-input network object
node init NEW --name N --role broker --network cut                 | invalid-input network json
node init NEW --name N --role broker --network gbk                 | invalid-input network utf-8
node init NEW --name N --role broker --network missing             | file-unreadable
node init NEW --name N --role broker --network .                   | invalid-input network value
node init NEW --name N --role broker --password-file empty         | invalid-input password required
node init NEW --name N --role broker --password-file missing       | password-unreadable
node run missing                                                   | settings-unreadable
node recover --node missing --receipts empty                       | settings-unreadable
node configure missing --port 1                                    | settings-unreadable
node configure HOME --finality-depth 0                             | invalid-input chain.finality_depth range
node configure HOME --ca-file missing.pem                          | invalid-input chain.ca_file file
node configure HOME --ca-file ../list                              | invalid-input chain.ca_file pem
node configure HOME --directory 0x12                               | invalid-input chain.directory address
node configure HOME --heartbeat-seconds -1                         | invalid-input anchoring.heartbeat_seconds range
node configure HOME --health-port 99999                            | invalid-input http.health_port range
node configure HOME --promise-seconds 5 --period-seconds 5         | invalid-input anchoring.promise_seconds range
node configure HOME --timestamp-authority ../list                   | invalid-input timestamps.authority pem
node configure HOME --timestamp-roots missing.pem                   | invalid-input timestamps.roots file
node configure HOME --timestamp-url http://127.0.0.1:1             | invalid-input timestamps.authority required
node configure HOME --timestamp-hours 0                            | invalid-input timestamps.url required
node run missing                                                   | settings-unreadable
node run HOME --workers 0                                          | invalid-input workers value
node run HOME --password-file wrong-password                       | keystore-password
node status                                                        | invalid-input node required
node status --url nonsense                                         | invalid-input url url
node status --node missing                                         | settings-unreadable
node backup --node missing --to NEW                                | store-missing
node backup --node HOME --to missing/deep/file                     | backup-unwritable
node restore --from missing --to NEW                               | backup-unreadable
node restore --from list --to NEW                                  | invalid-input backup tar
node restore --from odd --to HOME                                  | node-exists
node recover --node HOME --receipts missing                        | file-unreadable
node recover --node HOME --receipts cut                            | invalid-input line 1 json
node recover --node HOME --bundle missing                          | file-unreadable
node recover --node HOME --bundle cut                              | invalid-input bundle
node recover --node HOME --bundle list                             | invalid-input bundle
node recover --node HOME                                           | nothing-lost
node heal --node HOME                                              | nothing-wrong
node heal --node HOME --confirm 0a1b2c3d4e5f                       | invalid-input reason required
node heal --node HOME --reason why                                 | invalid-input confirm required
node heal --node missing                                           | settings-unreadable
member list --node missing                                         | settings-unreadable
member proposals --node missing                                    | settings-unreadable
member propose-admission --node HOME --applicant list              | invalid-input founder shape
member propose-admission --node HOME --applicant founder           | invalid-input founder
member propose-admission --node HOME --applicant cut               | invalid-input applicant json
member propose-admission --node HOME --applicant missing           | file-unreadable
member propose-suspension --node HOME --member 0x12                | invalid-input member address
member vote --node HOME -- -1                                      | invalid-input proposal value
member vote --node HOME x                                          | invalid-input proposal value
member vote --node HOME HUGE                                       | invalid-input MemberRegistry.vote abi
member veto --node HOME 1.5                                        | invalid-input proposal value
member execute --node missing 1                                    | settings-unreadable
member propose-contract Other 0x12 --node HOME                      | invalid-input name value
member propose-contract ConvictionRegistry 0x12 --node HOME         | invalid-input address address
member propose-contract ConvictionRegistry ZERO --node HOME        | invalid-input address address
member enact 1 ConvictionRegistry 0x12 --node HOME                  | invalid-input address address
member enact 1 ConvictionRegistry 0xabababababababababababababababababababab --node missing | settings-unreadable
member rotate-keys --node missing                                  | settings-unreadable
member endpoint http://a --node missing                                  | settings-unreadable
contracts deploy --node HOME --rpc-url http://127.0.0.1:1 --founder list | invalid-input founder shape
contracts deploy --node HOME --rpc-url http://127.0.0.1:1 --founder cut  | invalid-input founder json
contracts status --network list                                    | invalid-input network shape
contracts status --network odd                                     | invalid-input rpc_url required
node witness-anew x --node HOME                                    | invalid-input broker did-ethr
node witness-anew x --node HOME --reason y                          | invalid-input confirm required
node witness-anew x --node missing                                  | settings-unreadable
contracts status --network missing                                 | file-unreadable
contracts deploy-convictions --node HOME --network odd              | invalid-input rpc_url required
contracts deploy-convictions --node HOME --network missing          | file-unreadable
token list --node missing                                          | store-missing
token add --node HOME --name '' --role operator                    | invalid-input name text
token add --node HOME --name ' a' --role operator                  | invalid-input name text
token add --node HOME --name a --role king                         | invalid-input role value
token add --node HOME --name a --role operator --days 0            | invalid-input days value
token add --node HOME --name a --role operator --days 99999        | invalid-input days value
token add --node HOME --name a --role operator --to missing/x      | node-unwritable
token add --node HOME --name a --role operator --to list           | node-unwritable
token renew --node HOME nobody                                     | token-not-found
token revoke --node HOME nobody                                    | token-not-found
keystore reseal --node HOME                                        | invalid-input password required
keystore reseal --node HOME --new-password-file empty              | invalid-input password required
keystore reseal --node HOME --new-password-file list --password-file cut | keystore-password
outbox list --node HOME --state odd                                | invalid-input state value
outbox retry --node HOME nothing                                   | outbox-
outbox retry --node missing nothing                                | settings-unreadable
alarm close --node HOME nothing                                    | alarm-not-open
alarm list --node missing                                          | settings-unreadable
network status missing                                             | invalid-input network required
network down missing                                               | invalid-input network required
network up list                                                    | invalid-input directory value
"""

# A command that asks a node, and how its one line begins.
AT_THE_NODE = """
operator   | task dataset ''                       | invalid-input name
operator   | task dataset name --schema list       | invalid-input schema object
operator   | task dataset name --schema missing    | file-unreadable
operator   | task propose list                     | invalid-input body
operator   | task propose odd                      | invalid-input task.a unknown-member
operator   | task propose cut                      | invalid-input spec json
operator   | task propose gbk                      | invalid-input spec utf-8
operator   | task propose missing                  | file-unreadable
compliance | task approve nonsense                 | task-unknown
operator   | task approve nonsense                 | wrong-role
operator   | task run nonsense                     | task-unknown
operator   | task show ../status                   | not-found
operator   | ruleset add                           | invalid-input document one-of
operator   | ruleset add --packaged nope@1         | invalid-input packaged
operator   | ruleset add --packaged ../x@1         | invalid-input packaged
operator   | ruleset add list                      | invalid-input document object
operator   | ruleset add odd                       | invalid-input document.a unknown-member
operator   | ruleset add cut                       | invalid-input document json
operator   | ruleset add --packaged sac-bands@1 --effective-from yesterday | invalid-input effective_from
operator   | ruleset add --packaged sac-bands@1    | ruleset-
broker-system | node status                        | wrong-role
operator   | staff enrol list                      | invalid-input request shape
operator   | staff enrol odd                       | invalid-input a unknown-member
operator   | staff enrol cut                       | invalid-input request json
operator   | staff enrol gbk                       | invalid-input request utf-8
operator   | staff enrol missing                   | file-unreadable
operator   | staff enrol odd --days 0              | invalid-input days value
operator   | staff enrol                           | invalid-input request required
operator   | staff enrol odd --reason LEFT         | invalid-input reason unknown-option
compliance | staff enrol odd                       | wrong-role
operator   | staff end nonsense --reason LEFT      | invalid-input key hex
operator   | staff end KEY --reason LEFT           | staff-key-not-found
operator   | staff end KEY --reason BORED          | invalid-input reason value
operator   | staff end KEY                         | invalid-input reason required
operator   | staff end KEY KEY --reason LEFT       | invalid-input command usage
compliance | staff end KEY --reason LEFT           | wrong-role
compliance | staff access --case 1 --reason r --reader r --approver a             | invalid-input subject one-of
compliance | staff access --case 1 --reason r --reader r --approver a --did d     | subject-not-found
compliance | staff access --case '' --reason r --reader r --approver a --did d    | invalid-input case length
compliance | staff access --case 1 --reason r --approver a --did d                | invalid-input reader required
operator   | staff access --case 1 --reason r --reader r --approver a --did d     | wrong-role
"""


def table(text):
    return [tuple(part.strip() for part in line.split("|")) for line in text.strip().splitlines()]


def digest_of(folder):
    """What a folder holds but locks, which are empty; a database by its main file."""
    names = sorted(
        path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".lock", ".db-wal", ".db-shm")
    )
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in names}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a whole node's directory, `home`, and files that are not what they should be."""
    folder = tmp_path_factory.mktemp("wrong-inputs")
    chain = {"rpc_url": "http://127.0.0.1:1", "chain_id": CHAIN_ID, "directory": CONTRACTS["Directory"]}
    settings = {"chain": {**chain, "directory_block": 1, "finality_depth": 1}}
    settings["http"] = {"host": "127.0.0.1", "port": 1}
    init_node(folder / "home", name="N", role="broker", password=PASSWORD, settings=settings)
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def run(place, capsys, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setenv(PASSWORD_VARIABLE, PASSWORD)

    def call(words, stdin=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        with pytest.raises(SystemExit) as ended:
            main(words)
        return (ended.value.code, *capsys.readouterr())

    return call


@pytest.mark.parametrize(("command", "says"), table(ON_THE_DIRECTORY))
def test_a_wrong_input_is_one_line_and_changes_nothing(place, run, command, says):
    before = digest_of(place)
    words = shlex.split(command.replace("HOME", "home").replace("NEW", "new").replace("HUGE", str(2**256)))
    words = [ZERO if word == "ZERO" else word for word in words]
    status, out, err = run(words)
    assert (status, out, len(err.splitlines())) == (2, "", 1), err
    assert err.startswith(f"error: {says}")
    assert digest_of(place) == before
    assert not (place / "new").exists()


@pytest.mark.parametrize(("role", "command", "says"), table(AT_THE_NODE))
def test_what_a_node_refuses_is_one_line_and_changes_nothing(broker, place, run, monkeypatch, role, command, says):
    transport = httpx.WSGITransport(app=broker.app)
    monkeypatch.setattr(node_options, "Client", lambda url, token: Client(url, token, transport=transport))
    (place / "token").write_text(TOKENS[role], "ascii")
    before = rows_of(broker)
    words = shlex.split(command.replace("KEY", "ab" * 32))
    status, out, err = run([*words, "--url", "http://node", "--token-file", "token"])
    assert (status, out, len(err.splitlines())) == (2, "", 1), err
    assert err.startswith(f"error: {says}")
    assert rows_of(broker) == before


def rows_of(broker):
    with broker.store.read() as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in schema.metadata.sorted_tables
        }


@pytest.mark.parametrize("command", ["subject add", "draft", "gate", "fact submit", "fact promises", "receipt get"])
def test_a_line_at_fault_is_answered_by_name_and_stores_nothing(broker, place, run, monkeypatch, command):
    transport = httpx.WSGITransport(app=broker.app)
    monkeypatch.setattr(node_options, "Client", lambda url, token: Client(url, token, transport=transport))
    (place / "token").write_text(TOKENS["broker-system"], "ascii")
    before = rows_of(broker)
    wrong = [b"{", b"[1]", b'"text"', b'{"a":NaN}', b'{"a":1,"a":2}', '{"a":"客户"}'.encode("gbk"), b"{}", b'{"a":1}']
    wrong += [json.dumps({name: value}).encode() for name in ("record_id", "subject") for value in (1, "x", [], None)]
    status, out, err = run([*command.split(), "--url", "http://node", "--token-file", "token"], b"\n".join(wrong))
    answers = [json.loads(line) for line in out.splitlines()]
    assert (status, len(answers), len(err.splitlines())) == (2, len(wrong), len(wrong))
    assert all(answer["status"] == "refused" and answer["problem"]["code"] for answer in answers)
    assert all(line.startswith("error: ") for line in err.splitlines())
    assert rows_of(broker) == before


def test_promises_are_fetched_by_the_answers_of_fact_submit(broker, client, place, run, monkeypatch):
    transport = httpx.WSGITransport(app=broker.app)
    monkeypatch.setattr(node_options, "Client", lambda url, token: Client(url, token, transport=transport))
    (place / "token").write_text(TOKENS["broker-system"], "ascii")
    where = ["--url", "http://node", "--token-file", "token"]
    fact = json.dumps(broker.fact(client.subject, "ID_VERIFY", PAYLOADS["ID_VERIFY"])).encode()
    _, submitted, _ = run(["fact", "submit", *where], fact)
    status, fetched, err = run(["fact", "promises", *where], submitted.encode())
    assert (status, err) == (0, "")
    assert json.loads(fetched)["promise"] == json.loads(submitted)["promise"]
    unknown = b'{"record_id": "' + b"0" * 32 + b'"}'
    status, fetched, err = run(["fact", "promises", *where], unknown)
    assert (status, json.loads(fetched)["problem"]["code"], len(err.splitlines())) == (2, "record-not-found", 1)
