// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EvidenceAnchor} from "../EvidenceAnchor.sol";
import {IEvidenceAnchor} from "../interfaces/IEvidenceAnchor.sol";
import {ConsistencyProof} from "../libraries/ConsistencyProof.sol";
import {MerkleLog} from "./MerkleLog.sol";
import {World} from "./World.sol";

/// @dev What a broker sends.
struct Call {
    uint64 seq;
    bytes32 prev;
    bytes32 root;
    uint64 size;
    bytes32 map;
    bytes32[] proof;
}

abstract contract AnchorWorld is World {
    uint256 internal constant MOST = 130;

    EvidenceAnchor internal anchors;

    function foundAnchors() internal {
        foundConsortium();
        anchors = new EvidenceAnchor(members);
    }

    function makeLeaves(uint256 seed) internal pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](MOST);
        for (uint256 i = 0; i < MOST; i++) {
            leaves[i] = MerkleLog.leaf(keccak256(abi.encode(seed, i)));
        }
    }

    /// @dev The call that anchors the first `size` leaves after `last`.
    function honest(bytes32[] memory leaves, IEvidenceAnchor.Head memory last, uint64 size, bytes32 map)
        internal
        pure
        returns (Call memory call)
    {
        call.seq = last.seq + 1;
        call.prev = last.root;
        call.root = MerkleLog.root(leaves, 0, size);
        call.size = size;
        call.map = size == last.size ? last.mapRoot : map;
        if (last.size > 0 && last.size < size) call.proof = MerkleLog.proof(leaves, last.size, size);
    }

    function send(address sender, Call memory call) internal {
        vm.prank(sender);
        anchors.anchor(call.seq, call.prev, call.root, call.size, call.map, call.proof);
    }
}

