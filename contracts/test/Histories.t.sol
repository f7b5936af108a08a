// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentRegistry} from "../ConsentRegistry.sol";
import {DidRegistry} from "../DidRegistry.sol";
import {Directory} from "../Directory.sol";
import {MemberRegistry} from "../MemberRegistry.sol";
import {IDirectory} from "../interfaces/IDirectory.sol";
import {IDidRegistry} from "../interfaces/IDidRegistry.sol";
import {IMemberRegistry} from "../interfaces/IMemberRegistry.sol";
import {IConvictionRegistry} from "../interfaces/IConvictionRegistry.sol";
import {ITaskRegistry} from "../interfaces/ITaskRegistry.sol";
import {ConsentWorld} from "./ConsentRegistry.t.sol";
import {ConvictionWorld} from "./ConvictionRegistry.t.sol";
import {DidWorld} from "./DidRegistry.t.sol";
import {TaskWorld} from "./TaskRegistry.t.sol";
import {Vm} from "./MiniTest.sol";
import {World} from "./World.sol";

/// @dev The reader's side of section 9.3: rebuild a head from what the events say, change by change.
abstract contract Reader is World {
    mapping(bytes32 key => bytes32) private _heads;
    mapping(bytes32 key => uint256) private _counts;

    /// @dev A change in the present block. `key` tells one history from another within the test.
    function read(string memory name, bytes32 key, bytes32 change) internal {
        bytes32 tag = keccak256(bytes(name));
        _heads[key] = keccak256(
            bytes.concat(
                tag, _heads[key], bytes32(++_counts[key]), bytes32(block.number), bytes32(block.timestamp), change
            )
        );
    }

    function told(string memory signature, bytes memory members_) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(bytes(signature)), members_));
    }

    function headRead(bytes32 key) internal view returns (bytes32) {
        return _heads[key];
    }

    function countRead(bytes32 key) internal view returns (uint256) {
        return _counts[key];
    }

    function later() internal {
        vm.roll(block.number + 7);
        vm.warp(block.timestamp + 31);
    }
}

