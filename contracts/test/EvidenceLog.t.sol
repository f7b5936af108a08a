// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EvidenceAnchor} from "../EvidenceAnchor.sol";
import {EvidenceLog} from "../EvidenceLog.sol";
import {IEvidenceAnchor} from "../interfaces/IEvidenceAnchor.sol";
import {IEvidenceLog} from "../interfaces/IEvidenceLog.sol";
import {MerkleTree} from "../libraries/MerkleTree.sol";
import {MerkleLog} from "./MerkleLog.sol";
import {World} from "./World.sol";

/// @dev What a broker sends.
struct Step {
    uint64 seq;
    bytes32[] peaks;
    bytes32 batch;
    uint64 size;
    bytes32 map;
}

/// @dev A broker's own view of its log, written from the page: it keeps every leaf.
abstract contract LogWorld is World {
    bytes32 internal constant EMPTY = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;

    EvidenceLog internal log;
    mapping(address broker => bytes32[]) internal leaves;
    mapping(address broker => uint64) internal sizes;
    mapping(address broker => bytes32) internal maps;

    function foundLog() internal {
        foundConsortium();
        log = new EvidenceLog(members, IEvidenceAnchor(address(0)), IEvidenceLog(address(0)));
    }

    /// @dev The next honest anchor of a broker: `by` entries more, or a heartbeat.
    function next(address broker, uint64 by) internal view returns (Step memory step) {
        uint256 count = leaves[broker].length;
        step.seq = count == 0 ? 2 : uint64(count) + 1;
        step.peaks = MerkleLog.peaks(leaves[broker], count);
        step.size = sizes[broker] + by;
        step.batch = by == 0 ? EMPTY : keccak256(abi.encode("batch", broker, step.seq));
        step.map = by == 0 ? maps[broker] : keccak256(abi.encode("map", broker, step.seq));
    }

    /// @dev Section 5.2, byte by byte.
    function leafOf(address broker, Step memory step) internal view returns (bytes32) {
        (, bytes32 keysDigest, uint64 keyVersion) = members.standing(broker);
        bytes memory entry = bytes.concat(
            hex"01",
            bytes8(step.seq),
            step.batch,
            bytes8(sizes[broker]),
            bytes8(step.size),
            step.map,
            bytes8(uint64(block.number)),
            bytes8(uint64(block.timestamp)),
            keysDigest,
            bytes8(keyVersion)
        );
        check(entry.length == 145, "145 bytes");
        return sha256(bytes.concat(hex"00", entry));
    }

    /// @dev Section 5.3, byte by byte.
    function openingOf(address former, IEvidenceAnchor.Head memory old) internal view returns (bytes32) {
        bytes memory entry = bytes.concat(
            hex"00",
            bytes8(uint64(1)),
            bytes20(former),
            bytes8(old.seq),
            old.root,
            bytes8(old.size),
            old.mapRoot,
            bytes8(uint64(block.number)),
            bytes8(uint64(block.timestamp))
        );
        check(entry.length == 125, "125 bytes");
        return sha256(bytes.concat(hex"00", entry));
    }

    function headOf(bytes32[] memory all) internal pure returns (bytes32) {
        return sha256(bytes.concat(hex"02", bytes8(uint64(all.length)), MerkleLog.root(all, 0, all.length)));
    }

    function send(address sender, Step memory step) internal {
        vm.prank(sender);
        log.anchor(step.seq, step.peaks, step.batch, step.size, step.map);
    }

    /// @dev Send an honest anchor and keep its leaf; the first one keeps the opening too.
    function grow(address broker, uint64 by) internal {
        IEvidenceAnchor.Head memory nothing;
        grow(broker, by, address(0), nothing);
    }

    function grow(address broker, uint64 by, address former, IEvidenceAnchor.Head memory old) internal {
        Step memory step = next(broker, by);
        if (leaves[broker].length == 0) leaves[broker].push(openingOf(former, old));
        leaves[broker].push(leafOf(broker, step));
        send(broker, step);
        sizes[broker] = step.size;
        maps[broker] = step.map;
    }

    function expectKept(address broker) internal view {
        IEvidenceLog.Log memory kept = log.logOf(broker);
        eq(kept.head, headOf(leaves[broker]), "head");
        eq(kept.mapRoot, maps[broker], "map");
        eq(kept.size, sizes[broker], "size");
        eq(kept.seq, leaves[broker].length, "seq");
    }
}