contract EvidenceAnchorTest is AnchorWorld {
    bytes32 private constant _EMPTY = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;
    bytes32 private constant _MAP = keccak256("a map");

    bytes32[] private _leaves;

    function setUp() public {
        foundAnchors();
        _leaves = makeLeaves(1);
    }

    function next(uint64 size) private view returns (Call memory) {
        return honest(_leaves, anchors.head(east), size, _MAP);
    }

    function test_head_before_the_first_anchor() public view {
        IEvidenceAnchor.Head memory head = anchors.head(east);
        eq(head.root, _EMPTY, "root of the empty log");
        eq(head.root, sha256(""), "by its definition");
        eq(uint256(head.size) + head.seq + head.time, 0, "nothing else");
        eq(head.mapRoot, bytes32(0), "the empty map");
    }

    function test_first_anchor_writes_the_head_and_says_so() public {
        Call memory call = next(5);
        vm.warp(1_900_000_000);
        vm.expectEmit(true, true, true, true, address(anchors));
        emit IEvidenceAnchor.Anchored(east, 1, call.root, 5, _EMPTY, _MAP);
        send(east, call);
        IEvidenceAnchor.Head memory head = anchors.head(east);
        eq(head.root, call.root, "root");
        eq(head.size, 5, "size");
        eq(head.seq, 1, "seq");
        eq(head.time, 1_900_000_000, "time");
        eq(head.mapRoot, _MAP, "map");
        eq(anchors.head(west).seq, 0, "others are untouched");
    }

    function test_a_resend_reverts() public {
        Call memory call = next(5);
        send(east, call);
        vm.expectRevert(abi.encodeWithSelector(IEvidenceAnchor.EvidenceAnchorBadSeq.selector, east, 2, 1));
        send(east, call);
    }

    function test_a_gap_in_seq() public {
        Call memory call = next(5);
        call.seq = 2;
        vm.expectRevert(abi.encodeWithSelector(IEvidenceAnchor.EvidenceAnchorBadSeq.selector, east, 1, 2));
        send(east, call);
    }

    function test_wrong_prev_with_all_else_right() public {
        send(east, next(5));
        Call memory call = next(9);
        bytes32 right = call.prev;
        call.prev = keccak256("another root");
        vm.expectRevert(
            abi.encodeWithSelector(IEvidenceAnchor.EvidenceAnchorBadPrev.selector, east, right, call.prev)
        );
        send(east, call);
    }

    function test_a_shorter_log() public {
        send(east, next(9));
        Call memory call = next(9);
        call.size = 8;
        call.root = MerkleLog.root(_leaves, 0, 8);
        vm.expectRevert(abi.encodeWithSelector(IEvidenceAnchor.EvidenceAnchorShrunk.selector, east, 9, 8));
        send(east, call);
    }

    function test_the_same_size_with_another_root() public {
        send(east, next(9));
        Call memory call = next(9);
        call.root = MerkleLog.root(makeLeaves(2), 0, 9);
        vm.expectRevert(abi.encodeWithSelector(IEvidenceAnchor.EvidenceAnchorBadProof.selector, east, 9, 9));
        send(east, call);
    }

    function test_a_fork_has_no_proof() public {
        send(east, next(9));
        bytes32[] memory fork = makeLeaves(1);
        fork[3] = keccak256("a record that was edited");
        Call memory call = honest(fork, anchors.head(east), 20, _MAP);
        vm.expectRevert(abi.encodeWithSelector(IEvidenceAnchor.EvidenceAnchorBadProof.selector, east, 9, 20));
        send(east, call);
    }

    function test_a_proof_where_none_belongs() public {
        Call memory call = next(5);
        call.proof = new bytes32[](1);
        vm.expectRevert(abi.encodeWithSelector(IEvidenceAnchor.EvidenceAnchorBadProof.selector, east, 0, 5));
        send(east, call);
        send(east, next(5));
        call = next(5);
        call.proof = new bytes32[](1);
        vm.expectRevert(abi.encodeWithSelector(IEvidenceAnchor.EvidenceAnchorBadProof.selector, east, 5, 5));
        send(east, call);
    }

    function test_heartbeats_even_of_an_empty_log() public {
        send(east, next(0));
        eq(anchors.head(east).root, _EMPTY, "still empty");
        send(east, next(4));
        send(east, next(4));
        IEvidenceAnchor.Head memory head = anchors.head(east);
        eq(head.seq, 3, "three anchors");
        eq(head.size, 4, "four entries");
    }

    function test_a_heartbeat_with_another_map() public {
        send(east, next(4));
        Call memory call = next(4);
        call.map = keccak256("another map");
        vm.expectRevert(
            abi.encodeWithSelector(IEvidenceAnchor.EvidenceAnchorMapChanged.selector, east, _MAP, call.map)
        );
        send(east, call);
    }

    function test_an_empty_log_with_a_map() public {
        Call memory call = next(0);
        call.map = _MAP;
        vm.expectRevert(
            abi.encodeWithSelector(IEvidenceAnchor.EvidenceAnchorMapChanged.selector, east, bytes32(0), _MAP)
        );
        send(east, call);
    }

    function test_only_active_brokers_anchor() public {
        Call memory call = next(5);
        vm.expectRevert(abi.encodeWithSelector(IEvidenceAnchor.EvidenceAnchorNotBroker.selector, outsider));
        send(outsider, call);
        vm.expectRevert(abi.encodeWithSelector(IEvidenceAnchor.EvidenceAnchorNotBroker.selector, regulator));
        send(regulator, call);
        suspend(north);
        vm.expectRevert(abi.encodeWithSelector(IEvidenceAnchor.EvidenceAnchorNotBroker.selector, north));
        send(north, call);
    }

    function test_every_pair_of_sizes_up_to_sixteen() public view {
        bytes32[] memory leaves = _leaves;
        for (uint256 n = 1; n <= 16; n++) {
            for (uint256 m = 1; m <= n; m++) {
                check(
                    this.verify(
                        uint64(m),
                        uint64(n),
                        MerkleLog.root(leaves, 0, m),
                        MerkleLog.root(leaves, 0, n),
                        MerkleLog.proof(leaves, m, n)
                    ),
                    "a true proof"
                );
            }
        }
    }

    /// @dev True roots and a true proof, under sizes that need fewer or more nodes.
    function test_sizes_that_the_proof_does_not_fit() public view {
        bytes32[] memory leaves = _leaves;
        bytes32 seven = MerkleLog.root(leaves, 0, 7);
        bytes32 eight = MerkleLog.root(leaves, 0, 8);
        bytes32 four = MerkleLog.root(leaves, 0, 4);
        check(this.verify(7, 8, seven, eight, MerkleLog.proof(leaves, 7, 8)), "7 to 8");
        check(!this.verify(3, 4, seven, eight, MerkleLog.proof(leaves, 7, 8)), "7 to 8 as 3 to 4");
        check(this.verify(4, 8, four, eight, MerkleLog.proof(leaves, 4, 8)), "4 to 8");
        check(!this.verify(4, 16, four, eight, MerkleLog.proof(leaves, 4, 8)), "4 to 8 as 4 to 16");
    }

    function testFuzz_a_true_proof_is_taken(uint64 a, uint64 b, uint256 seed) public {
        _leaves = makeLeaves(seed);
        uint64 m = uint64(bound(a, 0, MOST));
        uint64 n = uint64(bound(b, m, MOST));
        send(east, next(m));
        Call memory call = next(n);
        send(east, call);
        eq(anchors.head(east).root, call.root, "anchored");
    }

    /// @dev One bit of one node, of the old or of the new root: no such proof may pass.
    function testFuzz_one_changed_bit_is_refused(uint64 a, uint64 b, uint256 where, uint8 bit) public view {
        uint64 m = uint64(bound(a, 1, MOST - 1));
        uint64 n = uint64(bound(b, m + 1, MOST));
        bytes32[] memory leaves = _leaves;
        bytes32 oldRoot = MerkleLog.root(leaves, 0, m);
        bytes32 newRoot = MerkleLog.root(leaves, 0, n);
        bytes32[] memory proof = MerkleLog.proof(leaves, m, n);
        bytes32 flip = bytes32(uint256(1) << bit);
        uint256 place = where % (proof.length + 2);
        if (place == proof.length) oldRoot ^= flip;
        else if (place == proof.length + 1) newRoot ^= flip;
        else proof[place] ^= flip;
        check(!this.verify(m, n, oldRoot, newRoot, proof), "a changed bit");
    }

    function testFuzz_a_proof_of_another_length_is_refused(uint64 a, uint64 b, bool longer) public view {
        uint64 m = uint64(bound(a, 1, MOST - 1));
        uint64 n = uint64(bound(b, m + 1, MOST));
        bytes32[] memory leaves = _leaves;
        bytes32[] memory proof = MerkleLog.proof(leaves, m, n);
        bytes32[] memory other = new bytes32[](longer ? proof.length + 1 : proof.length - 1);
        for (uint256 i = 0; i < other.length && i < proof.length; i++) {
            other[i] = proof[i];
        }
        check(
            !this.verify(m, n, MerkleLog.root(leaves, 0, m), MerkleLog.root(leaves, 0, n), other), "another length"
        );
    }

    /// @dev True roots and a true proof, but under sizes that are not theirs. Sizes close to the true ones may share
    /// the shape of the proof, and then nothing but the roots tells them apart; so only the roots of other sizes count.
    function testFuzz_roots_of_other_sizes_are_refused(uint64 a, uint64 b, uint64 c) public view {
        uint64 m = uint64(bound(a, 1, MOST - 1));
        uint64 n = uint64(bound(b, m + 1, MOST));
        uint64 other = uint64(bound(c, 1, MOST));
        vm.assume(other != n);
        bytes32[] memory leaves = _leaves;
        bytes32[] memory proof = MerkleLog.proof(leaves, m, n);
        check(
            !this.verify(m, n, MerkleLog.root(leaves, 0, m), MerkleLog.root(leaves, 0, other), proof), "other size"
        );
    }

    function testFuzz_no_made_up_proof_links_two_logs(uint64 a, uint64 b, bytes32[] calldata proof) public view {
        uint64 m = uint64(bound(a, 1, MOST - 1));
        uint64 n = uint64(bound(b, m, MOST));
        bytes32 oldRoot = MerkleLog.root(_leaves, 0, m);
        bytes32 newRoot = MerkleLog.root(makeLeaves(2), 0, n);
        check(!this.verify(m, n, oldRoot, newRoot, proof), "made up");
    }

    function testFuzz_a_log_never_shrinks(uint64 a, uint64 b, bytes32[] calldata proof) public view {
        uint64 m = uint64(bound(a, 1, type(uint64).max));
        uint64 n = uint64(bound(b, 0, m - 1));
        check(!this.verify(m, n, keccak256("old"), keccak256("new"), proof), "shorter");
    }

    function verify(uint64 m, uint64 n, bytes32 oldRoot, bytes32 newRoot, bytes32[] calldata proof)
        external
        view
        returns (bool)
    {
        return ConsistencyProof.verify(m, n, oldRoot, newRoot, proof);
    }
}