contract DidHistoryTest is DidWorld, Reader {
    bytes32 private constant _KEY = "client";
    string private constant _DELEGATE = "DIDDelegateChanged(address,bytes32,address,uint256,uint256)";
    string private constant _ATTRIBUTE = "DIDAttributeChanged(address,bytes32,bytes,uint256,uint256)";
    bytes private constant _VALUE = hex"00112233";

    function setUp() public {
        foundDids();
        vm.roll(100);
        vm.warp(1_900_000_000);
    }

    function expectHead(string memory signature, bytes memory members_) private {
        read("bonafides/did-history/2", _KEY, told(signature, members_));
        eq(dids.historyHead(client), headRead(_KEY), signature);
        eq(dids.versionCount(client), countRead(_KEY), "count");
    }

    function test_every_event_of_an_identity_extends_its_head() public {
        eq(dids.historyHead(client), bytes32(0), "before the first change");
        vm.prank(client);
        dids.setAttribute(client, NAME, _VALUE, 60);
        expectHead(_ATTRIBUTE, abi.encode(NAME, _VALUE, block.timestamp + 60));
        later();
        vm.prank(client);
        dids.revokeAttribute(client, NAME, _VALUE);
        expectHead(_ATTRIBUTE, abi.encode(NAME, _VALUE, 0));
        vm.prank(client);
        dids.addDelegate(client, TYPE, heir, 60);
        expectHead(_DELEGATE, abi.encode(TYPE, heir, block.timestamp + 60));
        later();
        vm.prank(client);
        dids.revokeDelegate(client, TYPE, heir);
        expectHead(_DELEGATE, abi.encode(TYPE, heir, block.timestamp));
        vm.prank(client);
        dids.changeOwner(client, heir);
        expectHead("DIDOwnerChanged(address,address,uint256)", abi.encode(heir));
        later();
        bytes32 hash = typed(setAttributeHash(client, _VALUE, 5, 0, block.timestamp));
        bytes memory sig = sign(privateKey(HEIR), hash);
        vm.prank(east);
        dids.setAttributeSponsored(client, NAME, _VALUE, 5, block.timestamp, sig);
        expectHead(_ATTRIBUTE, abi.encode(NAME, _VALUE, block.timestamp + 5));
        eq(dids.historyHead(heir), bytes32(0), "the owner's own identity has no change");
    }

    /// @dev A successor shows an identity as the former registry has it, and goes on where it stands.
    function test_a_successor_goes_on_with_every_identity() public {
        address delegate = account("delegate");
        vm.prank(client);
        dids.changeOwner(client, heir);
        expectHead("DIDOwnerChanged(address,address,uint256)", abi.encode(heir));
        vm.prank(heir);
        dids.addDelegate(client, TYPE, delegate, 600);
        expectHead(_DELEGATE, abi.encode(TYPE, delegate, block.timestamp + 600));
        sponsor(0);
        DidRegistry former = dids;
        dids = new DidRegistry(members, former);
        later();
        eq(dids.historyHead(client), headRead(_KEY), "head before the first change here");
        eq(dids.versionCount(client), 3, "count");
        eq(dids.changed(client), former.changed(client), "changed");
        eq(dids.owners(client), heir, "stored owner");
        eq(dids.identityOwner(client), heir, "owner");
        check(dids.validDelegate(client, TYPE, delegate), "delegate");
        eq(dids.sponsoredNonce(client), 1, "nonce");
        uint256 before = former.changed(client);
        bytes32 hash = typed(setAttributeHash(client, _VALUE, 5, 1, block.timestamp));
        bytes memory sig = sign(privateKey(HEIR), hash);
        vm.expectEmit(true, true, true, true, address(dids));
        emit IDidRegistry.DIDCallSponsored(client, 1);
        vm.expectEmit(true, true, true, true, address(dids));
        emit IDidRegistry.DIDAttributeChanged(client, NAME, _VALUE, block.timestamp + 5, before);
        vm.prank(east);
        dids.setAttributeSponsored(client, NAME, _VALUE, 5, block.timestamp, sig);
        expectHead(_ATTRIBUTE, abi.encode(NAME, _VALUE, block.timestamp + 5));
        eq(dids.identityOwner(client), heir, "the owner was taken over");
        vm.prank(heir);
        former.changeOwner(client, outsider);
        eq(dids.identityOwner(client), heir, "what the former one says later counts for nothing");
        vm.prank(outsider);
        former.addDelegate(client, TYPE, delegate, 600);
        check(!dids.validDelegate(client, TYPE, delegate), "nor the delegates that it names");
        vm.prank(heir);
        dids.addDelegate(client, TYPE, delegate, 60);
        expectHead(_DELEGATE, abi.encode(TYPE, delegate, block.timestamp + 60));
        check(dids.validDelegate(client, TYPE, delegate), "added again");
        eq(dids.sponsoredNonce(client), 2, "the nonce went on");
        eq(dids.identityOwner(outsider), outsider, "who never changed anything");
    }

    function test_who_was_deactivated_stays_so_in_a_successor() public {
        vm.prank(client);
        dids.changeOwner(client, address(0));
        dids = new DidRegistry(members, dids);
        check(dids.deactivated(client), "deactivated");
        eq(dids.identityOwner(client), address(0), "no owner");
        vm.expectRevert(abi.encodeWithSelector(IDidRegistry.DidRegistryDeactivated.selector, client));
        vm.prank(client);
        dids.setAttribute(client, NAME, _VALUE, 60);
    }

    function sponsor(uint256 nonce) private {
        bytes memory sig = sign(privateKey(HEIR), typed(setAttributeHash(client, _VALUE, 5, nonce, block.timestamp)));
        vm.prank(east);
        dids.setAttributeSponsored(client, NAME, _VALUE, 5, block.timestamp, sig);
        expectHead(_ATTRIBUTE, abi.encode(NAME, _VALUE, block.timestamp + 5));
    }

    /// @dev Two changes in one block change places: another head.
    function test_the_order_within_a_block_is_bound() public {
        vm.prank(client);
        dids.setAttribute(client, NAME, hex"01", 60);
        vm.prank(client);
        dids.setAttribute(client, NAME, hex"02", 60);
        vm.prank(heir);
        dids.setAttribute(heir, NAME, hex"02", 60);
        vm.prank(heir);
        dids.setAttribute(heir, NAME, hex"01", 60);
        check(dids.historyHead(client) != dids.historyHead(heir), "order");
    }
}

