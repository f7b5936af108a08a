"""The main job, end to end: three brokers, a regulator and some hundred clients on one machine. Run by `make demo`.

Everything goes through the command `bonafides` and HTTP. Every step checks what it got; the first that is not as it
must be ends the demo with exit status 2 and says what it was.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import httpx

from bonafides.cli.support.output import survive_any_terminal
from primitives.errors import BonafidesError
from scripts.demo import past, summary
from scripts.demo.cheater import CHEATER, Rollback
from scripts.demo.consortium import BROKERS, REGULATOR, Consortium, how_to_stop, still_running
from scripts.demo.dispute import Dispute
from scripts.demo.enrolment import enrol
from scripts.demo.generate import generate
from scripts.demo.households import to_profile
from scripts.demo.identity import Identities
from scripts.demo.joint import JointStatistic, compare, plain_sums, require_refused
from scripts.demo.journey import BrokerSystem, Relation
from scripts.demo.plan import BREACHES, EXPIRED_TEST, NEVER_WARNED, plans
from scripts.demo.profile import Profile
from scripts.demo.receipts import deliver, keep_promises, wait_until_anchored
from scripts.demo.spread import select, spread
from scripts.demo.staff import enrol_everywhere
from scripts.demo.story import SHORT_VALIDITY_BROKER, Story, findings_as_planned, install_rules, wait_for_outbox
from scripts.demo.surface import DemoError, Progress, another_clock, now_text
from scripts.demo.survey import read_households

ROOT = Path(__file__).resolve().parents[2]
CUT = Path(__file__).with_name("data") / "scf2019.csv.gz"
DEFAULT_OUT = ROOT / "build" / "demo"
DEFAULT_CLIENTS = 300
MIN_CLIENTS = 60  # fewer, and a broker has not the ten consenting clients that a joint statistic needs


def main() -> int:
    """Run the demo; 0 when every step was as it must be."""
    options = _options()
    survive_any_terminal()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever stops the demo stops what it started
    out: Path = options.out.resolve()
    try:
        profiles, source = _input(options)  # first: a wrong file costs nothing, not even an earlier run's results
        _empty(out)
        demo = Demo(out, profiles, source, keep_at_end=options.keep)
        try:
            demo.run()
        except httpx.TransportError as error:
            demo.consortium.require_alive()
            raise DemoError(f"a node gave no answer: {error!r}") from error
        finally:
            if not demo.keep:
                demo.consortium.close()
    except (DemoError, BonafidesError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("demo: stopped", file=sys.stderr)
        return 2
    return 0


class Demo:
    """One run. What the stages learn is kept in `facts`, which becomes summary.json."""

    def __init__(self, out: Path, profiles: list[Profile], source: str, *, keep_at_end: bool) -> None:
        """Take the people who take part, and where they come from; results go to `out`."""
        self.out = out
        self.keep = False
        self._keep_at_end = keep_at_end
        self._profiles = profiles
        self.facts: dict[str, Any] = {"synthetic": True, "source": source}
        self.progress = Progress()
        self.consortium = Consortium(out)
        self._relations: list[Relation] = []
        self._systems: dict[str, BrokerSystem] = {}

    def run(self) -> None:
        """Run every stage, in the order of the story."""
        stage = self.progress.stage
        print(f"input: {self.facts['source']}", flush=True)
        with stage("contracts, and a first client at alpha, twenty years ago"):
            self._live_then()
        with stage("today: the same chain, two brokers and a regulator"):
            self._found()
        with stage("third broker admitted by vote"):
            self.consortium.admit_third_broker()
            self.consortium.start_nodes("gamma")
        self._prepare()
        with stage("clients get pairwise DIDs, and commit to their certificate numbers"):
            enrol(self.consortium, self._relations)
            wait_for_outbox(self.consortium, BROKERS)
        with stage("staff enrolled who sign decisions and ratings"):
            self._enrol_staff()
        with stage("each client opens the history at the broker"):
            self._story.open_histories(self._relations)
        self._live()
        with stage("promises kept by the wallets, records anchored, receipts verified"):
            self.facts["promises"] = self._story.promises + keep_promises(self.consortium, self._relations)
            wait_for_outbox(self.consortium, BROKERS)
            self.facts["receipts"] = deliver(self.consortium, self._relations, self.progress)
        with stage("credentials issued, one revoked, a proof shown to another broker"):
            self._identity()
        with stage("joint statistic of three brokers"):
            self._joint()
        with stage("replay ordered by the regulator, verified offline; one of the witnesses is down"):
            self.consortium.stop_node(CHEATER)
            self._anchor_without_it()
            self._dispute()
            self.consortium.start_nodes(CHEATER)
        with stage("a broker takes a record back, and the client's wallet finds it"):
            self.facts["rollback"] = self._rollback()
        with stage("what is older than the law asks is erased, when two have signed it"):
            self.facts["erased"] = self._past.erase(self._systems[past.BROKER].staff)
        self._finish()

    def _live_then(self) -> None:
        """The first day of the network lies twenty years ago; nobody else than alpha has a client yet."""
        consortium = self.consortium
        consortium.make_nodes()
        with another_clock(past.SECONDS):
            consortium.start_chain("--since", now_text())
            self.facts["network"] = consortium.deploy()
            consortium.start_nodes(past.BROKER)
            self._past = past.Past(consortium, self._relation_of_then(), self.out)
            self._past.live()
            consortium.stop_node(past.BROKER)
        consortium.stop_chain()

    def _relation_of_then(self) -> Relation:
        reference = "synthetic-of-then"
        [account, *_] = spread(self._profiles, 1)
        [plan] = plans([reference], [past.BROKER], SHORT_VALIDITY_BROKER).values()
        return Relation(account, self.consortium.members[past.BROKER], plan, reference)

    def _found(self) -> None:
        self.consortium.start_chain()
        self.consortium.start_nodes("alpha", "beta", REGULATOR)

    def _prepare(self) -> None:
        accounts = spread(self._profiles, len(BROKERS))
        brokers = [BROKERS[account.broker] for account in accounts]
        references = [f"{account.ref}@{broker}" for account, broker in zip(accounts, brokers, strict=True)]
        plan = plans(references, brokers, SHORT_VALIDITY_BROKER)
        self._relations = [
            Relation(account, self.consortium.members[broker], plan[reference], reference)
            for account, broker, reference in zip(accounts, brokers, references, strict=True)
        ]

    def _enrol_staff(self) -> None:
        # An enrolment is a record, under rules; alpha has these since its first day.
        install_rules(self.consortium, "sac-bands@1", set(BROKERS) - {past.BROKER}, at_once=True)
        staff = enrol_everywhere(self.consortium, BROKERS)
        self._systems = {name: BrokerSystem(self.consortium.members[name], staff[name]) for name in BROKERS}
        self._story = Story(self.consortium, self._systems)

    def _live(self) -> None:
        stage, story = self.progress.stage, self._story
        expired = [r for r in self._relations if r.plan.breach == EXPIRED_TEST]
        first = [r for r in self._relations if r.plan.first_wave and r.plan.breach is None]
        second = [r for r in self._relations if r not in first and r not in expired]
        with stage("first clients: identity, questionnaire, level, consent, purchase"):
            for system in self._systems.values():
                system.rate_products()
            story.assess(first)
            story.plant_breaches(first)
            story.give_consents(first)
            story.buy(first)
        with stage("new bands take effect, and the rule of two persons; the other clients"):
            install_rules(self.consortium, "sac-bands@4", BROKERS)
            story.assess(second)
            story.give_consents(second)
            story.buy(second)
        with stage("a demonstration rule set of seconds: tests that expire before the sale"):
            story.buy_on_an_expired_test(expired)
            story.give_consents(expired)
        with stage("consents withdrawn, one key rotated"):
            wait_for_outbox(self.consortium, BROKERS)  # a consent is withdrawn where it was granted
            self._subject = next(r for r in first if r.plan.breach == NEVER_WARNED and r.broker.name != CHEATER)
            self._identities = Identities(self.consortium)
            self._identities.rotate(self._subject)
            self.facts["withdrawn"] = len(story.withdraw_consents(self._relations))
            wait_for_outbox(self.consortium, BROKERS)
            self._identities.learn_rotation(self._subject)
            self._story.sign_again(self._subject)
        self.facts["breaches"] = findings_as_planned(self._relations, BREACHES)
        self.facts["gates_refused"] = story.gates_refused

    def _identity(self) -> None:
        levelled = [r for r in self._relations if r.plan.breach != EXPIRED_TEST]  # an expired level is not attested
        issued = self._identities.issue_credentials(levelled)
        alpha, beta = self.consortium.members["alpha"], self.consortium.members["beta"]
        self.consortium.await_level("beta")  # it judges what alpha issued by its own reading of the chain
        client = next(r for r in self._relations if r.broker is alpha and r is not self._subject)
        self.facts["credentials"] = {
            "issued": len(issued),
            "revoked_seen_as": self._identities.revoke_and_look(beta, client, issued[client.client_ref]),
            "proof_replayed_seen_as": self._identities.prove_to(beta, client),
        }

    def _joint(self) -> None:
        joint = JointStatistic(self.consortium)
        joint.register_datasets()
        taking_part = [r for r in self._relations if r.consent_id and not r.account.withdraws]
        statistics = compare(joint.run(joint.approved_task()), plain_sums(taking_part))
        refused = require_refused(joint.run_with_a_cheat())
        self.facts["joint"] = {"statistics": statistics, "equals_plain_sum": True, "cheat_refused": refused}

    def _dispute(self) -> None:
        dispute = Dispute(self.consortium, self._subject, self.out)
        dispute.order()
        self.facts["replay"] = dispute.replay()
        self.facts["verified"] = dispute.verify(self.facts["replay"]["as_of"]["block"])

    def _anchor_without_it(self) -> None:
        """Let the broker of the dispute anchor once more: its newest checkpoint is then of after the witness's end."""
        broker = self._subject.broker.name
        other = next(r for r in self._relations if r.broker.name == broker and r is not self._subject)
        self._systems[broker].note_income(other, other.account.profile.income_fen)
        wait_until_anchored(self.consortium, broker)

    def _rollback(self) -> dict[str, Any]:
        client = next(r for r in self._relations if r.broker.name == CHEATER and r.plan.breach is None)
        return Rollback(self.consortium, client, self._systems[CHEATER], self.progress).run()

    def _finish(self) -> None:
        self.facts["clients"] = len(self._profiles)
        self.facts["accounts"] = len(self._relations)
        self.facts["records"] = {name: system.accepted for name, system in self._systems.items()}
        self.facts["chain"] = summary.chain_facts(self.consortium)
        self.facts["seconds"] = {**self.progress.seconds, "total": self.progress.total}
        (self.out / "summary.json").write_text(
            json.dumps(self.facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
        )
        summary.print_table(self.facts, self.out)
        if self._keep_at_end:
            self.consortium.keep()
            summary.print_how_to_use(self.consortium)
            self.keep = True


def _input(options: argparse.Namespace) -> tuple[list[Profile], str]:
    if options.generate:
        text = f"generated, seed {options.seed}, calibrated to published margins; synthetic people"
        return generate(options.clients, options.seed), text
    file = options.input or CUT
    try:
        data = file.read_bytes()
    except OSError as error:
        raise DemoError(f"{file} cannot be read: {error.strerror}") from error
    households = read_households(data)
    profiles = select([to_profile(row) for row in households], options.clients)
    share = f"{len(profiles)} of {len(households)} households"
    text = f"Survey of Consumer Finances 2019 ({file.name}), {share}; synthetic names"
    return profiles, text


def _empty(out: Path) -> None:
    """Each run builds a new network; an older run's results give way, anything else does not."""
    if out.exists() and any(out.iterdir()):
        if not (out / "member-alpha.json").exists() and not (out / "summary.json").exists():
            raise DemoError(f"{out} holds something that is no earlier demo; give another --out")
        if still_running(out):
            raise DemoError(f"an earlier demo still runs in {out}: {how_to_stop(out)}; or give another --out")
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bonafides demo", description=__doc__)
    parser.add_argument("--clients", type=int, default=DEFAULT_CLIENTS, help=f"how many (at least {MIN_CLIENTS})")
    parser.add_argument("--input", type=Path, help="the survey's original file, or a cut of it")
    parser.add_argument("--generate", action="store_true", help="use the seeded generator instead of the survey")
    parser.add_argument("--seed", type=int, default=1, help="the generator's seed")
    parser.add_argument("--out", type=Path, default=DEFAULT_OUT, help="where everything goes")
    parser.add_argument("--keep", action="store_true", help="leave the network running and say how to use it")
    options = parser.parse_args()
    if options.clients < MIN_CLIENTS:
        parser.error(f"--clients: at least {MIN_CLIENTS}, so that each broker has ten consenting clients")
    return options


if __name__ == "__main__":
    sys.exit(main())
