// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {DidRegistry} from "../DidRegistry.sol";
import {IDidRegistry} from "../interfaces/IDidRegistry.sol";
import {World} from "./World.sol";

abstract contract DidWorld is World {
    string internal constant CLIENT = "test client";
    string internal constant HEIR = "test heir";
    bytes32 internal constant NAME = "did/pub/Ed25519/veriKey/hex";
    bytes32 internal constant TYPE = "veriKey";

    DidRegistry internal dids;
    address internal client = account(CLIENT);
    address internal heir = account(HEIR);

    function foundDids() internal {
        foundConsortium();
        dids = new DidRegistry(members, IDidRegistry(address(0)));
    }

    function typed(bytes32 structHash) internal view returns (bytes32) {
        return typedHash("Bonafides DidRegistry", address(dids), block.chainid, structHash);
    }

    function setAttributeHash(address identity, bytes memory value, uint256 validity, uint256 nonce, uint256 deadline)
        internal
        pure
        returns (bytes32)
    {
        bytes32 typeHash = keccak256(
            "SetAttribute(address identity,bytes32 name,bytes value,uint256 validity,uint256 nonce,uint256 deadline)"
        );
        return keccak256(abi.encode(typeHash, identity, NAME, keccak256(value), validity, nonce, deadline));
    }

    function revokeAttributeHash(address identity, bytes memory value, uint256 nonce, uint256 deadline)
        internal
        pure
        returns (bytes32)
    {
        bytes32 typeHash =
            keccak256("RevokeAttribute(address identity,bytes32 name,bytes value,uint256 nonce,uint256 deadline)");
        return keccak256(abi.encode(typeHash, identity, NAME, keccak256(value), nonce, deadline));
    }

    function changeOwnerHash(address identity, address newOwner, uint256 nonce, uint256 deadline)
        internal
        pure
        returns (bytes32)
    {
        bytes32 typeHash = keccak256("ChangeOwner(address identity,address newOwner,uint256 nonce,uint256 deadline)");
        return keccak256(abi.encode(typeHash, identity, newOwner, nonce, deadline));
    }
}