contract TaskHistoryTest is TaskWorld, Reader {
    bytes32 private constant _TASK = keccak256("a task");

    function setUp() public {
        foundTasks();
    }

    function expectHead(string memory signature, bytes memory members_) private {
        read("bonafides/task-history/2", _TASK, told(signature, members_));
        eq(tasks.historyHead(_TASK), headRead(_TASK), signature);
        eq(tasks.changeCount(_TASK), countRead(_TASK), "count");
        later();
    }

    function propose() private {
        vm.prank(regulator);
        tasks.propose(
            _TASK, SPEC, uint8(ITaskRegistry.Purpose.MARKET_RISK), datasets(), uint64(block.number + 1_000)
        );
        expectHead(
            "TaskProposed(bytes32,address,bytes32,uint8,bytes32[])",
            abi.encode(regulator, SPEC, ITaskRegistry.Purpose.MARKET_RISK, datasets())
        );
    }

    function approve(address owner, string memory name) private {
        bytes memory sig = approval(complianceKey(name), _TASK, SPEC);
        vm.prank(owner);
        tasks.approve(_TASK, sig);
        expectHead("TaskApproved(bytes32,address)", abi.encode(owner));
    }

    function commit(address owner) private {
        vm.prank(owner);
        tasks.commit(_TASK, commitment(owner));
        expectHead("InputCommitted(bytes32,address,bytes)", abi.encode(owner, commitment(owner)));
    }

    function post(address owner) private {
        vm.prank(owner);
        tasks.postResult(_TASK, RESULT);
        expectHead("ResultPosted(bytes32,address,bytes32)", abi.encode(owner, RESULT));
    }

    function test_every_event_of_a_task_extends_its_head() public {
        eq(tasks.historyHead(_TASK), bytes32(0), "before the proposal");
        propose();
        approve(east, EAST);
        approve(west, WEST);
        commit(east);
        commit(west);
        post(east);
        post(west);
    }

    function test_a_refusal_extends_its_head() public {
        propose();
        vm.prank(west);
        tasks.refuse(_TASK, REASON);
        expectHead("TaskRefused(bytes32,address,bytes32)", abi.encode(west, REASON));
    }
}

contract ConsentBlocksTest is ConsentWorld {
    function test_the_blocks_of_grant_and_withdrawal_are_kept() public {
        bytes32 id = keccak256("a salted consent");
        (uint40 grantedIn, uint40 withdrawnIn) = consents.blocksOf(id);
        eq(uint256(grantedIn) + withdrawnIn, 0, "none");
        vm.roll(1_000_000_000);
        bytes memory sig = sign(privateKey(CLIENT), digest(true, client, id, block.timestamp));
        vm.prank(east);
        consents.grant(client, id, block.timestamp, sig);
        vm.roll(1_000_000_500);
        sig = sign(privateKey(CLIENT), digest(false, client, id, block.timestamp));
        vm.prank(east);
        consents.withdraw(client, id, block.timestamp, sig);
        (grantedIn, withdrawnIn) = consents.blocksOf(id);
        eq(grantedIn, 1_000_000_000, "granted");
        eq(withdrawnIn, 1_000_000_500, "withdrawn");
    }

    function setUp() public {
        foundConsents();
    }
}

