// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IDidRegistry} from "./interfaces/IDidRegistry.sol";
import {IMemberRegistry} from "./interfaces/IMemberRegistry.sol";
import {HistoryHead} from "./libraries/HistoryHead.sol";

/// @title An ERC-1056 registry of identities, with calls that a member sends for an identity's owner
contract DidRegistry is IDidRegistry, EIP712 {
    struct History {
        uint128 changed;
        uint120 versions;
        bool deactivated;
        bytes32 head;
    }

    bytes32 private constant _HISTORY = keccak256("bonafides/did-history/2");
    bytes32 private constant _CHANGE_OWNER =
        keccak256("ChangeOwner(address identity,address newOwner,uint256 nonce,uint256 deadline)");
    bytes32 private constant _SET_ATTRIBUTE = keccak256(
        "SetAttribute(address identity,bytes32 name,bytes value,uint256 validity,uint256 nonce,uint256 deadline)"
    );
    bytes32 private constant _REVOKE_ATTRIBUTE =
        keccak256("RevokeAttribute(address identity,bytes32 name,bytes value,uint256 nonce,uint256 deadline)");

    IMemberRegistry private immutable _members;
    /// @dev Has the identities that have not changed here yet; zero when there is none.
    IDidRegistry private immutable _former;
    mapping(address identity => History) private _history;
    mapping(address identity => address) private _owners;
    mapping(address identity => mapping(bytes32 typeHash => mapping(address delegate => uint256))) private _delegates;
    /// @inheritdoc IDidRegistry
    mapping(address owner => uint256) public override nonce;
    mapping(address identity => uint256) private _sponsoredNonce;

    modifier onlyOwner(address identity) {
        address owner = _liveOwner(identity);
        if (msg.sender != owner) revert DidRegistryNotOwner(identity, msg.sender);
        _;
    }

    /// @param members whose active members may send sponsored calls
    /// @param former the registry of this kind whose identities go on in this one; zero when there is none
    constructor(IMemberRegistry members, IDidRegistry former) EIP712("Bonafides DidRegistry", "1") {
        _members = members;
        _former = former;
    }

    /// @inheritdoc IDidRegistry
    function changeOwner(address identity, address newOwner) external onlyOwner(identity) {
        _changeOwner(identity, newOwner);
    }

    /// @inheritdoc IDidRegistry
    function changeOwnerSigned(address identity, uint8 sigV, bytes32 sigR, bytes32 sigS, address newOwner) external {
        _spendSigned(identity, sigV, sigR, sigS, abi.encodePacked("changeOwner", newOwner));
        _changeOwner(identity, newOwner);
    }

    /// @inheritdoc IDidRegistry
    function addDelegate(address identity, bytes32 delegateType, address delegate, uint256 validity)
        external
        onlyOwner(identity)
    {
        _setDelegate(identity, delegateType, delegate, block.timestamp + validity);
    }

    /// @inheritdoc IDidRegistry
    function addDelegateSigned(
        address identity,
        uint8 sigV,
        bytes32 sigR,
        bytes32 sigS,
        bytes32 delegateType,
        address delegate,
        uint256 validity
    ) external {
        _spendSigned(
            identity, sigV, sigR, sigS, abi.encodePacked("addDelegate", delegateType, delegate, validity)
        );
        _setDelegate(identity, delegateType, delegate, block.timestamp + validity);
    }

    /// @inheritdoc IDidRegistry
    function revokeDelegate(address identity, bytes32 delegateType, address delegate) external onlyOwner(identity) {
        _setDelegate(identity, delegateType, delegate, block.timestamp);
    }

    /// @inheritdoc IDidRegistry
    function revokeDelegateSigned(
        address identity,
        uint8 sigV,
        bytes32 sigR,
        bytes32 sigS,
        bytes32 delegateType,
        address delegate
    ) external {
        _spendSigned(identity, sigV, sigR, sigS, abi.encodePacked("revokeDelegate", delegateType, delegate));
        _setDelegate(identity, delegateType, delegate, block.timestamp);
    }

    /// @inheritdoc IDidRegistry
    function setAttribute(address identity, bytes32 name, bytes calldata value, uint256 validity)
        external
        onlyOwner(identity)
    {
        _setAttribute(identity, name, value, block.timestamp + validity);
    }

    /// @inheritdoc IDidRegistry
    function setAttributeSigned(
        address identity,
        uint8 sigV,
        bytes32 sigR,
        bytes32 sigS,
        bytes32 name,
        bytes calldata value,
        uint256 validity
    ) external {
        _spendSigned(identity, sigV, sigR, sigS, abi.encodePacked("setAttribute", name, value, validity));
        _setAttribute(identity, name, value, block.timestamp + validity);
    }

    /// @inheritdoc IDidRegistry
    function revokeAttribute(address identity, bytes32 name, bytes calldata value) external onlyOwner(identity) {
        _setAttribute(identity, name, value, 0);
    }

    /// @inheritdoc IDidRegistry
    function revokeAttributeSigned(
        address identity,
        uint8 sigV,
        bytes32 sigR,
        bytes32 sigS,
        bytes32 name,
        bytes calldata value
    ) external {
        _spendSigned(identity, sigV, sigR, sigS, abi.encodePacked("revokeAttribute", name, value));
        _setAttribute(identity, name, value, 0);
    }

    /// @inheritdoc IDidRegistry
    function changeOwnerSponsored(address identity, address newOwner, uint256 deadline, bytes calldata sig) external {
        bytes32 structHash =
            keccak256(abi.encode(_CHANGE_OWNER, identity, newOwner, sponsoredNonce(identity), deadline));
        _spendSponsored(identity, structHash, deadline, sig);
        _changeOwner(identity, newOwner);
    }

    /// @inheritdoc IDidRegistry
    function setAttributeSponsored(
        address identity,
        bytes32 name,
        bytes calldata value,
        uint256 validity,
        uint256 deadline,
        bytes calldata sig
    ) external {
        bytes32 structHash = keccak256(
            abi.encode(
                _SET_ATTRIBUTE, identity, name, keccak256(value), validity, sponsoredNonce(identity), deadline
            )
        );
        _spendSponsored(identity, structHash, deadline, sig);
        _setAttribute(identity, name, value, block.timestamp + validity);
    }

    /// @inheritdoc IDidRegistry
    function revokeAttributeSponsored(
        address identity,
        bytes32 name,
        bytes calldata value,
        uint256 deadline,
        bytes calldata sig
    ) external {
        bytes32 structHash = keccak256(
            abi.encode(_REVOKE_ATTRIBUTE, identity, name, keccak256(value), sponsoredNonce(identity), deadline)
        );
        _spendSponsored(identity, structHash, deadline, sig);
        _setAttribute(identity, name, value, 0);
    }

    /// @inheritdoc IDidRegistry
    function validDelegate(address identity, bytes32 delegateType, address delegate) external view returns (bool) {
        return delegates(identity, keccak256(abi.encode(delegateType)), delegate) > block.timestamp;
    }

    /// @inheritdoc IDidRegistry
    function changed(address identity) external view returns (uint256) {
        return _isFormers(identity) ? _former.changed(identity) : _history[identity].changed;
    }

    /// @inheritdoc IDidRegistry
    function versionCount(address identity) external view returns (uint256) {
        return _isFormers(identity) ? _former.versionCount(identity) : _history[identity].versions;
    }

    /// @inheritdoc IDidRegistry
    function historyHead(address identity) external view returns (bytes32) {
        return _isFormers(identity) ? _former.historyHead(identity) : _history[identity].head;
    }

    /// @inheritdoc IDidRegistry
    function deactivated(address identity) public view returns (bool) {
        return _isFormers(identity) ? _former.deactivated(identity) : _history[identity].deactivated;
    }

    /// @inheritdoc IDidRegistry
    function owners(address identity) public view returns (address) {
        return _isFormers(identity) ? _former.owners(identity) : _owners[identity];
    }

    /// @inheritdoc IDidRegistry
    function delegates(address identity, bytes32 typeHash, address delegate) public view returns (uint256) {
        if (_isFormers(identity)) return _former.delegates(identity, typeHash, delegate);
        return _delegates[identity][typeHash][delegate];
    }

    /// @inheritdoc IDidRegistry
    function sponsoredNonce(address identity) public view returns (uint256) {
        return _isFormers(identity) ? _former.sponsoredNonce(identity) : _sponsoredNonce[identity];
    }

    /// @inheritdoc IDidRegistry
    function identityOwner(address identity) public view returns (address) {
        if (deactivated(identity)) return address(0);
        address owner = owners(identity);
        return owner == address(0) ? identity : owner;
    }

    function _changeOwner(address identity, address newOwner) private {
        _adopt(identity);
        _owners[identity] = newOwner;
        if (newOwner == address(0)) _history[identity].deactivated = true;
        emit DIDOwnerChanged(identity, newOwner, _history[identity].changed);
        _countChange(identity, DIDOwnerChanged.selector, abi.encode(newOwner));
    }

    function _setDelegate(address identity, bytes32 delegateType, address delegate, uint256 validTo) private {
        _adopt(identity);
        _delegates[identity][keccak256(abi.encode(delegateType))][delegate] = validTo;
        emit DIDDelegateChanged(identity, delegateType, delegate, validTo, _history[identity].changed);
        _countChange(identity, DIDDelegateChanged.selector, abi.encode(delegateType, delegate, validTo));
    }

    /// @param validTo in seconds; 0 when the attribute is revoked
    function _setAttribute(address identity, bytes32 name, bytes calldata value, uint256 validTo) private {
        _adopt(identity);
        emit DIDAttributeChanged(identity, name, value, validTo, _history[identity].changed);
        _countChange(identity, DIDAttributeChanged.selector, abi.encode(name, value, validTo));
    }

    /// @dev Whether the former registry still has an identity: none of its changes was made here.
    function _isFormers(address identity) private view returns (bool) {
        return address(_former) != address(0) && _history[identity].versions == 0;
    }

    /// @dev Take an identity over as it stands, so that its history goes on with the change that is about to be made.
    /// Delegates cannot be listed, so they are not: who had them adds them again.
    function _adopt(address identity) private {
        if (!_isFormers(identity)) return;
        History storage history = _history[identity];
        history.changed = uint128(_former.changed(identity));
        history.head = _former.historyHead(identity);
        _owners[identity] = _former.owners(identity);
        _sponsoredNonce[identity] = _former.sponsoredNonce(identity);
        history.versions = uint120(_former.versionCount(identity));
    }

    /// @dev Called after each of the three events and never else: a resolver that found no event in the block of
    /// `changed` would take the history for finished.
    /// @param members of the event, encoded, without the identity and the block of the change before
    function _countChange(address identity, bytes32 topic, bytes memory members) private {
        History storage history = _history[identity];
        history.changed = uint128(block.number);
        history.versions++;
        history.head =
            HistoryHead.next(_HISTORY, history.head, history.versions, HistoryHead.ofEvent(topic, members));
    }

    /// @dev ERC-1056 hash: no chain, no deadline, and the nonce of the owner, not of the identity.
    function _spendSigned(address identity, uint8 sigV, bytes32 sigR, bytes32 sigS, bytes memory call) private {
        address owner = _liveOwner(identity);
        bytes32 hash = keccak256(
            bytes.concat(abi.encodePacked(bytes1(0x19), bytes1(0), address(this), nonce[owner], identity), call)
        );
        address signer = ecrecover(hash, sigV, sigR, sigS);
        if (signer == address(0) || signer != owner) revert DidRegistryBadSignature(identity, signer);
        nonce[owner]++;
    }

    function _spendSponsored(address identity, bytes32 structHash, uint256 deadline, bytes calldata sig) private {
        if (!_members.isActive(msg.sender)) revert DidRegistryNotMember(msg.sender);
        if (block.timestamp > deadline) revert DidRegistryExpired(deadline, block.timestamp);
        address owner = _liveOwner(identity);
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecover(_hashTypedDataV4(structHash), sig);
        if (failure != ECDSA.RecoverError.NoError || signer != owner) revert DidRegistryBadSignature(identity, signer);
        _adopt(identity);
        emit DIDCallSponsored(identity, _sponsoredNonce[identity]);
        _sponsoredNonce[identity]++;
    }

    function _liveOwner(address identity) private view returns (address) {
        if (deactivated(identity)) revert DidRegistryDeactivated(identity);
        return identityOwner(identity);
    }
}
