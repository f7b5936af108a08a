// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TaskRegistry} from "../TaskRegistry.sol";
import {IMemberRegistry} from "../interfaces/IMemberRegistry.sol";
import {ITaskRegistry} from "../interfaces/ITaskRegistry.sol";
import {World} from "./World.sol";

abstract contract TaskWorld is World {
    bytes32 internal constant SPEC = keccak256("a specification");
    bytes32 internal constant RESULT = keccak256("a result");
    bytes32 internal constant REASON = keccak256("a reason");

    TaskRegistry internal tasks;

    function foundTasks() internal {
        foundConsortium();
        tasks = new TaskRegistry(members);
        vm.prank(east);
        tasks.registerDataset("east", keccak256("schema"));
        vm.prank(west);
        tasks.registerDataset("west", keccak256("schema"));
        vm.prank(north);
        tasks.registerDataset("north", keccak256("schema"));
    }

    function datasets() internal pure returns (bytes32[] memory ids) {
        ids = new bytes32[](2);
        (ids[0], ids[1]) = (bytes32("east"), bytes32("west"));
    }

    function approval(uint256 key, bytes32 task, bytes32 spec) internal view returns (bytes memory) {
        return approvalFor(key, task, spec, block.chainid, address(tasks));
    }

    function approvalFor(uint256 key, bytes32 task, bytes32 spec, uint256 chain, address verifying)
        internal
        pure
        returns (bytes memory)
    {
        bytes32 structHash = keccak256(abi.encode(keccak256("Approve(bytes32 taskId,bytes32 specHash)"), task, spec));
        return sign(key, typedHash("Bonafides TaskRegistry", verifying, chain, structHash));
    }

    function commitment(address owner) internal pure returns (bytes memory) {
        return abi.encodePacked(keccak256(abi.encode(owner)), bytes16(0));
    }
}