contract DirectoryHistoryTest is Reader {
    bytes32 private constant _KEY = "directory";

    function setUp() public {
        foundConsortium();
    }

    function readEntry(bytes32 name, address target) private {
        read("bonafides/directory-history/2", _KEY, keccak256(abi.encode(name, target, keccak256(target.code))));
    }

    function test_every_entry_extends_one_head() public {
        bytes32[] memory names = new bytes32[](2);
        address[] memory targets = new address[](2);
        (names[0], names[1]) = (bytes32("MemberRegistry"), bytes32("ConsentRegistry"));
        (targets[0], targets[1]) =
            (address(members), address(new ConsentRegistry(members, IDidRegistry(address(members)))));
        Directory directory = new Directory(members, IDirectory(address(0)), names, targets);
        readEntry(names[0], targets[0]);
        readEntry(names[1], targets[1]);
        eq(directory.historyHead(), headRead(_KEY), "after the constructor");
        address next = address(new ConsentRegistry(members, IDidRegistry(address(0))));
        vm.prank(east);
        uint256 id =
            members.proposeAction(fresh(), keccak256(abi.encode(address(directory), bytes32("ConsentRegistry"), next)));
        pass(id);
        later();
        directory.enact(id, "ConsentRegistry", next);
        readEntry("ConsentRegistry", next);
        eq(directory.historyHead(), headRead(_KEY), "after a vote");
        eq(directory.changeCount(), 3, "three changes");
    }

    function test_a_successor_begins_with_the_former_directory_and_its_head() public {
        bytes32[] memory names = new bytes32[](1);
        address[] memory targets = new address[](1);
        (names[0], targets[0]) = (bytes32("MemberRegistry"), address(members));
        Directory former = new Directory(members, IDirectory(address(0)), names, targets);
        later();
        vm.recordLogs();
        Directory directory = new Directory(members, former, names, targets);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        eq(logs[0].topics[0], IDirectory.DirectorySucceeded.selector, "event");
        eq(logs[0].topics[1], bytes32(uint256(uint160(address(former)))), "which");
        eq(bytes32(logs[0].data), former.historyHead(), "its head");
        bytes32 change = keccak256(abi.encode(bytes32(0), address(former), former.historyHead()));
        read("bonafides/directory-history/2", _KEY, change);
        readEntry(names[0], targets[0]);
        eq(directory.historyHead(), headRead(_KEY), "head");
        eq(directory.changeCount(), 2, "two changes");
    }
}

