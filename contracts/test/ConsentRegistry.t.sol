// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ConsentRegistry} from "../ConsentRegistry.sol";
import {DidRegistry} from "../DidRegistry.sol";
import {IConsentRegistry} from "../interfaces/IConsentRegistry.sol";
import {IDidRegistry} from "../interfaces/IDidRegistry.sol";
import {World} from "./World.sol";

abstract contract ConsentWorld is World {
    string internal constant CLIENT = "test client";
    string internal constant STRANGER = "test stranger";

    DidRegistry internal dids;
    ConsentRegistry internal consents;
    address internal client = account(CLIENT);
    address internal stranger = account(STRANGER);

    function foundConsents() internal {
        foundConsortium();
        dids = new DidRegistry(members, IDidRegistry(address(0)));
        consents = new ConsentRegistry(members, dids);
    }

    function digest(bool granting, address identity, bytes32 id, uint256 deadline) internal view returns (bytes32) {
        return digestFor(granting, identity, id, deadline, block.chainid, address(consents));
    }

    function digestFor(
        bool granting,
        address identity,
        bytes32 id,
        uint256 deadline,
        uint256 chain,
        address verifying
    ) internal pure returns (bytes32) {
        bytes32 typeHash = granting
            ? keccak256("Grant(address identity,bytes32 consentId,uint256 deadline)")
            : keccak256("Withdraw(address identity,bytes32 consentId,uint256 deadline)");
        return typedHash(
            "Bonafides ConsentRegistry", verifying, chain, keccak256(abi.encode(typeHash, identity, id, deadline))
        );
    }
}

contract ConsentRegistryTest is ConsentWorld {
    bytes32 private constant _ID = keccak256("a salted consent");

    uint256 private _deadline;

    function setUp() public {
        foundConsents();
        _deadline = block.timestamp + 60;
    }

    function signed(bool granting) private view returns (bytes memory) {
        return sign(privateKey(CLIENT), digest(granting, client, _ID, _deadline));
    }

    function grant(bytes memory sig) private {
        vm.prank(east);
        consents.grant(client, _ID, _deadline, sig);
    }

    function withdraw(bytes memory sig) private {
        vm.prank(east);
        consents.withdraw(client, _ID, _deadline, sig);
    }

    function badSignature(address identity, address signer) private {
        vm.expectRevert(
            abi.encodeWithSelector(IConsentRegistry.ConsentRegistryBadSignature.selector, identity, signer)
        );
    }

    function test_grant_then_withdraw() public {
        check(consents.statusOf(_ID) == IConsentRegistry.Status.None, "none");
        bytes memory sig = signed(true);
        vm.expectEmit(true, true, true, true, address(consents));
        emit IConsentRegistry.ConsentGranted(_ID);
        grant(sig);
        check(consents.statusOf(_ID) == IConsentRegistry.Status.Granted, "granted");
        sig = signed(false);
        vm.expectEmit(true, true, true, true, address(consents));
        emit IConsentRegistry.ConsentWithdrawn(_ID);
        vm.prank(west);
        consents.withdraw(client, _ID, _deadline, sig);
        check(consents.statusOf(_ID) == IConsentRegistry.Status.Withdrawn, "withdrawn");
    }

    function test_grant_twice_and_after_withdrawal() public {
        bytes memory sig = signed(true);
        grant(sig);
        bytes4 selector = IConsentRegistry.ConsentRegistryAlreadyGranted.selector;
        vm.expectRevert(abi.encodeWithSelector(selector, _ID, IConsentRegistry.Status.Granted));
        grant(sig);
        withdraw(signed(false));
        vm.expectRevert(abi.encodeWithSelector(selector, _ID, IConsentRegistry.Status.Withdrawn));
        grant(sig);
    }

    function test_withdraw_what_was_not_granted_or_is_withdrawn() public {
        bytes4 selector = IConsentRegistry.ConsentRegistryNotGranted.selector;
        bytes memory sig = signed(false);
        vm.expectRevert(abi.encodeWithSelector(selector, _ID, IConsentRegistry.Status.None));
        withdraw(sig);
        grant(signed(true));
        withdraw(sig);
        vm.expectRevert(abi.encodeWithSelector(selector, _ID, IConsentRegistry.Status.Withdrawn));
        withdraw(sig);
    }

    function test_withdraw_by_another_identity() public {
        grant(signed(true));
        bytes memory sig = sign(privateKey(STRANGER), digest(false, stranger, _ID, _deadline));
        vm.expectRevert(
            abi.encodeWithSelector(IConsentRegistry.ConsentRegistryNotGranter.selector, _ID, stranger)
        );
        vm.prank(east);
        consents.withdraw(stranger, _ID, _deadline, sig);
    }

    function test_a_grant_is_no_withdrawal() public {
        bytes memory sig = signed(true);
        grant(sig);
        vm.expectPartialRevert(IConsentRegistry.ConsentRegistryBadSignature.selector);
        withdraw(sig);
        check(consents.statusOf(_ID) == IConsentRegistry.Status.Granted, "still granted");
    }

    function test_a_signature_by_another_key() public {
        bytes memory sig = sign(privateKey(STRANGER), digest(true, client, _ID, _deadline));
        badSignature(client, stranger);
        grant(sig);
    }

    function test_a_signature_for_another_chain_contract_or_deadline() public {
        bytes32[3] memory others = [
            digestFor(true, client, _ID, _deadline, block.chainid + 1, address(consents)),
            digestFor(true, client, _ID, _deadline, block.chainid, address(dids)),
            digest(true, client, _ID, _deadline + 1)
        ];
        for (uint256 i = 0; i < 3; i++) {
            bytes memory sig = sign(privateKey(CLIENT), others[i]);
            vm.expectPartialRevert(IConsentRegistry.ConsentRegistryBadSignature.selector);
            grant(sig);
        }
    }

    function test_a_malformed_or_twin_signature() public {
        badSignature(client, address(0));
        grant(hex"1234");
        bytes memory sig = twin(privateKey(CLIENT), digest(true, client, _ID, _deadline));
        badSignature(client, address(0));
        grant(sig);
    }

    function test_the_deadline_is_the_last_second() public {
        bytes memory sig = signed(true);
        vm.warp(_deadline + 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IConsentRegistry.ConsentRegistryExpired.selector, _deadline, _deadline + 1
            )
        );
        grant(sig);
        vm.warp(_deadline);
        grant(sig);
    }

    function test_only_active_members_relay() public {
        bytes memory sig = signed(true);
        bytes4 selector = IConsentRegistry.ConsentRegistryNotMember.selector;
        vm.expectRevert(abi.encodeWithSelector(selector, outsider));
        vm.prank(outsider);
        consents.grant(client, _ID, _deadline, sig);
        suspend(north);
        vm.expectRevert(abi.encodeWithSelector(selector, north));
        vm.prank(north);
        consents.grant(client, _ID, _deadline, sig);
    }

    function test_the_owner_at_this_moment_signs() public {
        bytes memory old = signed(true);
        vm.prank(client);
        dids.changeOwner(client, stranger);
        badSignature(client, client);
        grant(old);
        grant(sign(privateKey(STRANGER), digest(true, client, _ID, _deadline)));
        check(consents.statusOf(_ID) == IConsentRegistry.Status.Granted, "the new owner's");
    }

    function test_a_deactivated_identity_signs_nothing() public {
        bytes memory sig = signed(true);
        vm.prank(client);
        dids.changeOwner(client, address(0));
        badSignature(client, client);
        grant(sig);
    }

    function testFuzz_only_the_clients_key_counts(uint256 seed, bytes32 id) public {
        uint256 key = bound(seed, 1, type(uint128).max);
        vm.assume(vm.addr(key) != client);
        bytes memory sig = sign(key, digest(true, client, id, _deadline));
        badSignature(client, vm.addr(key));
        vm.prank(east);
        consents.grant(client, id, _deadline, sig);
    }
}