contract TaskRegistryTest is TaskWorld {
    bytes32 private constant _TASK = keccak256("a task");

    uint64 private _deadline;

    function setUp() public {
        foundTasks();
        _deadline = uint64(block.number + 100);
    }

    function propose() private {
        vm.prank(regulator);
        tasks.propose(_TASK, SPEC, uint8(ITaskRegistry.Purpose.MARKET_RISK), datasets(), _deadline);
    }

    function approve(address owner, string memory name) private {
        bytes memory sig = approval(complianceKey(name), _TASK, SPEC);
        vm.prank(owner);
        tasks.approve(_TASK, sig);
    }

    function approveAll() private {
        propose();
        approve(east, EAST);
        approve(west, WEST);
    }

    function commit(address owner) private {
        vm.prank(owner);
        tasks.commit(_TASK, commitment(owner));
    }

    function commitAll() private {
        approveAll();
        commit(east);
        commit(west);
    }

    function post(address owner, bytes32 result) private {
        vm.prank(owner);
        tasks.postResult(_TASK, result);
    }

    function refuse(address owner) private {
        vm.prank(owner);
        tasks.refuse(_TASK, REASON);
    }

    function expectState(ITaskRegistry.State state, string memory what) private view {
        check(tasks.stateOf(_TASK) == state, what);
    }

    function wrongState(ITaskRegistry.State state) private {
        vm.expectRevert(abi.encodeWithSelector(ITaskRegistry.TaskRegistryWrongState.selector, _TASK, state));
    }

    function alreadyDone(address owner) private {
        vm.expectRevert(abi.encodeWithSelector(ITaskRegistry.TaskRegistryAlreadyDone.selector, _TASK, owner));
    }

    function test_a_task_from_proposal_to_result() public {
        expectState(ITaskRegistry.State.None, "none");
        vm.expectEmit(true, true, true, true, address(tasks));
        emit ITaskRegistry.TaskProposed(_TASK, regulator, SPEC, ITaskRegistry.Purpose.MARKET_RISK, datasets());
        propose();
        expectState(ITaskRegistry.State.Proposed, "proposed");
        bytes memory sig = approval(complianceKey(EAST), _TASK, SPEC);
        vm.expectEmit(true, true, true, true, address(tasks));
        emit ITaskRegistry.TaskApproved(_TASK, east);
        vm.prank(east);
        tasks.approve(_TASK, sig);
        expectState(ITaskRegistry.State.Proposed, "one approval is not all");
        approve(west, WEST);
        expectState(ITaskRegistry.State.Approved, "approved");
        vm.expectEmit(true, true, true, true, address(tasks));
        emit ITaskRegistry.InputCommitted(_TASK, west, commitment(west));
        commit(west);
        expectState(ITaskRegistry.State.Approved, "one commitment is not all");
        commit(east);
        expectState(ITaskRegistry.State.Committed, "committed");
        vm.expectEmit(true, true, true, true, address(tasks));
        emit ITaskRegistry.ResultPosted(_TASK, east, RESULT);
        post(east, RESULT);
        expectState(ITaskRegistry.State.Committed, "one result is not all");
        post(west, RESULT);
        expectState(ITaskRegistry.State.Completed, "completed");
    }

    function test_two_data_sets_of_one_owner_take_one_approval() public {
        vm.prank(east);
        tasks.registerDataset("east too", 0);
        bytes32[] memory ids = new bytes32[](2);
        (ids[0], ids[1]) = (bytes32("east"), bytes32("east too"));
        vm.prank(east);
        tasks.propose(_TASK, SPEC, 0, ids, _deadline);
        approve(east, EAST);
        expectState(ITaskRegistry.State.Approved, "approved");
    }

    function test_data_sets_are_brokers_and_unique() public {
        vm.expectEmit(true, true, true, true, address(tasks));
        emit ITaskRegistry.DatasetRegistered("new", east, RESULT);
        vm.prank(east);
        tasks.registerDataset("new", RESULT);
        vm.expectRevert(
            abi.encodeWithSelector(ITaskRegistry.TaskRegistryDatasetExists.selector, bytes32("new"), east)
        );
        vm.prank(west);
        tasks.registerDataset("new", RESULT);
        vm.expectRevert(abi.encodeWithSelector(ITaskRegistry.TaskRegistryNotBroker.selector, regulator));
        vm.prank(regulator);
        tasks.registerDataset("regulator", RESULT);
        vm.expectRevert(abi.encodeWithSelector(ITaskRegistry.TaskRegistryNotBroker.selector, outsider));
        vm.prank(outsider);
        tasks.registerDataset("outsider", RESULT);
    }

    function test_only_members_propose() public {
        bytes32[] memory ids = datasets();
        vm.expectRevert(abi.encodeWithSelector(ITaskRegistry.TaskRegistryNotMember.selector, outsider));
        vm.prank(outsider);
        tasks.propose(_TASK, SPEC, 0, ids, _deadline);
    }

    function test_a_task_id_is_used_once() public {
        propose();
        bytes32[] memory ids = datasets();
        vm.expectRevert(abi.encodeWithSelector(ITaskRegistry.TaskRegistryTaskExists.selector, _TASK));
        vm.prank(west);
        tasks.propose(_TASK, RESULT, 0, ids, _deadline);
    }

    function test_a_proposal_with_wrong_data_sets() public {
        bytes32[] memory ids = new bytes32[](0);
        expectProposalError(
            ids, abi.encodeWithSelector(ITaskRegistry.TaskRegistryDatasetCount.selector, 0, 64)
        );
        ids = new bytes32[](65);
        expectProposalError(
            ids, abi.encodeWithSelector(ITaskRegistry.TaskRegistryDatasetCount.selector, 65, 64)
        );
        ids = datasets();
        ids[1] = "nobody's";
        expectProposalError(
            ids, abi.encodeWithSelector(ITaskRegistry.TaskRegistryUnknownDataset.selector, ids[1])
        );
        ids[1] = ids[0];
        expectProposalError(
            ids, abi.encodeWithSelector(ITaskRegistry.TaskRegistryDuplicateDataset.selector, ids[0])
        );
    }

    function expectProposalError(bytes32[] memory ids, bytes memory expected) private {
        vm.expectRevert(expected);
        vm.prank(east);
        tasks.propose(_TASK, SPEC, 0, ids, _deadline);
    }

    function testFuzz_the_list_of_purposes_is_closed(uint8 purpose) public {
        bytes32[] memory ids = datasets();
        if (purpose > uint8(ITaskRegistry.Purpose.REGULATOR_STAT)) {
            vm.expectRevert(abi.encodeWithSelector(ITaskRegistry.TaskRegistryUnknownPurpose.selector, purpose));
        }
        vm.prank(east);
        tasks.propose(_TASK, SPEC, purpose, ids, _deadline);
    }

    function test_approval_by_who_is_no_owner() public {
        propose();
        bytes memory sig = approval(complianceKey(NORTH), _TASK, SPEC);
        vm.expectRevert(abi.encodeWithSelector(ITaskRegistry.TaskRegistryNotOwner.selector, _TASK, north));
        vm.prank(north);
        tasks.approve(_TASK, sig);
        vm.expectRevert(abi.encodeWithSelector(ITaskRegistry.TaskRegistryNotMember.selector, outsider));
        vm.prank(outsider);
        tasks.approve(_TASK, sig);
    }

    function test_approval_needs_the_owners_own_compliance_key() public {
        propose();
        expectBadApproval(approval(complianceKey(WEST), _TASK, SPEC), vm.addr(complianceKey(WEST)));
        expectBadApproval(approval(privateKey(EAST), _TASK, SPEC), east);
        expectBadApproval(hex"", address(0));
    }

    function test_approval_of_another_task_spec_chain_or_contract() public {
        propose();
        uint256 key = complianceKey(EAST);
        bytes[4] memory sigs = [
            approval(key, keccak256("another task"), SPEC),
            approval(key, _TASK, RESULT),
            approvalFor(key, _TASK, SPEC, block.chainid + 1, address(tasks)),
            approvalFor(key, _TASK, SPEC, block.chainid, address(members))
        ];
        for (uint256 i = 0; i < sigs.length; i++) {
            vm.expectPartialRevert(ITaskRegistry.TaskRegistryBadSignature.selector);
            vm.prank(east);
            tasks.approve(_TASK, sigs[i]);
        }
    }

    function expectBadApproval(bytes memory sig, address signer) private {
        vm.expectRevert(
            abi.encodeWithSelector(ITaskRegistry.TaskRegistryBadSignature.selector, _TASK, signer)
        );
        vm.prank(east);
        tasks.approve(_TASK, sig);
    }

    function test_a_rotated_compliance_key_approves_no_longer() public {
        propose();
        IMemberRegistry.Keys memory keys = keysFor("test broker east, new keys");
        vm.prank(east);
        members.rotateKeys(fresh(), keys);
        expectBadApproval(approval(complianceKey(EAST), _TASK, SPEC), vm.addr(complianceKey(EAST)));
        approve(east, "test broker east, new keys");
    }

    function test_approve_twice() public {
        propose();
        approve(east, EAST);
        bytes memory sig = approval(complianceKey(EAST), _TASK, SPEC);
        alreadyDone(east);
        vm.prank(east);
        tasks.approve(_TASK, sig);
    }

    function test_commit_before_all_approved() public {
        propose();
        approve(east, EAST);
        wrongState(ITaskRegistry.State.Proposed);
        commit(east);
    }

    function test_commit_twice() public {
        approveAll();
        commit(east);
        alreadyDone(east);
        vm.prank(east);
        tasks.commit(_TASK, commitment(west));
    }

    function test_commit_by_who_is_no_owner() public {
        approveAll();
        vm.expectRevert(abi.encodeWithSelector(ITaskRegistry.TaskRegistryNotOwner.selector, _TASK, north));
        commit(north);
    }

    function testFuzz_a_commitment_has_48_bytes(bytes calldata bytes_) public {
        vm.assume(bytes_.length != 48);
        approveAll();
        vm.expectRevert(
            abi.encodeWithSelector(ITaskRegistry.TaskRegistryCommitmentLength.selector, _TASK, bytes_.length)
        );
        vm.prank(east);
        tasks.commit(_TASK, bytes_);
    }

    function test_result_before_all_committed() public {
        approveAll();
        commit(east);
        wrongState(ITaskRegistry.State.Approved);
        post(east, RESULT);
    }

    function test_result_twice_and_by_who_is_no_owner() public {
        commitAll();
        post(east, RESULT);
        alreadyDone(east);
        post(east, RESULT);
        vm.expectRevert(abi.encodeWithSelector(ITaskRegistry.TaskRegistryNotOwner.selector, _TASK, north));
        post(north, RESULT);
    }

    function test_results_that_differ_are_disputed() public {
        commitAll();
        post(east, RESULT);
        post(west, REASON);
        expectState(ITaskRegistry.State.Disputed, "disputed");
    }

    function test_a_zero_result_is_a_result() public {
        commitAll();
        post(east, 0);
        post(west, RESULT);
        expectState(ITaskRegistry.State.Disputed, "disputed");
    }

    function test_refusal_by_one_and_by_all() public {
        commitAll();
        vm.expectEmit(true, true, true, true, address(tasks));
        emit ITaskRegistry.TaskRefused(_TASK, east, REASON);
        refuse(east);
        expectState(ITaskRegistry.State.Disputed, "disputed");
        refuse(west);
        alreadyDone(east);
        refuse(east);
        wrongState(ITaskRegistry.State.Disputed);
        post(west, RESULT);
    }

    function test_refusal_is_an_owners_and_not_of_a_completed_task() public {
        commitAll();
        vm.expectRevert(abi.encodeWithSelector(ITaskRegistry.TaskRegistryNotOwner.selector, _TASK, north));
        refuse(north);
        post(east, RESULT);
        post(west, RESULT);
        wrongState(ITaskRegistry.State.Completed);
        refuse(east);
    }

    function test_a_task_that_nobody_proposed() public {
        vm.expectRevert(abi.encodeWithSelector(ITaskRegistry.TaskRegistryNotOwner.selector, _TASK, east));
        refuse(east);
    }

    function test_a_suspended_owner_takes_no_step() public {
        propose();
        vm.prank(east);
        uint256 id = members.proposeSuspension(fresh(), west);
        vote(east, id);
        vote(north, id);
        vm.roll(block.number + VETO_BLOCKS);
        vm.prank(east);
        members.execute(id);
        bytes memory sig = approval(complianceKey(WEST), _TASK, SPEC);
        vm.expectRevert(abi.encodeWithSelector(ITaskRegistry.TaskRegistryNotMember.selector, west));
        vm.prank(west);
        tasks.approve(_TASK, sig);
    }

    function test_the_deadline_is_the_last_block() public {
        approveAll();
        vm.roll(_deadline);
        commit(east);
        vm.roll(_deadline + 1);
        vm.expectRevert(
            abi.encodeWithSelector(ITaskRegistry.TaskRegistryExpired.selector, _TASK, _deadline, _deadline + 1)
        );
        commit(west);
        refuse(west);
        expectState(ITaskRegistry.State.Disputed, "may still be refused");
    }

    function test_a_deadline_that_is_over_at_once() public {
        vm.roll(10);
        bytes32[] memory ids = datasets();
        vm.expectRevert(abi.encodeWithSelector(ITaskRegistry.TaskRegistryExpired.selector, _TASK, 9, 10));
        vm.prank(east);
        tasks.propose(_TASK, SPEC, 0, ids, 9);
    }
}