contract MemberHistoryTest is Reader {
    string private constant _ADMITTED =
        "MemberAdmitted(address,uint8,string,uint16,bytes,bytes32,bytes32,address,uint256)";
    string private constant _ROTATED = "MemberKeysChanged(address,uint16,bytes,bytes32,bytes32,address,uint256)";

    function setUp() public {
        foundConsortium();
        vm.roll(100);
        vm.warp(1_900_000_000);
    }

    function rotate(address member, string memory name) private {
        vm.prank(member);
        members.rotateKeys(fresh(), keysFor(name));
    }

    function admit(address member, IMemberRegistry.Role role, string memory name) private {
        vm.prank(east);
        pass(members.proposeAdmission(fresh(), member, role, name, keysFor(name)));
    }

    function encoded(IMemberRegistry.Keys memory keys) private pure returns (bytes memory) {
        return abi.encode(keys.algorithm, keys.signing, keys.checkpoint, keys.agreement, keys.compliance);
    }

    function admission(IMemberRegistry.Role role, string memory name) private pure returns (bytes memory) {
        IMemberRegistry.Keys memory keys = keysFor(name);
        return abi.encode(
            role, name, keys.algorithm, keys.signing, keys.checkpoint, keys.agreement, keys.compliance
        );
    }

    function digestOf(IMemberRegistry.Keys memory keys) private pure returns (bytes32) {
        return sha256(
            bytes.concat(
                hex"17",
                "bonafides/member-keys/2",
                bytes2(keys.algorithm),
                bytes2(uint16(keys.signing.length)),
                keys.signing,
                keys.checkpoint,
                keys.agreement,
                bytes20(keys.compliance)
            )
        );
    }

    function readMember(address member, string memory signature, bytes memory members_) private {
        read("bonafides/member-history/2", bytes32(bytes20(member)), told(signature, members_));
    }

    function expectHead(address member, string memory signature, bytes memory members_) private {
        readMember(member, signature, members_);
        bytes32 key = bytes32(bytes20(member));
        eq(members.historyHead(member), headRead(key), signature);
        eq(members.changeCount(member), countRead(key), "count");
    }

    function expectStanding(address member, IMemberRegistry.Role role, string memory name, uint64 version)
        private
        view
    {
        (IMemberRegistry.Role role_, bytes32 keysDigest, uint64 keyVersion) = members.standing(member);
        eq(uint256(role_), uint256(role), "role");
        eq(keysDigest, digestOf(keysFor(name)), "digest");
        eq(keyVersion, version, "version");
    }

    function leaf(address member, IMemberRegistry.Role role, string memory name) private pure returns (bytes32) {
        return keccak256(bytes.concat(hex"00", bytes20(member), bytes1(uint8(role)), digestOf(keysFor(name))));
    }

    /// @dev The root over 2^depth places from `from` on, by its definition.
    function tree(bytes32[] memory places, uint256 from, uint256 depth) private pure returns (bytes32) {
        if (from >= places.length) return 0;
        if (depth == 0) return places[from];
        bytes32 left = tree(places, from, depth - 1);
        bytes32 right = tree(places, from + (1 << (depth - 1)), depth - 1);
        return left | right == 0 ? bytes32(0) : keccak256(bytes.concat(hex"01", left, right));
    }

    function founders() private view returns (bytes32[] memory places) {
        places = new bytes32[](5);
        places[0] = leaf(east, IMemberRegistry.Role.Broker, EAST);
        places[1] = leaf(west, IMemberRegistry.Role.Broker, WEST);
        places[2] = leaf(north, IMemberRegistry.Role.Broker, NORTH);
        places[3] = leaf(regulator, IMemberRegistry.Role.Regulator, REGULATOR);
    }

    function expectActive(bytes32[] memory places) private view {
        eq(members.activeRoot(), tree(places, 0, 10), "active members");
        uint256 count = 0;
        for (uint256 i = 0; i < places.length; i++) {
            if (places[i] != bytes32(0)) count++;
        }
        eq(members.activeCount(), count, "how many are active");
    }

    function test_a_founders_history_begins_with_its_admission() public {
        vm.roll(1);
        vm.warp(1);
        foundConsortium();
        expectHead(east, _ADMITTED, admission(IMemberRegistry.Role.Broker, EAST));
        expectHead(regulator, _ADMITTED, admission(IMemberRegistry.Role.Regulator, REGULATOR));
        expectStanding(east, IMemberRegistry.Role.Broker, EAST, 1);
        eq(members.numberOf(regulator), 3, "by the order of admission");
        expectActive(founders());
    }

    function test_every_event_of_a_member_extends_its_head() public {
        admit(operator, IMemberRegistry.Role.Regulator, OPERATOR);
        expectHead(operator, _ADMITTED, admission(IMemberRegistry.Role.Regulator, OPERATOR));
        expectStanding(operator, IMemberRegistry.Role.Regulator, OPERATOR, 1);
        later();
        rotate(operator, "operator, next");
        expectHead(operator, _ROTATED, encoded(keysFor("operator, next")));
        expectStanding(operator, IMemberRegistry.Role.Regulator, "operator, next", 2);
        later();
        suspend(operator);
        expectHead(operator, "MemberSuspended(address,uint256)", "");
        expectStanding(operator, IMemberRegistry.Role.None, "operator, next", 2);
        later();
        admit(operator, IMemberRegistry.Role.Regulator, "again");
        expectHead(operator, _ADMITTED, admission(IMemberRegistry.Role.Regulator, "again"));
        expectStanding(operator, IMemberRegistry.Role.Regulator, "again", 3);
        eq(members.numberOf(operator), 4, "its number stays");
    }

    function test_the_active_root_is_that_of_the_active_members() public {
        bytes32[] memory places = founders();
        expectActive(places);
        admit(operator, IMemberRegistry.Role.Regulator, OPERATOR);
        places[4] = leaf(operator, IMemberRegistry.Role.Regulator, OPERATOR);
        expectActive(places);
        rotate(west, "west, next");
        places[1] = leaf(west, IMemberRegistry.Role.Broker, "west, next");
        expectActive(places);
        suspend(north);
        places[2] = 0;
        expectActive(places);
        suspend(operator); // alone in its half of eight places: nodes over nothing are zero again
        places[4] = 0;
        expectActive(places);
        admit(north, IMemberRegistry.Role.Broker, NORTH);
        places[2] = leaf(north, IMemberRegistry.Role.Broker, NORTH);
        expectActive(places);
    }

    /// @dev The tree writes one path a change: it must agree with the definition at any number of members.
    function test_the_active_root_at_every_number_of_members_up_to_twenty() public {
        bytes32[] memory places = new bytes32[](21);
        for (uint256 n = 1; n <= 20; n++) {
            IMemberRegistry.Founder[] memory some = new IMemberRegistry.Founder[](n);
            for (uint256 i = 0; i < n; i++) {
                some[i] = founder(string(abi.encode(i)), IMemberRegistry.Role.Broker);
                places[i] = leaf(some[i].member, some[i].role, some[i].name);
            }
            members = new MemberRegistry(some, 0);
            expectActive(places);
        }
    }

    function test_an_sm2_key_is_in_digest_and_history() public {
        IMemberRegistry.Keys memory keys = keysFor(EAST);
        keys.algorithm = 2;
        keys.signing = bytes.concat(hex"04", keccak256("x"), keccak256("y"));
        bytes32 before = members.historyHead(east);
        vm.prank(east);
        members.rotateKeys(fresh(), keys);
        (, bytes32 keysDigest,) = members.standing(east);
        eq(keysDigest, digestOf(keys), "digest");
        bytes32 change = told(_ROTATED, encoded(keys));
        bytes32 tag = keccak256("bonafides/member-history/2");
        bytes memory head = bytes.concat(tag, before, bytes32(uint256(2)), bytes32(block.number));
        eq(members.historyHead(east), keccak256(bytes.concat(head, bytes32(block.timestamp), change)), "head");
    }

    function test_strangers_have_no_number() public {
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryUnknown.selector, outsider));
        members.numberOf(outsider);
        eq(members.historyHead(outsider), bytes32(0), "no history");
    }

    /// @dev The list of members has slot 1, and its length there is set as if 1,023 had been admitted.
    function test_the_tree_has_a_place_for_1024_members() public {
        vm.store(address(members), bytes32(uint256(1)), bytes32(uint256(1_023)));
        admit(operator, IMemberRegistry.Role.Operator, OPERATOR);
        eq(members.numberOf(operator), 1_023, "the last place");
        vm.prank(east);
        uint256 id = members.proposeAdmission(
            fresh(), outsider, IMemberRegistry.Role.Operator, OUTSIDER, keysFor(OUTSIDER)
        );
        vote(east, id);
        vote(west, id);
        vote(operator, id);
        vm.roll(block.number + VETO_BLOCKS);
        vm.expectRevert(abi.encodeWithSelector(IMemberRegistry.MemberRegistryFull.selector, 1_024));
        vm.prank(east);
        members.execute(id);
    }
}

