// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MemberRegistry} from "../MemberRegistry.sol";
import {IMemberRegistry} from "../interfaces/IMemberRegistry.sol";
import {Vm} from "./MiniTest.sol";
import {World} from "./World.sol";

contract MemberRegistryTest is World {
    function setUp() public {
        foundConsortium();
    }

    function proposeOperator() private returns (uint256) {
        vm.prank(east);
        return members.proposeAdmission(fresh(), operator, IMemberRegistry.Role.Operator, OPERATOR, keysFor(OPERATOR));
    }

    function test_founders_hold_roles_and_keys() public view {
        check(members.roleOf(east) == IMemberRegistry.Role.Broker, "east is a broker");
        check(members.roleOf(regulator) == IMemberRegistry.Role.Regulator, "regulator");
        check(members.roleOf(outsider) == IMemberRegistry.Role.None, "outsider");
        check(members.isActive(west) && !members.isActive(outsider), "active");
        eq(members.changed(east), block.number, "changed");
        eq(members.changed(outsider), 0, "outsider unchanged");
        eq(
            keccak256(abi.encode(members.keysOf(west))), keccak256(abi.encode(keysFor(WEST))), "keys"
        );
    }

    function test_constructor_announces_founders() public {
        IMemberRegistry.Founder[] memory founders = new IMemberRegistry.Founder[](1);
        founders[0] = founder(EAST, IMemberRegistry.Role.Broker);
        IMemberRegistry.Keys memory keys = keysFor(EAST);
        vm.recordLogs();
        new MemberRegistry(founders, 0);
        bytes32 topic = keccak256(
            "MemberAdmitted(address,uint8,string,uint16,bytes,bytes32,bytes32,address,uint256)"
        );
        bytes memory data = abi.encode(
            uint8(1),
            EAST,
            keys.algorithm,
            keys.signing,
            keys.checkpoint,
            keys.agreement,
            keys.compliance,
            uint256(0)
        );
        Vm.Log[] memory logs = vm.getRecordedLogs();
        eq(logs.length, 1, "one event");
        eq(logs[0].topics[0], topic, "topic");
        eq(logs[0].topics[1], bytes32(uint256(uint160(east))), "member");
        eq(keccak256(logs[0].data), keccak256(data), "data");
    }

    function test_constructor_needs_a_voter() public {
        IMemberRegistry.Founder[] memory founders = new IMemberRegistry.Founder[](1);
        founders[0] = founder(REGULATOR, IMemberRegistry.Role.Regulator);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryNoVoter.selector));
        new MemberRegistry(founders, 0);
    }

    function test_constructor_refuses_a_founder_twice() public {
        IMemberRegistry.Founder[] memory founders = new IMemberRegistry.Founder[](2);
        founders[0] = founder(EAST, IMemberRegistry.Role.Broker);
        founders[1] = founder(EAST, IMemberRegistry.Role.Regulator);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryAlreadyMember.selector, east));
        new MemberRegistry(founders, 0);
    }

    function test_admission_by_two_thirds() public {
        uint256 id = proposeOperator();
        eq(id, 1, "ids start at 1");
        vote(east, id);
        vote(north, id);
        vm.roll(block.number + VETO_BLOCKS);
        IMemberRegistry.Keys memory keys = keysFor(OPERATOR);
        vm.expectEmit(true, true, true, true, address(members));
        emit IMemberRegistry.MemberAdmitted(
            operator,
            IMemberRegistry.Role.Operator,
            OPERATOR,
            keys.algorithm,
            keys.signing,
            keys.checkpoint,
            keys.agreement,
            keys.compliance,
            0
        );
        vm.expectEmit(true, true, true, true, address(members));
        emit IMemberRegistry.ProposalExecuted(id);
        vm.prank(regulator);
        members.execute(id);
        check(members.roleOf(operator) == IMemberRegistry.Role.Operator, "admitted");
        eq(members.changed(operator), block.number, "changed");
    }

    function test_proposal_event_names_what_is_voted_on() public {
        IMemberRegistry.Keys memory keys = keysFor(OPERATOR);
        bytes32 digest = keccak256(abi.encode(operator, IMemberRegistry.Role.Operator, OPERATOR, keys));
        vm.expectEmit(true, true, true, true, address(members));
        emit IMemberRegistry.ProposalCreated(1, IMemberRegistry.ProposalKind.Admission, east, operator, digest);
        proposeOperator();
        vm.expectEmit(true, true, true, true, address(members));
        emit IMemberRegistry.ProposalCreated(
            2, IMemberRegistry.ProposalKind.Suspension, regulator, west, keccak256(abi.encode(west))
        );
        vm.prank(regulator);
        members.proposeSuspension(fresh(), west);
    }

    function test_execute_with_too_few_votes() public {
        uint256 id = proposeOperator();
        vote(east, id);
        vm.roll(block.number + VETO_BLOCKS);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryTooFewVotes.selector, id, 1, 3));
        vm.prank(east);
        members.execute(id);
    }

    function test_execute_one_block_before_the_veto_period_ends() public {
        uint256 id = proposeOperator();
        uint256 opens = block.number + VETO_BLOCKS;
        vote(east, id);
        vote(west, id);
        vm.roll(opens - 1);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryVetoPeriod.selector, id, opens));
        vm.prank(east);
        members.execute(id);
        vm.roll(opens);
        vm.prank(east);
        members.execute(id);
    }

    function test_a_proposal_that_nobody_finishes_does_not_lapse() public {
        uint256 id = proposeOperator();
        vote(east, id);
        vm.roll(block.number + 60_000_000);
        vote(west, id);
        vm.prank(east);
        members.execute(id);
    }

    function test_execute_twice() public {
        uint256 id = proposeOperator();
        pass(id);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryNotOpen.selector, id));
        vm.prank(east);
        members.execute(id);
    }

    function test_vote_twice() public {
        uint256 id = proposeOperator();
        vote(east, id);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryAlreadyVoted.selector, id, east));
        vm.prank(east);
        members.vote(id);
    }

    function test_vote_as_outsider_and_as_regulator() public {
        uint256 id = proposeOperator();
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryNotMember.selector, outsider));
        vm.prank(outsider);
        members.vote(id);
        vm.expectRevert(
            abi.encodeWithSelector(
                IMemberRegistry.MemberRegistryWrongRole.selector, regulator, IMemberRegistry.Role.Regulator
            )
        );
        vm.prank(regulator);
        members.vote(id);
    }

    function test_vote_for_nothing() public {
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryNotOpen.selector, 0));
        vm.prank(east);
        members.vote(0);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryNotOpen.selector, 7));
        vm.prank(east);
        members.vote(7);
    }

    function test_veto_ends_a_proposal() public {
        uint256 id = proposeOperator();
        vote(east, id);
        vote(west, id);
        vm.expectEmit(true, true, true, true, address(members));
        emit IMemberRegistry.ProposalVetoed(id, regulator);
        vm.prank(regulator);
        members.veto(id);
        vm.roll(block.number + VETO_BLOCKS);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryNotOpen.selector, id));
        vm.prank(east);
        members.execute(id);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryNotOpen.selector, id));
        vm.prank(north);
        members.vote(id);
    }

    function test_veto_is_the_regulators_alone() public {
        uint256 id = proposeOperator();
        vm.expectRevert(
            abi.encodeWithSelector(IMemberRegistry.MemberRegistryWrongRole.selector, north, IMemberRegistry.Role.Broker)
        );
        vm.prank(north);
        members.veto(id);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryNotMember.selector, outsider));
        vm.prank(outsider);
        members.veto(id);
    }

    function test_veto_after_execution_comes_too_late() public {
        uint256 id = proposeOperator();
        pass(id);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryNotOpen.selector, id));
        vm.prank(regulator);
        members.veto(id);
    }

    function test_an_outsider_proposes_and_executes_nothing() public {
        bytes memory notMember = abi.encodeWithSelector(IMemberRegistry.MemberRegistryNotMember.selector, outsider);
        IMemberRegistry.Keys memory keys = keysFor(OUTSIDER);
        vm.expectRevert(notMember);
        vm.prank(outsider);
        members.proposeAdmission(fresh(), outsider, IMemberRegistry.Role.Broker, OUTSIDER, keys);
        vm.expectRevert(notMember);
        vm.prank(outsider);
        members.proposeSuspension(fresh(), east);
        vm.expectRevert(notMember);
        vm.prank(outsider);
        members.proposeAction(fresh(), bytes32(uint256(1)));
        uint256 id = proposeOperator();
        vote(east, id);
        vote(west, id);
        vm.roll(block.number + VETO_BLOCKS);
        vm.expectRevert(notMember);
        vm.prank(outsider);
        members.execute(id);
        vm.expectRevert(notMember);
        vm.prank(outsider);
        members.rotateKeys(fresh(), keys);
    }

    function test_suspension_takes_role_and_vote_but_not_keys() public {
        uint256 before = members.changed(north);
        vm.prank(east);
        uint256 id = members.proposeSuspension(fresh(), north);
        vote(east, id);
        vote(west, id);
        vm.roll(block.number + VETO_BLOCKS);
        vm.expectEmit(true, true, true, true, address(members));
        emit IMemberRegistry.MemberSuspended(north, before);
        vm.prank(east);
        members.execute(id);
        check(!members.isActive(north), "suspended");
        check(members.roleOf(north) == IMemberRegistry.Role.None, "no role");
        eq(keccak256(members.keysOf(north).signing), keccak256(keysFor(NORTH).signing), "keys stay on record");
        uint256 other = proposeOperator();
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryNotMember.selector, north));
        vm.prank(north);
        members.vote(other);
    }

    function test_a_suspended_members_vote_no_longer_counts() public {
        uint256 admission = proposeOperator();
        vote(east, admission);
        vote(north, admission);
        suspend(north);
        // Of two voters that are left, one vote is too few.
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryTooFewVotes.selector, admission, 1, 2));
        vm.prank(east);
        members.execute(admission);
        vote(west, admission);
        vm.prank(east);
        members.execute(admission);
    }

    function test_suspending_who_is_not_active() public {
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryNotActive.selector, outsider));
        vm.prank(east);
        members.proposeSuspension(fresh(), outsider);
        vm.prank(east);
        uint256 first = members.proposeSuspension(fresh(), north);
        vm.prank(east);
        uint256 second = members.proposeSuspension(fresh(), north);
        pass(first);
        vote(east, second);
        vote(west, second);
        vm.roll(block.number + VETO_BLOCKS);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryNotActive.selector, north));
        vm.prank(east);
        members.execute(second);
    }

    function test_the_last_voter_stays() public {
        suspend(north);
        suspend(west);
        vm.prank(east);
        uint256 id = members.proposeSuspension(fresh(), east);
        vote(east, id);
        vm.roll(block.number + VETO_BLOCKS);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryNoVoter.selector));
        vm.prank(east);
        members.execute(id);
    }

    function test_a_suspended_member_comes_back_by_vote() public {
        suspend(north);
        uint256 before = members.changed(north);
        IMemberRegistry.Keys memory keys = keysFor("test broker north, new keys");
        vm.prank(east);
        uint256 id = members.proposeAdmission(fresh(), north, IMemberRegistry.Role.Broker, NORTH, keys);
        vote(east, id);
        vote(west, id);
        vm.roll(block.number + VETO_BLOCKS);
        vm.expectEmit(true, true, true, true, address(members));
        emit IMemberRegistry.MemberAdmitted(
            north,
            IMemberRegistry.Role.Broker,
            NORTH,
            keys.algorithm,
            keys.signing,
            keys.checkpoint,
            keys.agreement,
            keys.compliance,
            before
        );
        vm.prank(east);
        members.execute(id);
        check(members.isActive(north), "back");
        eq(keccak256(members.keysOf(north).signing), keccak256(keys.signing), "new keys");
    }

    function test_admitting_an_active_member() public {
        IMemberRegistry.Keys memory keys = keysFor(WEST);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryAlreadyMember.selector, west));
        vm.prank(east);
        members.proposeAdmission(fresh(), west, IMemberRegistry.Role.Regulator, WEST, keys);
        uint256 first = proposeOperator();
        uint256 second = proposeOperator();
        pass(first);
        vote(east, second);
        vote(west, second);
        vote(north, second);
        vm.roll(block.number + VETO_BLOCKS);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryAlreadyMember.selector, operator));
        vm.prank(east);
        members.execute(second);
    }

    function test_an_incomplete_candidate() public {
        IMemberRegistry.Keys memory keys = keysFor(OPERATOR);
        bytes4 selector = IMemberRegistry.MemberRegistryInvalidMember.selector;
        vm.expectRevert(abi.encodeWithSelector(selector, address(0)));
        vm.prank(east);
        members.proposeAdmission(fresh(), address(0), IMemberRegistry.Role.Broker, "x", keys);
        vm.expectRevert(abi.encodeWithSelector(selector, operator));
        vm.prank(east);
        members.proposeAdmission(fresh(), operator, IMemberRegistry.Role.None, "x", keys);
        vm.expectRevert(abi.encodeWithSelector(selector, operator));
        vm.prank(east);
        members.proposeAdmission(fresh(), operator, IMemberRegistry.Role.Broker, "", keys);
    }

    function test_keys_that_are_missing_or_not_separate() public {
        IMemberRegistry.Keys memory keys = keysFor(EAST);
        keys.signing = new bytes(32);
        expectInvalidKeys(keys);
        keys = keysFor(EAST);
        keys.checkpoint = 0;
        expectInvalidKeys(keys);
        keys = keysFor(EAST);
        keys.agreement = 0;
        expectInvalidKeys(keys);
        keys = keysFor(EAST);
        keys.compliance = address(0);
        expectInvalidKeys(keys);
        keys.compliance = east;
        expectInvalidKeys(keys);
    }

    function test_a_signing_key_has_the_form_of_its_algorithm() public {
        IMemberRegistry.Keys memory keys = keysFor(EAST);
        bytes memory uncompressed = bytes.concat(hex"04", keccak256("x"), keccak256("y"));
        keys.signing = bytes.concat(keys.signing, hex"00");
        expectInvalidKeys(keys);
        keys.signing = uncompressed;
        expectInvalidKeys(keys);
        keys.algorithm = 2;
        keys.signing = bytes.concat(uncompressed, hex"00");
        expectInvalidKeys(keys);
        keys.signing = bytes.concat(hex"03", keccak256("x"), keccak256("y"));
        expectInvalidKeys(keys);
        keys.signing = keysFor(EAST).signing;
        expectInvalidKeys(keys);
        keys.signing = "";
        expectInvalidKeys(keys);
        for (uint16 algorithm = 0; algorithm < 5; algorithm++) {
            if (algorithm == 1 || algorithm == 2) continue;
            keys = keysFor(EAST);
            keys.algorithm = algorithm;
            expectInvalidKeys(keys);
        }
        keys.algorithm = 2;
        keys.signing = uncompressed;
        vm.prank(east);
        members.rotateKeys(fresh(), keys);
        eq(keccak256(members.keysOf(east).signing), keccak256(uncompressed), "an SM2 key");
    }

    function expectInvalidKeys(IMemberRegistry.Keys memory keys) private {
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryInvalidKeys.selector, east));
        vm.prank(east);
        members.rotateKeys(fresh(), keys);
    }

    function expectCalled(address member, bytes32 callId) private {
        vm.expectRevert(
            abi.encodeWithSelector(IMemberRegistry.MemberRegistryAlreadyCalled.selector, member, callId)
        );
        vm.prank(member);
    }

    function test_a_call_that_is_sent_twice_has_one_effect() public {
        bytes32 id = fresh();
        vm.prank(east);
        eq(members.proposeAction(id, bytes32(uint256(1))), 1, "the first proposal");
        expectCalled(east, id);
        members.proposeAction(id, bytes32(uint256(1)));
        expectCalled(east, id);
        members.proposeSuspension(id, west);
        expectCalled(east, id);
        members.proposeAdmission(id, operator, IMemberRegistry.Role.Operator, OPERATOR, keysFor(OPERATOR));
        expectCalled(east, id);
        members.rotateKeys(id, keysFor("test broker east, new keys"));
        // Another call of the same member, and the same id of another member.
        bytes32 other = fresh();
        vm.prank(east);
        eq(members.proposeAction(other, bytes32(uint256(1))), 2, "meant twice");
        vm.prank(west);
        eq(members.proposeSuspension(id, north), 3, "another member's id");
        expectCalled(west, id);
        members.proposeAction(id, bytes32(uint256(1)));
    }

    function test_a_refused_call_uses_no_id() public {
        bytes32 id = fresh();
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryNotActive.selector, operator));
        vm.prank(east);
        members.proposeSuspension(id, operator);
        vm.prank(east);
        members.proposeSuspension(id, west);
    }

    function test_a_rotation_that_is_sent_twice_brings_no_replaced_keys_back() public {
        bytes32 first = fresh();
        vm.prank(east);
        members.rotateKeys(first, keysFor("test broker east, second keys"));
        bytes32 second = fresh();
        vm.prank(east);
        members.rotateKeys(second, keysFor("test broker east, third keys"));
        expectCalled(east, first);
        members.rotateKeys(first, keysFor("test broker east, second keys"));
        eq(keccak256(members.keysOf(east).signing), keccak256(keysFor("test broker east, third keys").signing), "the newest keys");
    }

    function test_rotating_keys_links_the_earlier_change() public {
        uint256 first = block.number;
        IMemberRegistry.Keys memory keys = keysFor("test broker east, new keys");
        vm.roll(first + 9);
        vm.expectEmit(true, true, true, true, address(members));
        emit IMemberRegistry.MemberKeysChanged(
            east, keys.algorithm, keys.signing, keys.checkpoint, keys.agreement, keys.compliance, first
        );
        vm.prank(east);
        members.rotateKeys(fresh(), keys);
        eq(members.changed(east), first + 9, "changed");
        eq(members.keysOf(east).compliance, keys.compliance, "keys");
    }

    function test_an_action_passes_with_its_digest_only() public {
        bytes32 digest = keccak256("an action");
        vm.prank(east);
        uint256 id = members.proposeAction(fresh(), digest);
        check(!members.actionPassed(id, digest), "not before execution");
        pass(id);
        check(members.actionPassed(id, digest), "passed");
        check(!members.actionPassed(id, keccak256("another")), "other digest");
        check(!members.actionPassed(id + 1, digest), "other id");
    }

    function test_an_executed_admission_is_no_action() public {
        uint256 id = proposeOperator();
        pass(id);
        bytes32 digest =
            keccak256(abi.encode(operator, IMemberRegistry.Role.Operator, OPERATOR, keysFor(OPERATOR)));
        check(!members.actionPassed(id, digest), "kind matters");
    }

    function testFuzz_two_thirds_of_any_number_of_voters(uint8 size, uint8 yes, bool oneMore) public {
        uint256 voters = bound(size, 1, 20);
        uint256 votes = bound(yes, 0, voters);
        IMemberRegistry.Founder[] memory founders = new IMemberRegistry.Founder[](voters + 1);
        for (uint256 i = 0; i < voters; i++) {
            founders[i] = founder(
                string(abi.encodePacked("test voter ", bytes1(uint8(97 + i)))),
                i % 2 == 0 ? IMemberRegistry.Role.Broker : IMemberRegistry.Role.Operator
            );
        }
        founders[voters] = founder(REGULATOR, IMemberRegistry.Role.Regulator);
        members = new MemberRegistry(founders, oneMore ? 1 : 0);
        vm.prank(regulator);
        uint256 id = members.proposeAction(fresh(), bytes32(uint256(1)));
        for (uint256 i = 0; i < votes; i++) {
            vote(founders[i].member, id);
        }
        vm.roll(block.number + 1);
        bool enough = votes * 3 >= voters * 2;
        if (!enough) {
            vm.expectRevert(
                abi.encodeWithSelector(IMemberRegistry.MemberRegistryTooFewVotes.selector, id, votes, voters)
            );
        }
        vm.prank(regulator);
        members.execute(id);
        check(members.actionPassed(id, bytes32(uint256(1))) == enough, "passed exactly when enough");
    }
}

