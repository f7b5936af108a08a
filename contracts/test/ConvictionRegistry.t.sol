// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConvictionRegistry} from "../ConvictionRegistry.sol";
import {IConvictionRegistry} from "../interfaces/IConvictionRegistry.sol";
import {World} from "./World.sol";

abstract contract ConvictionWorld is World {
    bytes32 internal constant DIGEST = keccak256("a document");
    uint8 internal constant ROLLBACK = uint8(IConvictionRegistry.Kind.Rollback);

    ConvictionRegistry internal convictions;

    function foundConvictions() internal {
        foundConsortium();
        convictions = new ConvictionRegistry(members);
        vm.roll(100);
    }

    function record(address member, address convicted, uint8 kind, bytes32 digest) internal {
        vm.prank(member);
        convictions.record(convicted, kind, digest);
    }

    function refused(bytes memory error, address member, address convicted, uint8 kind, bytes32 digest) internal {
        vm.expectRevert(error);
        record(member, convicted, kind, digest);
    }
}

contract ConvictionRegistryTest is ConvictionWorld {
    function setUp() public {
        foundConvictions();
    }

    function test_the_kinds_are_numbered_for_ever() public pure {
        eq(uint8(IConvictionRegistry.Kind.PromiseContradiction), 1, "two promises");
        eq(uint8(IConvictionRegistry.Kind.Equivocation), 2, "two logs");
        eq(uint8(IConvictionRegistry.Kind.Rollback), 3, "taken back");
        eq(uint8(type(IConvictionRegistry.Kind).max), 3, "no other");
    }

    function test_every_active_member_records_whatever_its_role() public {
        vm.expectEmit(true, true, true, true, address(convictions));
        emit IConvictionRegistry.ConvictionRecorded(west, east, IConvictionRegistry.Kind.Rollback, DIGEST);
        record(east, west, ROLLBACK, DIGEST);
        vm.roll(107);
        record(regulator, west, ROLLBACK, DIGEST);
        eq(convictions.recordedIn(east, DIGEST), 100, "a broker");
        eq(convictions.recordedIn(regulator, DIGEST), 107, "a regulator, of the same document");
        eq(convictions.recordedIn(north, DIGEST), 0, "another one did not");
        eq(convictions.changeCount(west), 2, "each counts");
        eq(convictions.changeCount(east), 0, "against nobody else");
    }

    function test_a_member_records_a_digest_once() public {
        record(east, west, ROLLBACK, DIGEST);
        bytes memory error =
            abi.encodeWithSelector(IConvictionRegistry.ConvictionRegistryAlreadyRecorded.selector, east, DIGEST, 100);
        vm.roll(101);
        refused(error, east, west, ROLLBACK, DIGEST);
        refused(error, east, west, 1, DIGEST);
        refused(error, east, north, ROLLBACK, DIGEST);
        eq(convictions.recordedIn(east, DIGEST), 100, "the block stays");
    }

    /// @dev Whoever is faster with a digest that it saw under way takes nobody's place.
    function test_another_member_cannot_take_a_digest_away() public {
        record(north, regulator, 1, DIGEST);
        record(east, west, ROLLBACK, DIGEST);
        eq(convictions.recordedIn(east, DIGEST), 100, "recorded all the same");
    }

    function test_only_active_members_record() public {
        bytes4 selector = IConvictionRegistry.ConvictionRegistryNotMember.selector;
        refused(abi.encodeWithSelector(selector, outsider), outsider, west, ROLLBACK, DIGEST);
        suspend(north);
        refused(abi.encodeWithSelector(selector, north), north, west, ROLLBACK, DIGEST);
    }

    function test_a_suspended_member_can_still_be_convicted() public {
        suspend(north);
        record(east, north, ROLLBACK, DIGEST);
        eq(convictions.changeCount(north), 1, "recorded");
    }

    function test_nobody_records_against_itself() public {
        bytes memory error = abi.encodeWithSelector(IConvictionRegistry.ConvictionRegistryOwn.selector, west);
        refused(error, west, west, ROLLBACK, DIGEST);
    }

    function test_strangers_cannot_be_convicted() public {
        bytes memory error = abi.encodeWithSelector(IConvictionRegistry.ConvictionRegistryUnknown.selector, outsider);
        refused(error, east, outsider, ROLLBACK, DIGEST);
    }

    function test_the_kinds_are_a_closed_list() public {
        bytes4 selector = IConvictionRegistry.ConvictionRegistryUnknownKind.selector;
        refused(abi.encodeWithSelector(selector, 0), east, west, 0, DIGEST);
        refused(abi.encodeWithSelector(selector, 4), east, west, 4, DIGEST);
        for (uint8 kind = 1; kind <= 3; kind++) {
            record(east, west, kind, keccak256(abi.encode(kind)));
        }
        eq(convictions.changeCount(west), 3, "all of them");
    }
}