contract EvidenceLogTest is LogWorld {
    bytes32 private constant _OTHER = keccak256("another");

    function setUp() public {
        foundLog();
        vm.warp(1_900_000_000);
    }

    function test_nothing_is_kept_before_the_first_anchor() public view {
        IEvidenceLog.Log memory kept = log.logOf(east);
        eq(kept.head | kept.mapRoot, bytes32(0), "no head, the empty map");
        eq(uint256(kept.size) + kept.seq, 0, "no size, no leaf");
        eq(address(log.version1()), address(0), "nothing is continued");
    }

    function test_the_first_anchor_is_leaf_two_after_an_opening_that_continues_nothing() public {
        Step memory step = next(east, 5);
        (, bytes32 keysDigest, uint64 keyVersion) = members.standing(east);
        vm.expectEmit(true, true, true, true, address(log));
        emit IEvidenceLog.LogOpened(east, address(0), 0, 0, 0, 0, 1_900_000_000);
        vm.expectEmit(true, true, true, true, address(log));
        emit IEvidenceLog.Anchored(
            east, 2, step.batch, 0, 5, step.map, 1_900_000_000, keysDigest, keyVersion
        );
        grow(east, 5);
        expectKept(east);
        eq(log.logOf(west).seq, 0, "others are untouched");
    }

    /// @dev The contract's root is that of RFC 9162 over all leaves, at every size and whatever block it is.
    function test_seventy_anchors_have_the_root_of_their_leaves() public {
        for (uint256 i = 0; i < 70; i++) {
            vm.roll(block.number + 1 + i % 3);
            vm.warp(block.timestamp + 5 + i);
            grow(east, uint64(i % 4));
            expectKept(east);
        }
    }

    function test_heartbeats_even_of_an_empty_log() public {
        grow(east, 0);
        grow(east, 0);
        grow(east, 3);
        grow(east, 0);
        expectKept(east);
    }

    /// @dev Keys that change in the anchor's own block are in the leaf as they are at that moment.
    function test_a_leaf_names_the_keys_of_its_moment() public {
        grow(east, 1);
        (, bytes32 before, uint64 versionBefore) = members.standing(east);
        vm.prank(east);
        members.rotateKeys(fresh(), keysFor("test broker east, next"));
        (, bytes32 after_, uint64 versionAfter) = members.standing(east);
        check(before != after_, "another digest");
        eq(versionAfter, versionBefore + 1, "another version");
        grow(east, 1);
        expectKept(east);
    }

    function test_a_resend_reverts() public {
        grow(east, 5);
        Step memory step = next(east, 5);
        send(east, step);
        expectRefused(
            east, step, abi.encodeWithSelector(IEvidenceLog.EvidenceLogBadSeq.selector, east, step.seq + 1, step.seq)
        );
    }

    function test_a_resend_of_the_first_anchor_reverts() public {
        Step memory step = next(east, 5);
        send(east, step);
        expectRefused(east, step, abi.encodeWithSelector(IEvidenceLog.EvidenceLogBadSeq.selector, east, 3, 2));
    }

    function test_a_gap_in_seq() public {
        Step memory step = next(east, 5);
        step.seq = 3;
        expectRefused(east, step, abi.encodeWithSelector(IEvidenceLog.EvidenceLogBadSeq.selector, east, 2, 3));
        step.seq = 1;
        expectRefused(east, step, abi.encodeWithSelector(IEvidenceLog.EvidenceLogBadSeq.selector, east, 2, 1));
        grow(east, 5);
        step = next(east, 5);
        step.seq = 4;
        expectRefused(east, step, abi.encodeWithSelector(IEvidenceLog.EvidenceLogBadSeq.selector, east, 3, 4));
    }

    function test_only_active_brokers_anchor() public {
        expectNotBroker(outsider);
        expectNotBroker(regulator);
        suspend(north);
        expectNotBroker(north);
    }

    function test_a_shorter_log() public {
        grow(east, 9);
        Step memory step = next(east, 1);
        step.size = 8;
        expectRefused(east, step, abi.encodeWithSelector(IEvidenceLog.EvidenceLogShrunk.selector, east, 9, 8));
    }

    function test_an_empty_batch_adds_nothing() public {
        grow(east, 9);
        Step memory step = next(east, 1);
        step.batch = EMPTY;
        expectRefused(
            east, step, abi.encodeWithSelector(IEvidenceLog.EvidenceLogBadBatch.selector, east, 9, 10, EMPTY)
        );
    }

    function test_a_heartbeat_has_no_batch() public {
        grow(east, 9);
        Step memory step = next(east, 0);
        step.batch = _OTHER;
        expectRefused(
            east, step, abi.encodeWithSelector(IEvidenceLog.EvidenceLogBadBatch.selector, east, 9, 9, _OTHER)
        );
    }

    function test_a_heartbeat_keeps_the_map() public {
        Step memory step = next(east, 0);
        step.map = _OTHER;
        expectRefused(
            east, step, abi.encodeWithSelector(IEvidenceLog.EvidenceLogMapChanged.selector, east, bytes32(0), _OTHER)
        );
        grow(east, 9);
        step = next(east, 0);
        step.map = _OTHER;
        expectRefused(
            east, step, abi.encodeWithSelector(IEvidenceLog.EvidenceLogMapChanged.selector, east, maps[east], _OTHER)
        );
    }

    function test_the_first_anchor_has_no_peaks() public {
        Step memory step = next(east, 1);
        step.peaks = new bytes32[](1);
        expectRefused(east, step, abi.encodeWithSelector(MerkleTree.MerkleTreePeakCount.selector, 0, 1));
    }

    function test_one_peak_too_few_or_too_many() public {
        for (uint256 i = 0; i < 6; i++) {
            grow(east, 1); // seven leaves have three peaks
        }
        Step memory step = next(east, 1);
        eq(step.peaks.length, 3, "three peaks");
        step.peaks = MerkleLog.peaks(leaves[east], 6);
        expectRefused(east, step, abi.encodeWithSelector(MerkleTree.MerkleTreePeakCount.selector, 3, 2));
        step.peaks = new bytes32[](4);
        expectRefused(east, step, abi.encodeWithSelector(MerkleTree.MerkleTreePeakCount.selector, 3, 4));
        step.peaks = new bytes32[](0);
        expectRefused(east, step, abi.encodeWithSelector(MerkleTree.MerkleTreePeakCount.selector, 3, 0));
    }

    /// @dev One bit of each peak in turn, and each pair of neighbours swapped.
    function test_forged_peaks_are_refused_one_by_one() public {
        for (uint256 i = 0; i < 14; i++) {
            grow(east, 1); // fifteen leaves have four peaks
        }
        for (uint256 i = 0; i < 4; i++) {
            Step memory step = next(east, 1);
            step.peaks[i] ^= bytes32(uint256(1) << (i * 60));
            expectBadPeaks(step);
            if (i == 0) continue;
            step = next(east, 1);
            (step.peaks[i], step.peaks[i - 1]) = (step.peaks[i - 1], step.peaks[i]);
            expectBadPeaks(step);
        }
        grow(east, 1);
        expectKept(east);
    }

    /// @dev A tree of as many leaves and peaks that is another broker's, or an older one of this broker.
    function test_true_peaks_of_another_tree() public {
        for (uint256 i = 0; i < 5; i++) {
            grow(east, 1);
            grow(west, 1);
        }
        Step memory step = next(east, 1);
        step.peaks = next(west, 1).peaks;
        expectBadPeaks(step);
        step.peaks = MerkleLog.peaks(leaves[east], 5); // two peaks, as six leaves have
        expectBadPeaks(step);
    }

    function testFuzz_any_sequence_of_batches_and_heartbeats(uint8[24] calldata by, uint64 entries) public {
        for (uint256 i = 0; i < by.length; i++) {
            address broker = by[i] % 3 == 0 ? west : east;
            vm.roll(block.number + by[i] % 2);
            vm.warp(block.timestamp + by[i] % 5);
            grow(broker, by[i] % 4 == 0 ? 0 : uint64(bound(entries, 1, type(uint64).max / 32)));
            expectKept(broker);
        }
    }

    function testFuzz_no_made_up_peaks_are_taken(bytes32[3] calldata peaks) public {
        for (uint256 i = 0; i < 6; i++) {
            grow(east, 1);
        }
        Step memory step = next(east, 1);
        for (uint256 i = 0; i < 3; i++) {
            step.peaks[i] = peaks[i];
        }
        expectBadPeaks(step);
    }

    function expectRefused(address sender, Step memory step, bytes memory refusal) private {
        vm.expectRevert(refusal);
        send(sender, step);
    }

    function expectNotBroker(address sender) private {
        Step memory step = next(sender, 5);
        expectRefused(sender, step, abi.encodeWithSelector(IEvidenceLog.EvidenceLogNotBroker.selector, sender));
    }

    function expectBadPeaks(Step memory step) private {
        bytes32 root = step.peaks[step.peaks.length - 1];
        for (uint256 i = step.peaks.length - 1; i > 0; i--) {
            root = sha256(bytes.concat(hex"01", step.peaks[i - 1], root));
        }
        bytes32 given = sha256(bytes.concat(hex"02", bytes8(step.seq - 1), root));
        expectRefused(
            east,
            step,
            abi.encodeWithSelector(
                IEvidenceLog.EvidenceLogBadPeaks.selector, east, log.logOf(east).head, given
            )
        );
    }
}