/// @dev Two identities and few ids, so that calls meet: second grants, withdrawals by the other identity, replays.
contract ConsentHandler is ConsentWorld {
    uint256 public surprises;
    uint256 public grants;
    mapping(uint256 id => IConsentRegistry.Status) private _status;
    mapping(uint256 id => address) private _granter;

    constructor() {
        foundConsents();
    }

    function contractUnderTest() external view returns (ConsentRegistry) {
        return consents;
    }

    function believed(uint256 id) external view returns (IConsentRegistry.Status) {
        return _status[id];
    }

    /// @param faults bit 0: the other key signs; bit 1: an outsider sends; bit 2: too late; none in half of the calls
    function call(bool granting, uint256 idSeed, bool asStranger, uint8 faults) external {
        uint256 id = idSeed % 4;
        if (faults >= 128) faults = 0;
        address identity = asStranger ? stranger : client;
        bool strangerSigns = (faults & 1 == 1) != asStranger;
        uint256 deadline = faults & 4 == 4 ? block.timestamp - 1 : block.timestamp;
        bytes memory sig = sign(
            privateKey(strangerSigns ? STRANGER : CLIENT), digest(granting, identity, bytes32(id), deadline)
        );
        bool allowed = faults & 7 == 0
            && (
                granting
                    ? _status[id] == IConsentRegistry.Status.None
                    : _status[id] == IConsentRegistry.Status.Granted && _granter[id] == identity
            );
        if (_send(granting, identity, bytes32(id), deadline, sig, faults & 2 == 2) != allowed) surprises++;
        if (!allowed) return;
        if (granting) {
            grants++;
            _granter[id] = identity;
        }
        _status[id] = granting ? IConsentRegistry.Status.Granted : IConsentRegistry.Status.Withdrawn;
    }

    function _send(
        bool granting,
        address identity,
        bytes32 id,
        uint256 deadline,
        bytes memory sig,
        bool byOutsider
    ) private returns (bool done) {
        bytes memory data = granting
            ? abi.encodeCall(consents.grant, (identity, id, deadline, sig))
            : abi.encodeCall(consents.withdraw, (identity, id, deadline, sig));
        vm.prank(byOutsider ? outsider : east);
        (done,) = address(consents).call(data);
    }
}

contract ConsentRegistryInvariantTest is ConsentWorld {
    ConsentHandler private _handler;

    function setUp() public {
        _handler = new ConsentHandler();
        target(address(_handler));
    }

    function invariant_every_call_does_what_the_rules_say() public view {
        eq(_handler.surprises(), 0, "a call did what it should not");
        for (uint256 id = 0; id < 4; id++) {
            check(
                _handler.contractUnderTest().statusOf(bytes32(id)) == _handler.believed(id), "status is the handler's"
            );
        }
    }
}
