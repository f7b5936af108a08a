// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Directory} from "../Directory.sol";
import {EvidenceAnchor} from "../EvidenceAnchor.sol";
import {IDirectory} from "../interfaces/IDirectory.sol";
import {World} from "./World.sol";

contract DirectoryTest is World {
    Directory private _directory;
    address private _first;
    address private _second;

    function setUp() public {
        foundConsortium();
        _first = address(new EvidenceAnchor(members));
        _second = address(new EvidenceAnchor(members));
        bytes32[] memory names = new bytes32[](1);
        address[] memory targets = new address[](1);
        (names[0], targets[0]) = ("EvidenceAnchor", _first);
        _directory = new Directory(members, IDirectory(address(0)), names, targets);
    }

    function digest(bytes32 name, address next) private view returns (bytes32) {
        return keccak256(abi.encode(address(_directory), name, next));
    }

    function propose(bytes32 name, address next) private returns (uint256) {
        vm.prank(east);
        return members.proposeAction(fresh(), digest(name, next));
    }

    function test_the_constructor_names_contracts() public view {
        eq(_directory.current("EvidenceAnchor"), _first, "current");
        eq(_directory.current("Nothing"), address(0), "unknown");
        IDirectory.Entry[] memory entries = _directory.history("EvidenceAnchor");
        eq(entries.length, 1, "one entry");
        eq(entries[0].fromBlock, block.number, "from this block");
    }

    function test_a_vote_changes_an_address_and_keeps_the_old_one() public {
        uint256 before = block.number;
        uint256 id = propose("EvidenceAnchor", _second);
        pass(id);
        vm.roll(block.number + 3);
        vm.expectEmit(true, true, true, true, address(_directory));
        emit IDirectory.AddressSet("EvidenceAnchor", _second, uint64(block.number), _first);
        vm.prank(outsider);
        _directory.enact(id, "EvidenceAnchor", _second);
        eq(_directory.current("EvidenceAnchor"), _second, "current");
        IDirectory.Entry[] memory entries = _directory.history("EvidenceAnchor");
        eq(entries.length, 2, "both are on record");
        eq(entries[0].target, _first, "first");
        eq(entries[0].fromBlock, before, "first from");
        eq(entries[1].target, _second, "second");
        eq(entries[1].fromBlock, block.number, "second from");
    }

    function test_nothing_changes_without_a_passed_vote() public {
        uint256 id = propose("EvidenceAnchor", _second);
        vote(east, id);
        vote(west, id);
        expectNotPassed(id, "EvidenceAnchor", _second);
        expectNotPassed(id + 1, "EvidenceAnchor", _second);
    }

    function test_a_vote_counts_for_its_own_name_target_and_directory() public {
        uint256 id = propose("EvidenceAnchor", _second);
        pass(id);
        expectNotPassed(id, "TaskRegistry", _second);
        expectNotPassed(id, "EvidenceAnchor", address(members));
        Directory other = new Directory(members, IDirectory(address(0)), new bytes32[](0), new address[](0));
        bytes32 theirs = keccak256(abi.encode(address(other), bytes32("EvidenceAnchor"), _second));
        vm.expectRevert(abi.encodeWithSelector(IDirectory.DirectoryNotPassed.selector, id, theirs));
        other.enact(id, "EvidenceAnchor", _second);
    }

    function test_a_vote_counts_once() public {
        uint256 id = propose("EvidenceAnchor", _second);
        pass(id);
        _directory.enact(id, "EvidenceAnchor", _second);
        vm.expectRevert(abi.encodeWithSelector(IDirectory.DirectoryProposalSpent.selector, id, id));
        _directory.enact(id, "EvidenceAnchor", _second);
    }

    function test_an_older_vote_does_not_undo_a_newer_one() public {
        uint256 older = propose("EvidenceAnchor", _first);
        uint256 newer = propose("EvidenceAnchor", _second);
        pass(older);
        pass(newer);
        _directory.enact(newer, "EvidenceAnchor", _second);
        vm.expectRevert(abi.encodeWithSelector(IDirectory.DirectoryProposalSpent.selector, older, newer));
        _directory.enact(older, "EvidenceAnchor", _first);
    }

    function test_an_address_without_a_contract() public {
        uint256 id = propose("EvidenceAnchor", outsider);
        pass(id);
        vm.expectRevert(
            abi.encodeWithSelector(IDirectory.DirectoryNotContract.selector, bytes32("EvidenceAnchor"), outsider)
        );
        _directory.enact(id, "EvidenceAnchor", outsider);
    }

    function test_the_constructor_refuses_what_does_not_fit() public {
        vm.expectRevert(abi.encodeWithSelector(IDirectory.DirectoryLengthMismatch.selector, 1, 0));
        new Directory(members, IDirectory(address(0)), new bytes32[](1), new address[](0));
        bytes32[] memory names = new bytes32[](2);
        address[] memory targets = new address[](2);
        (names[0], names[1]) = (bytes32("EvidenceAnchor"), bytes32("EvidenceAnchor"));
        (targets[0], targets[1]) = (_first, _second);
        vm.expectRevert(abi.encodeWithSelector(IDirectory.DirectoryInvalidName.selector, names[0]));
        new Directory(members, IDirectory(address(0)), names, targets);
        names[0] = 0;
        vm.expectRevert(abi.encodeWithSelector(IDirectory.DirectoryInvalidName.selector, bytes32(0)));
        new Directory(members, IDirectory(address(0)), names, targets);
    }

    function testFuzz_no_call_without_a_vote_changes_anything(uint256 id, bytes32 name, address next) public {
        try _directory.enact(id, name, next) {
            check(false, "enacted");
        } catch {}
        eq(_directory.current("EvidenceAnchor"), _first, "current");
    }

    function expectNotPassed(uint256 id, bytes32 name, address next) private {
        vm.expectRevert(
            abi.encodeWithSelector(IDirectory.DirectoryNotPassed.selector, id, digest(name, next))
        );
        _directory.enact(id, name, next);
    }
}