/// @dev Brokers that anchor honestly, and near misses: an honest call with one thing wrong.
contract AnchorHandler is AnchorWorld {
    enum Wrong {
        Prev,
        SeqAgain,
        SeqGap,
        Shorter,
        SameSizeOtherRoot,
        ProofBit,
        ProofCut,
        ProofMissing,
        Fork,
        Sender,
        HeartbeatMap
    }

    uint256 public accepted;
    uint256 public refused;
    uint256 public missesTried;
    uint256 public missesTaken;
    Wrong public lastMissTaken;
    address[3] private _brokers;
    bytes32[] private _leaves;
    mapping(address broker => IEvidenceAnchor.Head) private _heads;
    mapping(address broker => bytes32[]) private _history;
    mapping(address broker => uint64[]) private _sizes;

    constructor() {
        foundAnchors();
        _brokers = [east, west, north];
        bytes32[] memory leaves = makeLeaves(1);
        for (uint256 i = 0; i < MOST; i++) {
            _leaves.push(leaves[i]);
        }
        for (uint256 i = 0; i < 3; i++) {
            _heads[_brokers[i]].root = sha256("");
        }
    }

    function contractUnderTest() external view returns (EvidenceAnchor) {
        return anchors;
    }

    function broker(uint256 i) external view returns (address) {
        return _brokers[i];
    }

    function believedHead(address who) external view returns (IEvidenceAnchor.Head memory) {
        return _heads[who];
    }

    function grow(uint256 who, uint256 by, bytes32 map) external {
        _anchor(_brokers[who % 3], by % 12, map);
    }

    function heartbeat(uint256 who) external {
        _anchor(_brokers[who % 3], 0, 0);
    }

    /// @dev Honest but for one thing; so a check that is missing lets it through.
    function nearMiss(uint256 who, uint256 by, uint256 kind, uint256 salt) external {
        address sender = _brokers[who % 3];
        IEvidenceAnchor.Head memory last = _heads[sender];
        uint64 size = last.size + 1 + uint64(by % 12);
        if (size > MOST) return;
        Wrong wrong = Wrong(kind % (uint256(type(Wrong).max) + 1));
        if (wrong == Wrong.SameSizeOtherRoot || wrong == Wrong.HeartbeatMap) size = last.size;
        Call memory call = honest(_leaves, last, size, keccak256(abi.encode(salt)));
        if (!_spoil(call, last, wrong, salt)) return;
        missesTried++;
        if (_try(wrong == Wrong.Sender ? (salt % 2 == 0 ? regulator : outsider) : sender, call)) {
            missesTaken++;
            lastMissTaken = wrong;
        }
    }

    /// @dev Make one thing wrong; false when the call has no such thing.
    function _spoil(Call memory call, IEvidenceAnchor.Head memory last, Wrong wrong, uint256 salt)
        private
        view
        returns (bool)
    {
        uint256 nodes = call.proof.length;
        if (wrong == Wrong.Prev) {
            call.prev ^= bytes32(uint256(1) << (salt % 256));
        } else if (wrong == Wrong.SeqAgain) {
            call.seq -= 1;
        } else if (wrong == Wrong.SeqGap) {
            call.seq += uint64(1 + salt % 3);
        } else if (wrong == Wrong.Shorter) {
            if (last.size == 0) return false;
            call.size = uint64(salt % last.size);
            call.root = MerkleLog.root(_leaves, 0, call.size);
            call.proof = new bytes32[](0);
        } else if (wrong == Wrong.SameSizeOtherRoot) {
            call.root ^= bytes32(uint256(1) << (salt % 256));
        } else if (wrong == Wrong.ProofBit) {
            if (nodes == 0) return false;
            call.proof[salt % nodes] ^= bytes32(uint256(1) << (salt % 256));
        } else if (wrong == Wrong.ProofCut) {
            if (nodes == 0) return false;
            bytes32[] memory cut = new bytes32[](nodes - 1);
            for (uint256 i = 0; i < cut.length; i++) {
                cut[i] = call.proof[i];
            }
            call.proof = cut;
        } else if (wrong == Wrong.ProofMissing) {
            if (nodes == 0) return false;
            call.proof = new bytes32[](0);
        } else if (wrong == Wrong.Fork) {
            if (last.size == 0) return false;
            bytes32[] memory fork = _leaves;
            fork[salt % last.size] ^= bytes32(uint256(1));
            call.root = MerkleLog.root(fork, 0, call.size);
            call.proof = MerkleLog.proof(fork, last.size, call.size);
        } else if (wrong == Wrong.HeartbeatMap) {
            call.map ^= bytes32(uint256(1) << (salt % 256));
        }
        return true;
    }

    function _anchor(address sender, uint256 by, bytes32 map) private {
        IEvidenceAnchor.Head memory last = _heads[sender];
        uint64 size = last.size + uint64(by);
        if (size > MOST) return;
        Call memory call = honest(_leaves, last, size, map);
        if (!_try(sender, call)) {
            refused++;
            return;
        }
        accepted++;
        _heads[sender] = IEvidenceAnchor.Head(call.root, call.size, call.seq, uint64(block.timestamp), call.map);
    }

    function _try(address sender, Call memory call) private returns (bool) {
        vm.prank(sender);
        try anchors.anchor(call.seq, call.prev, call.root, call.size, call.map, call.proof) {
            return true;
        } catch {
            return false;
        }
    }
}

contract EvidenceAnchorInvariantTest is AnchorWorld {
    AnchorHandler private _handler;

    function setUp() public {
        _handler = new AnchorHandler();
        target(address(_handler));
    }

    function invariant_no_near_miss_is_anchored() public view {
        eq(_handler.missesTaken(), 0, "a near miss was anchored");
    }

    function invariant_every_honest_anchor_is_taken() public view {
        eq(_handler.refused(), 0, "an honest anchor was refused");
    }

    function invariant_heads_are_what_the_brokers_anchored() public view {
        for (uint256 i = 0; i < 3; i++) {
            address broker = _handler.broker(i);
            eq(
                keccak256(abi.encode(_handler.contractUnderTest().head(broker))),
                keccak256(abi.encode(_handler.believedHead(broker))),
                "head"
            );
        }
    }
}
