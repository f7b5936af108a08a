// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title An ERC-1056 registry of identities, with calls that a member sends for an identity's owner
/// @notice Every address is an identity and at first its own owner. Owners, delegates and attributes live in events;
/// each names the block of the one before it, so that a resolver walks back and sees gaps.
/// @dev Compatible with ERC-1056: same functions, same events, same hashes for the `...Signed` calls. Two differences:
/// an identity whose owner became zero is deactivated for good, and errors are typed.
/// A registry that succeeds another one has an identity as that one has it until the identity's first change here, and
/// goes on with its history; delegates end with that change and are added again.
/// WARNING: the `...Signed` calls bind neither chain nor deadline. Use the `...Sponsored` calls.
interface IDidRegistry {
    /// @notice The actor does not own the identity.
    error DidRegistryNotOwner(address identity, address actor);
    /// @notice The identity was deactivated; nothing can be written to it again.
    error DidRegistryDeactivated(address identity);
    /// @notice The signature is malformed (signer zero), or another's than the owner's.
    error DidRegistryBadSignature(address identity, address signer);
    /// @notice The signed call came too late.
    error DidRegistryExpired(uint256 deadline, uint256 time);
    /// @notice Only an active member sends sponsored calls.
    error DidRegistryNotMember(address sender);

    /// @notice The identity has a new owner; zero means that it was deactivated.
    event DIDOwnerChanged(address indexed identity, address owner, uint256 previousChange);
    /// @notice A delegate was added (until `validTo`, in seconds) or revoked.
    event DIDDelegateChanged(
        address indexed identity, bytes32 delegateType, address delegate, uint256 validTo, uint256 previousChange
    );
    /// @notice An attribute was set (until `validTo`, in seconds) or revoked (`validTo` 0).
    event DIDAttributeChanged(
        address indexed identity, bytes32 name, bytes value, uint256 validTo, uint256 previousChange
    );

    /// @notice A call that a member sent for the owner was spent; the next one is signed with `nonce` + 1. It stands
    /// before the event of what the call did.
    event DIDCallSponsored(address indexed identity, uint256 nonce);

    /// @notice Give the identity to another owner; zero deactivates it for good.
    /// @dev Restrictions of every plain call: deactivated (`DidRegistryDeactivated`); sender not the owner
    /// (`DidRegistryNotOwner`).
    function changeOwner(address identity, address newOwner) external;

    /// @notice As `changeOwner`, by the owner's ERC-1056 signature.
    /// @dev Restrictions of every signed call: deactivated (`DidRegistryDeactivated`); signature not the owner's
    /// (`DidRegistryBadSignature`).
    function changeOwnerSigned(address identity, uint8 sigV, bytes32 sigR, bytes32 sigS, address newOwner) external;

    /// @notice Add a delegate for `validity` seconds.
    function addDelegate(address identity, bytes32 delegateType, address delegate, uint256 validity) external;

    /// @notice As `addDelegate`, by the owner's ERC-1056 signature.
    function addDelegateSigned(
        address identity,
        uint8 sigV,
        bytes32 sigR,
        bytes32 sigS,
        bytes32 delegateType,
        address delegate,
        uint256 validity
    ) external;

    /// @notice Revoke a delegate.
    function revokeDelegate(address identity, bytes32 delegateType, address delegate) external;

    /// @notice As `revokeDelegate`, by the owner's ERC-1056 signature.
    function revokeDelegateSigned(
        address identity,
        uint8 sigV,
        bytes32 sigR,
        bytes32 sigS,
        bytes32 delegateType,
        address delegate
    ) external;

    /// @notice Set an attribute for `validity` seconds.
    function setAttribute(address identity, bytes32 name, bytes calldata value, uint256 validity) external;

    /// @notice As `setAttribute`, by the owner's ERC-1056 signature.
    function setAttributeSigned(
        address identity,
        uint8 sigV,
        bytes32 sigR,
        bytes32 sigS,
        bytes32 name,
        bytes calldata value,
        uint256 validity
    ) external;

    /// @notice Revoke an attribute.
    function revokeAttribute(address identity, bytes32 name, bytes calldata value) external;

    /// @notice As `revokeAttribute`, by the owner's ERC-1056 signature.
    function revokeAttributeSigned(
        address identity,
        uint8 sigV,
        bytes32 sigR,
        bytes32 sigS,
        bytes32 name,
        bytes calldata value
    ) external;

    /// @notice As `changeOwner`, sent by a member under the owner's EIP-712 signature.
    /// @dev Restrictions of every sponsored call: sender not an active member (`DidRegistryNotMember`); deadline over,
    /// in seconds (`DidRegistryExpired`); deactivated (`DidRegistryDeactivated`); signature not the owner's over this
    /// chain, contract, call and `sponsoredNonce(identity)` (`DidRegistryBadSignature`).
    /// Signed: ChangeOwner(address identity,address newOwner,uint256 nonce,uint256 deadline)
    function changeOwnerSponsored(address identity, address newOwner, uint256 deadline, bytes calldata sig) external;

    /// @notice As `setAttribute`, sent by a member under the owner's EIP-712 signature.
    /// @dev Signed: SetAttribute(address identity,bytes32 name,bytes value,uint256 validity,uint256 nonce,uint256 deadline)
    function setAttributeSponsored(
        address identity,
        bytes32 name,
        bytes calldata value,
        uint256 validity,
        uint256 deadline,
        bytes calldata sig
    ) external;

    /// @notice As `revokeAttribute`, sent by a member under the owner's EIP-712 signature.
    /// @dev Signed: RevokeAttribute(address identity,bytes32 name,bytes value,uint256 nonce,uint256 deadline)
    function revokeAttributeSponsored(
        address identity,
        bytes32 name,
        bytes calldata value,
        uint256 deadline,
        bytes calldata sig
    ) external;

    /// @notice The owner; the identity itself when it was never changed; zero once deactivated.
    function identityOwner(address identity) external view returns (address);

    /// @notice The stored owner; zero when it was never changed.
    function owners(address identity) external view returns (address);

    /// @notice Until when (seconds) a delegate is valid; the type is given as keccak256(abi.encode(delegateType)).
    function delegates(address identity, bytes32 typeHash, address delegate) external view returns (uint256);

    /// @notice Whether a delegate is valid at the time of this block.
    function validDelegate(address identity, bytes32 delegateType, address delegate) external view returns (bool);

    /// @notice The block of the identity's last event; 0 when there is none.
    function changed(address identity) external view returns (uint256);

    /// @notice The nonce of an owner's next `...Signed` call.
    function nonce(address owner) external view returns (uint256);

    /// @notice The nonce of an identity's next `...Sponsored` call.
    function sponsoredNonce(address identity) external view returns (uint256);

    /// @notice How many events the identity has: a resolver that found fewer missed some.
    function versionCount(address identity) external view returns (uint256);

    /// @notice The head of the identity's history: of its events of the first three kinds above, in order.
    /// @dev docs/spec/evidence-2.md, section 9.3.
    function historyHead(address identity) external view returns (bytes32);

    /// @notice Whether the identity was deactivated.
    function deactivated(address identity) external view returns (bool);
}
