// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Whether a client's consent stands
/// @notice The client decides by its own signature; a member only relays it. The id is a salted digest of the consent
/// and says nothing about it.
/// @dev A consent is given once and withdrawn once. A client who consents again does so under a new id, so a signature
/// cannot be used twice.
interface IConsentRegistry {
    /// @notice The state of a consent.
    enum Status {
        None,
        Granted,
        Withdrawn
    }

    /// @notice Only an active member relays.
    error ConsentRegistryNotMember(address sender);
    /// @notice The signed call came too late.
    error ConsentRegistryExpired(uint256 deadline, uint256 time);
    /// @notice The signature is malformed (signer zero), or another's than that of the identity's owner.
    error ConsentRegistryBadSignature(address identity, address signer);
    /// @notice The id was used before.
    error ConsentRegistryAlreadyGranted(bytes32 consentId, Status status);
    /// @notice There is no such consent, or it was withdrawn.
    error ConsentRegistryNotGranted(bytes32 consentId, Status status);
    /// @notice Another identity gave this consent.
    error ConsentRegistryNotGranter(bytes32 consentId, address identity);

    /// @notice A client gave a consent.
    event ConsentGranted(bytes32 indexed consentId);
    /// @notice The client withdrew it.
    event ConsentWithdrawn(bytes32 indexed consentId);

    /// @notice Record a consent under the EIP-712 signature of the identity's owner.
    /// @dev Signed: Grant(address identity,bytes32 consentId,uint256 deadline). Restrictions: sender not an active
    /// member (`ConsentRegistryNotMember`); deadline over, in seconds (`ConsentRegistryExpired`); signature not that
    /// of the owner at this moment (`ConsentRegistryBadSignature`); id used (`ConsentRegistryAlreadyGranted`).
    function grant(address identity, bytes32 consentId, uint256 deadline, bytes calldata sig) external;

    /// @notice Withdraw a consent under the EIP-712 signature of the identity's owner.
    /// @dev Signed: Withdraw(address identity,bytes32 consentId,uint256 deadline). Restrictions as for `grant`, and:
    /// not granted (`ConsentRegistryNotGranted`); granted by another identity (`ConsentRegistryNotGranter`).
    function withdraw(address identity, bytes32 consentId, uint256 deadline, bytes calldata sig) external;

    /// @notice The state of a consent now.
    function statusOf(bytes32 consentId) external view returns (Status);

    /// @notice The blocks in which a consent was granted and withdrawn; 0 where it was not.
    function blocksOf(bytes32 consentId) external view returns (uint40 grantedIn, uint40 withdrawnIn);
}