contract ConvictionHistoryTest is ConvictionWorld, Reader {
    string private constant _RECORDED = "ConvictionRecorded(address,address,uint8,bytes32)";

    function setUp() public {
        foundConvictions();
        vm.warp(1_900_000_000);
    }

    function expectHead(address convicted, bytes memory members_) private {
        read("bonafides/conviction-history/2", bytes32(bytes20(convicted)), told(_RECORDED, members_));
        eq(convictions.historyHead(convicted), headRead(bytes32(bytes20(convicted))), "head");
        eq(convictions.changeCount(convicted), countRead(bytes32(bytes20(convicted))), "count");
    }

    function test_every_statement_extends_the_head_of_who_is_convicted() public {
        eq(convictions.historyHead(west), bytes32(0), "before the first");
        record(east, west, ROLLBACK, DIGEST);
        expectHead(west, abi.encode(east, IConvictionRegistry.Kind.Rollback, DIGEST));
        record(regulator, west, 1, DIGEST);
        expectHead(west, abi.encode(regulator, IConvictionRegistry.Kind.PromiseContradiction, DIGEST));
        later();
        record(east, north, 2, keccak256("another"));
        expectHead(north, abi.encode(east, IConvictionRegistry.Kind.Equivocation, keccak256("another")));
        record(east, west, 2, keccak256("a third"));
        expectHead(west, abi.encode(east, IConvictionRegistry.Kind.Equivocation, keccak256("a third")));
    }
}
