// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IConsentRegistry} from "./interfaces/IConsentRegistry.sol";
import {IDidRegistry} from "./interfaces/IDidRegistry.sol";
import {IMemberRegistry} from "./interfaces/IMemberRegistry.sol";

/// @title Whether a client's consent stands
contract ConsentRegistry is IConsentRegistry, EIP712 {
    /// @dev One storage slot. The identity is stored as it is: the call names it anyway, so a digest would hide nothing.
    struct Consent {
        address identity;
        Status status;
        uint40 grantedIn;
        uint40 withdrawnIn;
    }

    bytes32 private constant _GRANT = keccak256("Grant(address identity,bytes32 consentId,uint256 deadline)");
    bytes32 private constant _WITHDRAW = keccak256("Withdraw(address identity,bytes32 consentId,uint256 deadline)");

    IMemberRegistry private immutable _members;
    IDidRegistry private immutable _dids;
    mapping(bytes32 consentId => Consent) private _consents;

    /// @param members whose active members may relay
    /// @param dids the registry that says who owns an identity
    constructor(IMemberRegistry members, IDidRegistry dids) EIP712("Bonafides ConsentRegistry", "1") {
        _members = members;
        _dids = dids;
    }

    /// @inheritdoc IConsentRegistry
    function grant(address identity, bytes32 consentId, uint256 deadline, bytes calldata sig) external {
        _requireSigned(_GRANT, identity, consentId, deadline, sig);
        Consent storage consent = _consents[consentId];
        if (consent.status != Status.None) revert ConsentRegistryAlreadyGranted(consentId, consent.status);
        consent.identity = identity;
        consent.status = Status.Granted;
        consent.grantedIn = uint40(block.number);
        emit ConsentGranted(consentId);
    }

    /// @inheritdoc IConsentRegistry
    function withdraw(address identity, bytes32 consentId, uint256 deadline, bytes calldata sig) external {
        _requireSigned(_WITHDRAW, identity, consentId, deadline, sig);
        Consent storage consent = _consents[consentId];
        if (consent.status != Status.Granted) revert ConsentRegistryNotGranted(consentId, consent.status);
        if (consent.identity != identity) revert ConsentRegistryNotGranter(consentId, identity);
        consent.status = Status.Withdrawn;
        consent.withdrawnIn = uint40(block.number);
        emit ConsentWithdrawn(consentId);
    }

    /// @inheritdoc IConsentRegistry
    function statusOf(bytes32 consentId) external view returns (Status) {
        return _consents[consentId].status;
    }

    /// @inheritdoc IConsentRegistry
    function blocksOf(bytes32 consentId) external view returns (uint40 grantedIn, uint40 withdrawnIn) {
        Consent storage consent = _consents[consentId];
        return (consent.grantedIn, consent.withdrawnIn);
    }

    function _requireSigned(
        bytes32 typeHash,
        address identity,
        bytes32 consentId,
        uint256 deadline,
        bytes calldata sig
    ) private view {
        if (!_members.isActive(msg.sender)) revert ConsentRegistryNotMember(msg.sender);
        if (block.timestamp > deadline) revert ConsentRegistryExpired(deadline, block.timestamp);
        bytes32 hash = _hashTypedDataV4(keccak256(abi.encode(typeHash, identity, consentId, deadline)));
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecover(hash, sig);
        if (failure != ECDSA.RecoverError.NoError || signer != _dids.identityOwner(identity)) {
            revert ConsentRegistryBadSignature(identity, signer);
        }
    }
}