/// @dev Calls by anyone at any time, most of them one condition short of allowed. Beside the registry it keeps its own
/// account of who voted for what, and says of each call beforehand whether it may succeed.
contract VotingHandler is World {
    struct Ballot {
        bool suspension;
        address subject;
        uint256 opens;
        bool closed;
    }

    uint256 public surprises;
    string public firstSurprise;
    uint256 public executed;
    address[] private _actors;
    Ballot[] private _ballots;
    mapping(uint256 id => mapping(address voter => bool)) private _voted;
    mapping(address member => bool) private _active;

    constructor() {
        foundConsortium();
        _actors = [east, west, north, regulator, operator, outsider];
        _active[east] = _active[west] = _active[north] = _active[regulator] = true;
        _ballots.push();
        _ballots[0].closed = true;
    }

    function registry() external view returns (MemberRegistry) {
        return members;
    }

    function believedActive(address member) external view returns (bool) {
        return _active[member];
    }

    function propose(uint256 senderSeed, uint256 subjectSeed, bool suspension) external {
        address sender = _actors[senderSeed % 6];
        address subject = _actors[subjectSeed % 6];
        bool allowed = _active[sender] && (_active[subject] == suspension);
        IMemberRegistry.Keys memory keys = keysFor("test candidate");
        // The outsider stays one, the regulator keeps its role.
        if (!suspension && (subject == outsider || subject == regulator)) return;
        IMemberRegistry.Role role =
            subject == operator ? IMemberRegistry.Role.Operator : IMemberRegistry.Role.Broker;
        vm.prank(sender);
        if (suspension) {
            try members.proposeSuspension(fresh(), subject) {
                _expect(allowed, true, "proposeSuspension");
            } catch {
                _expect(allowed, false, "proposeSuspension");
            }
        } else {
            try members.proposeAdmission(fresh(), subject, role, "name", keys) {
                _expect(allowed, true, "proposeAdmission");
            } catch {
                _expect(allowed, false, "proposeAdmission");
            }
        }
        if (allowed) _ballots.push(Ballot(suspension, subject, block.number + VETO_BLOCKS, false));
    }

    function castVote(uint256 senderSeed, uint256 idSeed) external {
        address sender = _actors[senderSeed % 6];
        uint256 id = _recent(idSeed);
        bool allowed = _hasVote(sender) && !_ballots[id].closed && !_voted[id][sender];
        vm.prank(sender);
        try members.vote(id) {
            _expect(allowed, true, "vote");
            _voted[id][sender] = true;
        } catch {
            _expect(allowed, false, "vote");
        }
    }

    /// @dev Vetoes by the regulator are made rare, or nothing would ever pass.
    function veto(uint256 senderSeed, uint256 idSeed, uint256 rare) external {
        address sender = _actors[senderSeed % 6];
        if (sender == regulator && rare % 4 != 0) sender = east;
        uint256 id = _recent(idSeed);
        bool allowed = sender == regulator && _active[regulator] && !_ballots[id].closed;
        vm.prank(sender);
        try members.veto(id) {
            _expect(allowed, true, "veto");
            _ballots[id].closed = true;
        } catch {
            _expect(allowed, false, "veto");
        }
    }

    /// @dev Sometimes in the very block in which the period ends, sometimes one before it.
    function execute(uint256 senderSeed, uint256 idSeed, uint256 when) external {
        address sender = _actors[senderSeed % 6];
        uint256 id = _recent(idSeed);
        if (when % 3 == 1 && _ballots[id].opens > block.number) vm.roll(_ballots[id].opens);
        if (when % 3 == 2 && _ballots[id].opens > block.number + 1) vm.roll(_ballots[id].opens - 1);
        bool allowed = _mayExecute(sender, id);
        vm.prank(sender);
        try members.execute(id) {
            _expect(allowed, true, "execute");
            _ballots[id].closed = true;
            _active[_ballots[id].subject] = !_ballots[id].suspension;
            executed++;
        } catch {
            _expect(allowed, false, "execute");
        }
    }

    function pushThrough(uint256 idSeed) external {
        uint256 id = _recent(idSeed);
        for (uint256 i = 0; i < _actors.length; i++) {
            if (_hasVote(_actors[i]) && !_ballots[id].closed && !_voted[id][_actors[i]]) {
                vm.prank(_actors[i]);
                members.vote(id);
                _voted[id][_actors[i]] = true;
            }
        }
    }

    function voters() public view returns (uint256 count) {
        for (uint256 i = 0; i < _actors.length; i++) {
            if (_hasVote(_actors[i])) count++;
        }
    }

    function _mayExecute(address sender, uint256 id) private view returns (bool) {
        Ballot memory ballot = _ballots[id];
        if (!_active[sender] || ballot.closed || block.number < ballot.opens) return false;
        if (_active[ballot.subject] != ballot.suspension) return false;
        uint256 votes = 0;
        for (uint256 i = 0; i < _actors.length; i++) {
            if (_voted[id][_actors[i]] && _hasVote(_actors[i])) votes++;
        }
        if (votes * 3 < voters() * 2) return false;
        return !(ballot.suspension && _hasVote(ballot.subject) && voters() == 1);
    }

    function _hasVote(address member) private view returns (bool) {
        return _active[member] && member != regulator && member != outsider;
    }

    /// @dev One of the last proposals, or an id that was never given out.
    function _recent(uint256 seed) private view returns (uint256) {
        uint256 last = _ballots.length - 1;
        return last - seed % (last < 3 ? last + 1 : 3);
    }

    function _expect(bool allowed, bool happened, string memory what) private {
        if (allowed == happened) return;
        if (surprises == 0) firstSurprise = what;
        surprises++;
    }
}

contract MemberRegistryInvariantTest is World {
    VotingHandler private _handler;

    function setUp() public {
        _handler = new VotingHandler();
        target(address(_handler));
    }

    function invariant_every_call_does_what_the_rules_say() public view {
        check(_handler.surprises() == 0, _handler.firstSurprise());
    }

    function invariant_members_are_those_that_votes_made() public view {
        MemberRegistry registry = _handler.registry();
        address[6] memory all = [east, west, north, regulator, operator, outsider];
        for (uint256 i = 0; i < all.length; i++) {
            check(registry.isActive(all[i]) == _handler.believedActive(all[i]), "active");
        }
        check(!registry.isActive(outsider), "the outsider is never admitted");
        check(_handler.voters() > 0, "someone can vote");
    }
}