/// @dev The surface of ERC-1056, as its resolvers use it.
contract DidRegistryErc1056Test is DidWorld {
    bytes private constant _VALUE = hex"00112233";

    struct Signature {
        uint8 v;
        bytes32 r;
        bytes32 s;
    }

    function setUp() public {
        foundDids();
        vm.roll(100);
        vm.warp(1_900_000_000);
    }

    function legacy(string memory key, address identity, bytes memory call) private view returns (Signature memory s) {
        bytes32 hash = keccak256(
            abi.encodePacked(
                bytes1(0x19), bytes1(0), address(dids), dids.nonce(dids.identityOwner(identity)), identity, call
            )
        );
        (s.v, s.r, s.s) = vm.sign(privateKey(key), hash);
    }

    function notOwner(address actor) private {
        vm.expectRevert(abi.encodeWithSelector(IDidRegistry.DidRegistryNotOwner.selector, client, actor));
        vm.prank(actor);
    }

    function test_an_identity_owns_itself() public view {
        eq(dids.identityOwner(client), client, "owner");
        eq(dids.owners(client), address(0), "nothing stored");
        eq(dids.changed(client), 0, "never changed");
        eq(dids.versionCount(client), 0, "no versions");
    }

    function test_change_owner() public {
        vm.expectEmit(true, true, true, true, address(dids));
        emit IDidRegistry.DIDOwnerChanged(client, heir, 0);
        vm.prank(client);
        dids.changeOwner(client, heir);
        eq(dids.identityOwner(client), heir, "owner");
        eq(dids.owners(client), heir, "stored");
        eq(dids.changed(client), 100, "changed");
        notOwner(client);
        dids.changeOwner(client, client);
        vm.prank(heir);
        dids.changeOwner(client, client);
        eq(dids.identityOwner(client), client, "back");
    }

    function test_delegates() public {
        vm.expectEmit(true, true, true, true, address(dids));
        emit IDidRegistry.DIDDelegateChanged(client, TYPE, heir, 1_900_000_060, 0);
        vm.prank(client);
        dids.addDelegate(client, TYPE, heir, 60);
        check(dids.validDelegate(client, TYPE, heir), "valid");
        check(!dids.validDelegate(client, "sigAuth", heir), "for its type");
        eq(dids.delegates(client, keccak256(abi.encode(TYPE)), heir), 1_900_000_060, "until");
        vm.warp(1_900_000_060);
        check(!dids.validDelegate(client, TYPE, heir), "expired");
        vm.warp(1_900_000_010);
        vm.expectEmit(true, true, true, true, address(dids));
        emit IDidRegistry.DIDDelegateChanged(client, TYPE, heir, 1_900_000_010, 100);
        vm.prank(client);
        dids.revokeDelegate(client, TYPE, heir);
        check(!dids.validDelegate(client, TYPE, heir), "revoked");
    }

    function test_attributes_link_their_history() public {
        vm.expectEmit(true, true, true, true, address(dids));
        emit IDidRegistry.DIDAttributeChanged(client, NAME, _VALUE, 1_900_000_060, 0);
        vm.prank(client);
        dids.setAttribute(client, NAME, _VALUE, 60);
        vm.roll(107);
        vm.expectEmit(true, true, true, true, address(dids));
        emit IDidRegistry.DIDAttributeChanged(client, NAME, _VALUE, 0, 100);
        vm.prank(client);
        dids.revokeAttribute(client, NAME, _VALUE);
        vm.expectEmit(true, true, true, true, address(dids));
        emit IDidRegistry.DIDAttributeChanged(client, NAME, _VALUE, 1_900_000_001, 107);
        vm.prank(client);
        dids.setAttribute(client, NAME, _VALUE, 1);
        eq(dids.changed(client), 107, "changed");
        eq(dids.versionCount(client), 3, "three versions");
    }

    function test_only_the_owner_writes() public {
        notOwner(heir);
        dids.changeOwner(client, heir);
        notOwner(heir);
        dids.addDelegate(client, TYPE, heir, 60);
        notOwner(heir);
        dids.revokeDelegate(client, TYPE, heir);
        notOwner(heir);
        dids.setAttribute(client, NAME, _VALUE, 60);
        notOwner(heir);
        dids.revokeAttribute(client, NAME, _VALUE);
    }

    function test_deactivation_is_for_good() public {
        vm.prank(client);
        dids.changeOwner(client, address(0));
        check(dids.deactivated(client), "deactivated");
        eq(dids.identityOwner(client), address(0), "no owner");
        bytes memory gone = abi.encodeWithSelector(IDidRegistry.DidRegistryDeactivated.selector, client);
        vm.expectRevert(gone);
        vm.prank(client);
        dids.changeOwner(client, client);
        vm.expectRevert(gone);
        vm.prank(client);
        dids.setAttribute(client, NAME, _VALUE, 60);
        Signature memory s = legacy(CLIENT, client, abi.encodePacked("changeOwner", client));
        vm.expectRevert(gone);
        dids.changeOwnerSigned(client, s.v, s.r, s.s, client);
        eq(dids.versionCount(client), 1, "one version");
    }

    function test_legacy_signed_calls() public {
        Signature memory s = legacy(CLIENT, client, abi.encodePacked("addDelegate", TYPE, heir, uint256(60)));
        dids.addDelegateSigned(client, s.v, s.r, s.s, TYPE, heir, 60);
        check(dids.validDelegate(client, TYPE, heir), "added");
        s = legacy(CLIENT, client, abi.encodePacked("revokeDelegate", TYPE, heir));
        dids.revokeDelegateSigned(client, s.v, s.r, s.s, TYPE, heir);
        check(!dids.validDelegate(client, TYPE, heir), "revoked");
        s = legacy(CLIENT, client, abi.encodePacked("setAttribute", NAME, _VALUE, uint256(60)));
        vm.expectEmit(true, true, true, true, address(dids));
        emit IDidRegistry.DIDAttributeChanged(client, NAME, _VALUE, 1_900_000_060, 100);
        dids.setAttributeSigned(client, s.v, s.r, s.s, NAME, _VALUE, 60);
        s = legacy(CLIENT, client, abi.encodePacked("revokeAttribute", NAME, _VALUE));
        vm.expectEmit(true, true, true, true, address(dids));
        emit IDidRegistry.DIDAttributeChanged(client, NAME, _VALUE, 0, 100);
        dids.revokeAttributeSigned(client, s.v, s.r, s.s, NAME, _VALUE);
        s = legacy(CLIENT, client, abi.encodePacked("changeOwner", heir));
        dids.changeOwnerSigned(client, s.v, s.r, s.s, heir);
        eq(dids.identityOwner(client), heir, "owner");
        eq(dids.nonce(client), 5, "the signer's nonce");
        eq(dids.versionCount(client), 5, "versions");
    }

    function test_a_legacy_call_does_not_replay() public {
        Signature memory s = legacy(CLIENT, client, abi.encodePacked("setAttribute", NAME, _VALUE, uint256(60)));
        dids.setAttributeSigned(client, s.v, s.r, s.s, NAME, _VALUE, 60);
        vm.expectPartialRevert(IDidRegistry.DidRegistryBadSignature.selector);
        dids.setAttributeSigned(client, s.v, s.r, s.s, NAME, _VALUE, 60);
    }

    function test_a_legacy_call_by_another_or_by_nobody() public {
        Signature memory s = legacy(HEIR, client, abi.encodePacked("changeOwner", heir));
        vm.expectRevert(abi.encodeWithSelector(IDidRegistry.DidRegistryBadSignature.selector, client, heir));
        dids.changeOwnerSigned(client, s.v, s.r, s.s, heir);
        // A malformed signature recovers the zero address, which would own identity zero.
        vm.expectRevert(
            abi.encodeWithSelector(IDidRegistry.DidRegistryBadSignature.selector, address(0), address(0))
        );
        dids.changeOwnerSigned(address(0), 1, s.r, s.s, heir);
    }

    function testFuzz_attribute_events_carry_what_was_set(bytes calldata value, uint32 validity) public {
        vm.expectEmit(true, true, true, true, address(dids));
        emit IDidRegistry.DIDAttributeChanged(client, NAME, value, block.timestamp + validity, 0);
        vm.prank(client);
        dids.setAttribute(client, NAME, value, validity);
    }
}

