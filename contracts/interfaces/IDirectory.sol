// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Which contracts the consortium uses, now and at any earlier block
/// @notice A contract is never changed in place. A successor gets its name by the members' vote, and every earlier
/// address stays on record with the block from which it held.
/// @dev A verifier needs only this contract's address to tell the consortium's contracts from look-alikes.
interface IDirectory {
    /// @notice An address and the first block in which it holds.
    struct Entry {
        address target;
        uint64 fromBlock;
    }

    /// @notice Names and addresses do not pair up.
    error DirectoryLengthMismatch(uint256 names, uint256 targets);
    /// @notice A name is empty or occurs twice.
    error DirectoryInvalidName(bytes32 name);
    /// @notice The address holds no contract.
    error DirectoryNotContract(bytes32 name, address target);
    /// @notice The members did not vote for this.
    error DirectoryNotPassed(uint256 proposalId, bytes32 digest);
    /// @notice The proposal, or a later one for the same name, took effect before.
    error DirectoryProposalSpent(uint256 proposalId, uint256 lastProposalId);

    /// @notice A name has a new address.
    event AddressSet(bytes32 indexed name, address target, uint64 fromBlock, address previous);

    /// @notice This directory succeeds another one, of whose history `head` is the head.
    event DirectorySucceeded(address indexed former, bytes32 head);

    /// @notice Let a voted change take effect; anyone may send it.
    /// @dev The proposal is MemberRegistry.proposeAction(callId, keccak256(abi.encode(directory, name, target))).
    /// Restrictions: not passed (`DirectoryNotPassed`); used, or older than the one in force
    /// (`DirectoryProposalSpent`); no contract (`DirectoryNotContract`); empty name (`DirectoryInvalidName`).
    function enact(uint256 proposalId, bytes32 name, address target) external;

    /// @notice The address of a name now; zero when there is none.
    function current(bytes32 name) external view returns (address);

    /// @notice The head of all changes of this directory, each with the code hash of the address, in order; the first one
    /// names the former directory, where there is one.
    /// @dev docs/spec/evidence-2.md, section 9.3.
    function historyHead() external view returns (bytes32);

    /// @notice How many changes there were.
    function changeCount() external view returns (uint256);

    /// @notice Every address that a name ever had, oldest first.
    function history(bytes32 name) external view returns (Entry[] memory);
}