/// @dev Owners, a broker without a data set in the task, the regulator and an outsider take any step at any time. The
/// handler keeps its own account of the task and says of each step beforehand whether it may succeed.
contract TaskHandler is TaskWorld {
    uint256 public surprises;
    string public firstSurprise;
    uint256 public task;
    ITaskRegistry.State public state;
    uint256 public completed;
    bytes32 private _result;
    address[5] private _actors;
    string[5] private _names;
    mapping(uint256 task => mapping(address owner => uint256)) private _approved;
    mapping(uint256 task => mapping(address owner => uint256)) private _committed;
    mapping(uint256 task => mapping(address owner => uint256)) private _posted;
    mapping(uint256 task => mapping(address owner => uint256)) private _refused;

    constructor() {
        foundTasks();
        _actors = [east, west, north, regulator, outsider];
        _names = [EAST, WEST, NORTH, REGULATOR, OUTSIDER];
        _propose();
    }

    function contractUnderTest() external view returns (TaskRegistry) {
        return tasks;
    }

    /// @param wrong 0 and above 4: nothing; 1: another's compliance key; 2: the node's key; 3: another spec; 4: another
    /// task
    function approve(uint256 who, uint8 wrong) external {
        wrong %= 8;
        address sender = _actors[who % 5];
        uint256 key = wrong == 1
            ? complianceKey(_names[(who % 5 + 1) % 5])
            : wrong == 2 ? privateKey(_names[who % 5]) : complianceKey(_names[who % 5]);
        bytes memory sig =
            approval(key, wrong == 4 ? bytes32(task + 1) : bytes32(task), wrong == 3 ? RESULT : SPEC);
        bool allowed = _owns(sender) && state == ITaskRegistry.State.Proposed && _approved[task][sender] == 0
            && (wrong == 0 || wrong > 4);
        if (!_sent(sender, abi.encodeCall(tasks.approve, (bytes32(task), sig)), allowed, "approve")) return;
        _approved[task][sender] = 1;
        if (_all(_approved[task])) state = ITaskRegistry.State.Approved;
    }

    function commit(uint256 who, uint8 length) external {
        address sender = _actors[who % 5];
        bytes memory data = new bytes(length % 4 == 0 ? length : 48);
        bool allowed = _owns(sender) && state == ITaskRegistry.State.Approved && _committed[task][sender] == 0
            && data.length == 48;
        if (!_sent(sender, abi.encodeCall(tasks.commit, (bytes32(task), data)), allowed, "commit")) return;
        _committed[task][sender] = 1;
        if (_all(_committed[task])) state = ITaskRegistry.State.Committed;
    }

    function postResult(uint256 who, uint8 which) external {
        address sender = _actors[who % 5];
        bytes32 result = which % 4 == 0 ? bytes32(uint256(1)) : bytes32(0);
        bool allowed = _owns(sender) && state == ITaskRegistry.State.Committed && _posted[task][sender] == 0;
        bool first = _posted[task][east] + _posted[task][west] == 0;
        if (!_sent(sender, abi.encodeCall(tasks.postResult, (bytes32(task), result)), allowed, "postResult")) return;
        _posted[task][sender] = 1;
        if (first) _result = result;
        if (result != _result) {
            state = ITaskRegistry.State.Disputed;
        } else if (_all(_posted[task])) {
            state = ITaskRegistry.State.Completed;
            completed++;
        }
    }

    /// @dev Made rare for owners, or no task would ever complete.
    function refuse(uint256 who, uint8 rare) external {
        address sender = _actors[who % 5];
        if (_owns(sender) && rare % 8 != 0) sender = north;
        bool allowed =
            _owns(sender) && state != ITaskRegistry.State.Completed && _refused[task][sender] == 0;
        if (!_sent(sender, abi.encodeCall(tasks.refuse, (bytes32(task), REASON)), allowed, "refuse")) return;
        _refused[task][sender] = 1;
        state = ITaskRegistry.State.Disputed;
    }

    /// @dev Take the step that is due, so that runs get far.
    function goOn() external {
        for (uint256 i = 0; i < 2; i++) {
            if (state == ITaskRegistry.State.Proposed) this.approve(i, 0);
            else if (state == ITaskRegistry.State.Approved) this.commit(i, 1);
        }
    }

    function nextTask() external {
        if (state == ITaskRegistry.State.Completed || state == ITaskRegistry.State.Disputed) _propose();
    }

    function _propose() private {
        task += 16;
        state = ITaskRegistry.State.Proposed;
        vm.prank(east);
        tasks.propose(bytes32(task), SPEC, 0, datasets(), type(uint64).max);
    }

    function _owns(address who) private view returns (bool) {
        return who == east || who == west;
    }

    function _all(mapping(address owner => uint256) storage done) private view returns (bool) {
        return done[east] == 1 && done[west] == 1;
    }

    function _sent(address sender, bytes memory data, bool allowed, string memory what) private returns (bool done) {
        vm.prank(sender);
        (done,) = address(tasks).call(data);
        if (done == allowed) return done;
        if (surprises == 0) firstSurprise = what;
        surprises++;
    }
}

contract TaskRegistryInvariantTest is TaskWorld {
    TaskHandler private _handler;

    function setUp() public {
        _handler = new TaskHandler();
        target(address(_handler));
    }

    function invariant_every_step_does_what_the_rules_say() public view {
        check(_handler.surprises() == 0, _handler.firstSurprise());
    }

    function invariant_the_task_is_in_the_state_that_its_steps_made() public view {
        check(
            _handler.contractUnderTest().stateOf(bytes32(_handler.task())) == _handler.state(), "another state"
        );
    }
}