/// @dev The calls that members send for an owner.
contract DidRegistrySponsoredTest is DidWorld {
    bytes private constant _VALUE = hex"aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11aa11";

    uint256 private _deadline;

    function setUp() public {
        foundDids();
        vm.roll(100);
        vm.warp(1_900_000_000);
        _deadline = block.timestamp + 60;
    }

    function signedSet(uint256 nonce) private view returns (bytes memory) {
        return sign(privateKey(CLIENT), typed(setAttributeHash(client, _VALUE, 10, nonce, _deadline)));
    }

    function set(bytes memory sig) private {
        vm.prank(east);
        dids.setAttributeSponsored(client, NAME, _VALUE, 10, _deadline, sig);
    }

    function test_a_sponsored_call_says_which_nonce_it_spent() public {
        for (uint256 nonce = 0; nonce < 3; nonce++) {
            bytes memory sig = signedSet(nonce);
            vm.expectEmit(true, true, true, true, address(dids));
            emit IDidRegistry.DIDCallSponsored(client, nonce);
            set(sig);
        }
        vm.recordLogs();
        vm.prank(client);
        dids.setAttribute(client, NAME, _VALUE, 10);
        eq(vm.getRecordedLogs().length, 1, "a call of the owner itself spends none");
        eq(dids.sponsoredNonce(client), 3, "nonce");
    }

    function badSignature() private {
        vm.expectPartialRevert(IDidRegistry.DidRegistryBadSignature.selector);
    }

    function test_set_revoke_and_change_owner() public {
        bytes memory sig = signedSet(0);
        vm.expectEmit(true, true, true, true, address(dids));
        emit IDidRegistry.DIDAttributeChanged(client, NAME, _VALUE, 1_900_000_010, 0);
        set(sig);
        sig = sign(privateKey(CLIENT), typed(revokeAttributeHash(client, _VALUE, 1, _deadline)));
        vm.expectEmit(true, true, true, true, address(dids));
        emit IDidRegistry.DIDAttributeChanged(client, NAME, _VALUE, 0, 100);
        vm.prank(west);
        dids.revokeAttributeSponsored(client, NAME, _VALUE, _deadline, sig);
        sig = sign(privateKey(CLIENT), typed(changeOwnerHash(client, heir, 2, _deadline)));
        vm.expectEmit(true, true, true, true, address(dids));
        emit IDidRegistry.DIDOwnerChanged(client, heir, 100);
        vm.prank(regulator);
        dids.changeOwnerSponsored(client, heir, _deadline, sig);
        eq(dids.sponsoredNonce(client), 3, "nonce");
        eq(dids.nonce(client), 0, "the other nonce is untouched");
        eq(dids.versionCount(client), 3, "versions");
    }

    function test_a_replay() public {
        bytes memory sig = signedSet(0);
        set(sig);
        badSignature();
        set(sig);
    }

    function test_a_nonce_ahead() public {
        bytes memory sig = signedSet(1);
        badSignature();
        set(sig);
    }

    function test_the_deadline_is_the_last_second() public {
        bytes memory sig = signedSet(0);
        vm.warp(_deadline + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IDidRegistry.DidRegistryExpired.selector, _deadline, _deadline + 1)
        );
        set(sig);
        vm.warp(_deadline);
        set(sig);
    }

    function test_every_sponsored_call_has_a_deadline_and_a_sponsor() public {
        bytes memory revoke = sign(privateKey(CLIENT), typed(revokeAttributeHash(client, _VALUE, 0, _deadline)));
        bytes memory change = sign(privateKey(CLIENT), typed(changeOwnerHash(client, heir, 0, _deadline)));
        bytes memory notMember = abi.encodeWithSelector(IDidRegistry.DidRegistryNotMember.selector, outsider);
        vm.expectRevert(notMember);
        vm.prank(outsider);
        dids.revokeAttributeSponsored(client, NAME, _VALUE, _deadline, revoke);
        vm.expectRevert(notMember);
        vm.prank(outsider);
        dids.changeOwnerSponsored(client, heir, _deadline, change);
        vm.warp(_deadline + 1);
        vm.expectPartialRevert(IDidRegistry.DidRegistryExpired.selector);
        vm.prank(east);
        dids.revokeAttributeSponsored(client, NAME, _VALUE, _deadline, revoke);
        vm.expectPartialRevert(IDidRegistry.DidRegistryExpired.selector);
        vm.prank(east);
        dids.changeOwnerSponsored(client, heir, _deadline, change);
    }

    function test_another_chain_or_contract() public {
        bytes32 structHash = setAttributeHash(client, _VALUE, 10, 0, _deadline);
        string memory domain = "Bonafides DidRegistry";
        bytes memory sig =
            sign(privateKey(CLIENT), typedHash(domain, address(dids), block.chainid + 1, structHash));
        badSignature();
        set(sig);
        sig = sign(privateKey(CLIENT), typedHash(domain, address(members), block.chainid, structHash));
        badSignature();
        set(sig);
        sig = signedSet(0);
        vm.chainId(block.chainid + 1);
        badSignature();
        set(sig);
    }

    function test_another_key_or_another_call() public {
        bytes memory sig = sign(privateKey(HEIR), typed(setAttributeHash(client, _VALUE, 10, 0, _deadline)));
        vm.expectRevert(abi.encodeWithSelector(IDidRegistry.DidRegistryBadSignature.selector, client, heir));
        set(sig);
        sig = sign(privateKey(CLIENT), typed(revokeAttributeHash(client, _VALUE, 0, _deadline)));
        badSignature();
        set(sig);
        sig = sign(privateKey(CLIENT), typed(setAttributeHash(client, _VALUE, 11, 0, _deadline)));
        badSignature();
        set(sig);
        sig = sign(privateKey(CLIENT), typed(setAttributeHash(client, hex"00", 10, 0, _deadline)));
        badSignature();
        set(sig);
    }

    function test_a_malformed_or_twin_signature() public {
        bytes memory expected =
            abi.encodeWithSelector(IDidRegistry.DidRegistryBadSignature.selector, client, address(0));
        vm.expectRevert(expected);
        set(hex"");
        bytes memory sig = twin(privateKey(CLIENT), typed(setAttributeHash(client, _VALUE, 10, 0, _deadline)));
        vm.expectRevert(expected);
        set(sig);
    }

    function test_only_active_members_send() public {
        bytes memory sig = signedSet(0);
        vm.expectRevert(abi.encodeWithSelector(IDidRegistry.DidRegistryNotMember.selector, outsider));
        vm.prank(outsider);
        dids.setAttributeSponsored(client, NAME, _VALUE, 10, _deadline, sig);
        suspend(north);
        vm.expectRevert(abi.encodeWithSelector(IDidRegistry.DidRegistryNotMember.selector, north));
        vm.prank(north);
        dids.setAttributeSponsored(client, NAME, _VALUE, 10, _deadline, sig);
    }

    function test_the_new_owner_signs_and_the_old_one_no_longer() public {
        vm.prank(client);
        dids.changeOwner(client, heir);
        bytes memory sig = signedSet(0);
        vm.expectRevert(abi.encodeWithSelector(IDidRegistry.DidRegistryBadSignature.selector, client, client));
        set(sig);
        set(sign(privateKey(HEIR), typed(setAttributeHash(client, _VALUE, 10, 0, _deadline))));
    }

    function test_deactivation_stops_sponsored_calls() public {
        bytes memory sig = sign(privateKey(CLIENT), typed(changeOwnerHash(client, address(0), 0, _deadline)));
        vm.prank(east);
        dids.changeOwnerSponsored(client, address(0), _deadline, sig);
        sig = signedSet(1);
        vm.expectRevert(abi.encodeWithSelector(IDidRegistry.DidRegistryDeactivated.selector, client));
        set(sig);
    }

    function testFuzz_any_value_and_validity(bytes calldata value, uint64 validity) public {
        bytes memory sig = sign(privateKey(CLIENT), typed(setAttributeHash(client, value, validity, 0, _deadline)));
        vm.expectEmit(true, true, true, true, address(dids));
        emit IDidRegistry.DIDAttributeChanged(client, NAME, value, block.timestamp + validity, 0);
        vm.prank(east);
        dids.setAttributeSponsored(client, NAME, value, validity, _deadline, sig);
    }

    function testFuzz_a_changed_byte_of_the_signature(uint256 where, uint8 bit) public {
        bytes memory sig = signedSet(0);
        sig[where % 65] ^= bytes1(uint8(1) << (bit % 8));
        badSignature();
        set(sig);
    }
}

