// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The head of a history: one word that no other list of changes gives
/// @dev head(0) is zero; each head hashes the one before, so that who is shown the changes in order can tell that none
/// was left out. Who knows a head at one block needs no events.
library HistoryHead {
    /// @notice The head after one more change, made in this block.
    /// @param history keccak-256 of the history's name, so that heads of different histories never meet
    /// @param head the head before
    /// @param number of this change, counted from 1
    /// @param change digest of what changed
    function next(bytes32 history, bytes32 head, uint256 number, bytes32 change) internal view returns (bytes32) {
        return keccak256(abi.encode(history, head, number, block.number, block.timestamp, change));
    }

    /// @notice The digest of a change that an event tells: keccak256(topic 0 || abi.encode(its members)).
    function ofEvent(bytes32 topic, bytes memory members) internal pure returns (bytes32) {
        return keccak256(bytes.concat(topic, members));
    }
}
