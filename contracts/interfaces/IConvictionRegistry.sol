// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Who says that it holds a document that convicts a member
/// @notice A document convicts by the convicted member's own signatures. The chain checks none of them: what stands here
/// is that one member says it holds the document with this digest. That member keeps it and shows it to the others, who
/// verify it themselves. Nothing here can be withdrawn.
/// @dev docs/spec/evidence-2.md, section 15.2. WARNING: by itself a statement is the word of one member.
interface IConvictionRegistry {
    /// @notice What a document shows: two promises of which one is untrue, two logs, or a record that was taken back.
    /// `None` means: no document.
    enum Kind {
        None,
        PromiseContradiction,
        Equivocation,
        Rollback
    }

    /// @notice Only an active member records.
    error ConvictionRegistryNotMember(address sender);
    /// @notice Nobody was ever admitted under this account.
    error ConvictionRegistryUnknown(address convicted);
    /// @notice Who is convicted is not the one to keep the document.
    error ConvictionRegistryOwn(address sender);
    /// @notice The kind is none.
    error ConvictionRegistryUnknownKind(uint8 kind);
    /// @notice The member recorded this digest before, in that block.
    error ConvictionRegistryAlreadyRecorded(address member, bytes32 digest, uint256 blockNumber);

    /// @notice A member says that it holds a document that convicts another one.
    event ConvictionRecorded(address indexed convicted, address indexed member, Kind kind, bytes32 digest);

    /// @notice Say that the sender holds a document.
    /// @dev Each member may record a digest once, so that nobody who is faster, the convicted one and its friends least
    /// of all, takes the place of who holds it. Restrictions: sender not an active member
    /// (`ConvictionRegistryNotMember`), or the convicted one (`ConvictionRegistryOwn`); convicted never a member
    /// (`ConvictionRegistryUnknown`), which one that was suspended still is; no such kind
    /// (`ConvictionRegistryUnknownKind`); recorded before (`ConvictionRegistryAlreadyRecorded`).
    function record(address convicted, uint8 kind, bytes32 digest) external;

    /// @notice The block in which a member recorded a digest; 0 where it did not.
    function recordedIn(address member, bytes32 digest) external view returns (uint256);

    /// @notice The head of all that was recorded against a member, in order.
    /// @dev docs/spec/evidence-2.md, section 9.3.
    function historyHead(address convicted) external view returns (bytes32);

    /// @notice How many statements were recorded against a member.
    function changeCount(address convicted) external view returns (uint256);
}