/// @dev One identity, two keys, few values: signatures are replayed, too old, by the wrong key or by an outsider.
contract DidHandler is DidWorld {
    uint256 public surprises;
    uint256 public versions;
    uint256 public lastChange;
    address public owner;
    uint256 public nonce;
    bytes[] private _sent;

    constructor() {
        foundDids();
        owner = client;
    }

    function contractUnderTest() external view returns (DidRegistry) {
        return dids;
    }

    /// @param faults bit 0: the wrong key; bit 1: an outsider sends; bit 2: too late; bit 3: nonce one ahead; none in
    /// half of the calls
    function write(uint8 kind, uint8 faults, uint256 validity) external {
        vm.roll(block.number + 1);
        if (faults >= 128) faults = 0;
        bytes memory data = _call(kind % 3, faults, validity % 1000);
        bool allowed = faults & 15 == 0;
        if (_send(faults & 2 == 2 ? outsider : east, data) != allowed) surprises++;
        if (!allowed) return;
        _sent.push(data);
        versions++;
        lastChange = block.number;
        nonce++;
        if (kind % 3 == 0) owner = owner == client ? heir : client;
    }

    function replay(uint256 which) external {
        if (_sent.length == 0) return;
        if (_send(east, _sent[which % _sent.length])) surprises++;
    }

    function plain(bool asOwner) external {
        vm.roll(block.number + 1);
        address sender = asOwner ? owner : (owner == client ? heir : client);
        if (_send(sender, abi.encodeCall(dids.setAttribute, (client, NAME, hex"01", 1))) != asOwner) surprises++;
        if (!asOwner) return;
        versions++;
        lastChange = block.number;
    }

    function _call(uint8 kind, uint8 faults, uint256 validity) private view returns (bytes memory) {
        bool clientSigns = (owner == client) != (faults & 1 == 1);
        uint256 key = privateKey(clientSigns ? CLIENT : HEIR);
        uint256 deadline = faults & 4 == 4 ? block.timestamp - 1 : block.timestamp;
        uint256 signedNonce = faults & 8 == 8 ? nonce + 1 : nonce;
        if (kind == 0) {
            address next = owner == client ? heir : client;
            bytes memory change = sign(key, typed(changeOwnerHash(client, next, signedNonce, deadline)));
            return abi.encodeCall(dids.changeOwnerSponsored, (client, next, deadline, change));
        }
        bytes memory value = abi.encode(validity);
        if (kind == 1) {
            bytes memory set = sign(key, typed(setAttributeHash(client, value, validity, signedNonce, deadline)));
            return abi.encodeCall(dids.setAttributeSponsored, (client, NAME, value, validity, deadline, set));
        }
        bytes memory revoke = sign(key, typed(revokeAttributeHash(client, value, signedNonce, deadline)));
        return abi.encodeCall(dids.revokeAttributeSponsored, (client, NAME, value, deadline, revoke));
    }

    function _send(address sender, bytes memory data) private returns (bool done) {
        vm.prank(sender);
        (done,) = address(dids).call(data);
    }
}

contract DidRegistryInvariantTest is DidWorld {
    DidHandler private _handler;

    function setUp() public {
        _handler = new DidHandler();
        target(address(_handler));
    }

    function invariant_every_call_does_what_the_rules_say() public view {
        eq(_handler.surprises(), 0, "a call did what it should not");
    }

    function invariant_history_is_counted_and_linked() public view {
        DidRegistry registry = _handler.contractUnderTest();
        eq(registry.versionCount(client), _handler.versions(), "versions");
        eq(registry.changed(client), _handler.lastChange(), "changed");
        eq(registry.identityOwner(client), _handler.owner(), "owner");
        eq(registry.sponsoredNonce(client), _handler.nonce(), "nonce");
    }
}
