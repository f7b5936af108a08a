// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MemberRegistry} from "../MemberRegistry.sol";
import {IMemberRegistry} from "../interfaces/IMemberRegistry.sol";
import {MiniTest} from "./MiniTest.sol";

/// @dev Three brokers and a regulator, and keys that are derived from telling names.
abstract contract World is MiniTest {
    uint64 internal constant VETO_BLOCKS = 5;

    string internal constant EAST = "test broker east";
    string internal constant WEST = "test broker west";
    string internal constant NORTH = "test broker north";
    string internal constant REGULATOR = "test regulator";
    string internal constant OPERATOR = "test operator";
    string internal constant OUTSIDER = "test outsider";

    MemberRegistry internal members;
    address internal east = account(EAST);
    address internal west = account(WEST);
    address internal north = account(NORTH);
    address internal regulator = account(REGULATOR);
    address internal operator = account(OPERATOR);
    address internal outsider = account(OUTSIDER);
    uint256 private _callIds;

    function foundConsortium() internal {
        IMemberRegistry.Founder[] memory founders = new IMemberRegistry.Founder[](4);
        founders[0] = founder(EAST, IMemberRegistry.Role.Broker);
        founders[1] = founder(WEST, IMemberRegistry.Role.Broker);
        founders[2] = founder(NORTH, IMemberRegistry.Role.Broker);
        founders[3] = founder(REGULATOR, IMemberRegistry.Role.Regulator);
        members = new MemberRegistry(founders, VETO_BLOCKS);
    }

    /// @dev An id for a call that was not made before.
    function fresh() internal returns (bytes32) {
        return bytes32(++_callIds);
    }

    function founder(string memory name, IMemberRegistry.Role role)
        internal
        pure
        returns (IMemberRegistry.Founder memory)
    {
        return IMemberRegistry.Founder(account(name), role, name, keysFor(name));
    }

    function privateKey(string memory name) internal pure returns (uint256) {
        return uint256(keccak256(bytes(name)));
    }

    function account(string memory name) internal pure returns (address) {
        return vm.addr(privateKey(name));
    }

    function complianceKey(string memory name) internal pure returns (uint256) {
        return privateKey(string.concat(name, " compliance"));
    }

    function keysFor(string memory name) internal pure returns (IMemberRegistry.Keys memory) {
        return IMemberRegistry.Keys(
            1,
            abi.encodePacked(keccak256(bytes(string.concat(name, " signing")))),
            keccak256(bytes(string.concat(name, " checkpoint"))),
            keccak256(bytes(string.concat(name, " agreement"))),
            vm.addr(complianceKey(name))
        );
    }

    function vote(address voter, uint256 id) internal {
        vm.prank(voter);
        members.vote(id);
    }

    /// @dev Carry a proposal through with the votes of two of three brokers.
    function pass(uint256 id) internal {
        vote(east, id);
        vote(west, id);
        vm.roll(block.number + VETO_BLOCKS);
        vm.prank(east);
        members.execute(id);
    }

    function suspend(address member) internal {
        vm.prank(east);
        pass(members.proposeSuspension(fresh(), member));
    }

    /// @dev EIP-712, written out here so that the tests do not lean on the library that the contracts use.
    function typedHash(string memory domainName, address verifying, uint256 chain, bytes32 structHash)
        internal
        pure
        returns (bytes32)
    {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(domainName)),
                keccak256("1"),
                chain,
                verifying
            )
        );
        return keccak256(abi.encodePacked(bytes2(0x1901), domain, structHash));
    }

    function sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev The other signature that ecrecover takes for the same key and digest.
    function twin(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        return abi.encodePacked(r, bytes32(order - uint256(s)), v == 27 ? uint8(28) : uint8(27));
    }
}