/// @dev Logs that begin after version 1, and contracts that take over from one another.
contract EvidenceLogSuccessionTest is LogWorld {
    EvidenceAnchor private _version1;

    function setUp() public {
        foundConsortium();
        _version1 = new EvidenceAnchor(members);
        bytes32 root = keccak256("root of 1,234 entries");
        vm.prank(east);
        _version1.anchor(1, EMPTY, root, 1_234, keccak256("map of version 1"), new bytes32[](0));
        vm.prank(east);
        _version1.anchor(2, root, root, 1_234, keccak256("map of version 1"), new bytes32[](0));
        log = new EvidenceLog(members, _version1, IEvidenceLog(address(0)));
    }

    function open(address broker, uint64 by) private {
        IEvidenceAnchor.Head memory old = _version1.head(broker);
        sizes[broker] = old.size;
        grow(broker, by, address(_version1), old);
    }

    function succeed() private returns (EvidenceLog successor) {
        successor = new EvidenceLog(members, IEvidenceAnchor(address(0)), log);
    }

    function test_the_opening_names_the_anchored_head_of_version_1() public {
        IEvidenceAnchor.Head memory old = _version1.head(east);
        eq(old.seq, 2, "it is populated");
        eq(log.logOf(east).size, 1_234, "where the log goes on");
        vm.expectEmit(true, true, true, true, address(log));
        emit IEvidenceLog.LogOpened(
            east, address(_version1), 2, old.root, 1_234, old.mapRoot, uint64(block.timestamp)
        );
        open(east, 3);
        expectKept(east);
        eq(log.logOf(east).size, 1_237, "the index goes on");
    }

    function test_who_never_anchored_in_version_1_opens_an_empty_log() public {
        vm.expectEmit(true, true, true, true, address(log));
        emit IEvidenceLog.LogOpened(west, address(_version1), 0, EMPTY, 0, 0, uint64(block.timestamp));
        open(west, 3);
        expectKept(west);
    }

    /// @dev The map of version 2 begins empty, whatever that of version 1 was.
    function test_a_first_heartbeat_has_the_empty_map() public {
        Step memory step = next(east, 0);
        step.size = 1_234;
        step.map = _version1.head(east).mapRoot;
        vm.expectRevert(
            abi.encodeWithSelector(IEvidenceLog.EvidenceLogMapChanged.selector, east, bytes32(0), step.map)
        );
        send(east, step);
        open(east, 0);
        expectKept(east);
    }

    function test_a_log_does_not_go_back_behind_version_1() public {
        Step memory step = next(east, 3);
        vm.expectRevert(abi.encodeWithSelector(IEvidenceLog.EvidenceLogShrunk.selector, east, 1_234, 3));
        send(east, step);
    }

    /// @dev What version 1 anchors after the opening changes nothing here.
    function test_version_1_counts_until_the_opening() public {
        open(east, 3);
        IEvidenceAnchor.Head memory old = _version1.head(east);
        vm.prank(east);
        _version1.anchor(3, old.root, old.root, 1_234, old.mapRoot, new bytes32[](0));
        grow(east, 1);
        expectKept(east);
    }

    function test_a_successor_takes_the_trees_over() public {
        for (uint256 i = 0; i < 5; i++) {
            i == 0 ? open(east, 1) : grow(east, 1);
        }
        EvidenceLog former = log;
        log = succeed();
        expectKept(east);
        vm.expectEmit(true, true, true, true, address(log));
        emit IEvidenceLog.LogContinued(east, address(former), 6, headOf(leaves[east]));
        grow(east, 2);
        expectKept(east);
        eq(former.logOf(east).seq, 6, "the former one stays");
        vm.recordLogs();
        grow(east, 2);
        expectKept(east);
        eq(vm.getRecordedLogs().length, 1, "taken over once");
    }

    function test_a_successor_refuses_forged_peaks_of_the_former_tree() public {
        open(east, 1);
        grow(east, 1);
        log = succeed();
        Step memory step = next(east, 1);
        step.peaks[0] ^= bytes32(uint256(1));
        vm.expectPartialRevert(IEvidenceLog.EvidenceLogBadPeaks.selector);
        send(east, step);
    }

    function test_what_the_former_log_appends_after_the_takeover_counts_for_nothing() public {
        open(east, 1);
        EvidenceLog former = log;
        log = succeed();
        grow(east, 1);
        Step memory fork = next(east, 7);
        fork.seq = 3;
        fork.peaks = MerkleLog.peaks(leaves[east], 2);
        vm.prank(east);
        former.anchor(fork.seq, fork.peaks, fork.batch, fork.size, fork.map);
        grow(east, 1);
        expectKept(east);
    }

    /// @dev Two contracts later a broker that never anchored in either still continues version 1.
    function test_version_1_is_found_through_every_successor() public {
        log = succeed();
        log = succeed();
        eq(address(log.version1()), address(_version1), "version 1");
        open(east, 3);
        expectKept(east);
    }

    function test_a_successor_of_two_contracts() public {
        vm.expectRevert(
            abi.encodeWithSelector(
                IEvidenceLog.EvidenceLogTwoFormers.selector, address(_version1), address(log)
            )
        );
        new EvidenceLog(members, _version1, log);
    }
}
