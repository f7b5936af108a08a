"""A node itself: whether it is well, its log, its chain, and the interface that it has."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from bonafides.client.operation import operation
from bonafides.client.transport import Transport, route

if TYPE_CHECKING:  # a wallet that signs need not build them
    from bonafides.client import types


class Nodes(Transport):
    """What a node tells of itself."""

    @operation("get_healthz")
    def health(self) -> types.Health:
        """Say whether the process answers."""
        return cast("types.Health", self.get("/healthz"))

    @operation("get_readyz")
    def readiness(self) -> types.Readiness:
        """Say whether the node can do its work; CouldNotCheck where it cannot."""
        return cast("types.Readiness", self.get("/readyz"))

    @operation("get_openapi_json")
    def description(self) -> types.OpenApi:
        """Fetch the description of the interface."""
        return cast("types.OpenApi", self.get("/v1/openapi.json"))

    @operation("get_verifier")
    def verifier(self) -> types.VerifierPage:
        """Say what the digest of the verifier's page is."""
        return cast("types.VerifierPage", self.get("/v1/verifier"))

    @operation("get_verifier_page_html")
    def verifier_page(self) -> bytes:
        """Fetch the verifier's page, which is for a browser."""
        return self.get_bytes("/v1/verifier/page.html")

    @operation("get_log_checkpoint")
    def checkpoint(self) -> bytes:
        """Fetch the newest checkpoint of the log, a signed note."""
        return self.get_bytes("/v1/log/checkpoint")

    @operation("get_log_tile_place")
    def log_tile(self, place: str) -> bytes:
        """Fetch a tile of the tree of anchors, or a bundle of its leaves, such as `0/000` or `entries/000.p/7`."""
        return self.get_bytes(f"/v1/log/tile/{place}")

    @operation("get_log_timestamps")
    def timestamps(self, *, after: int | None = None, limit: int | None = None) -> types.Timestamps:
        """Fetch tokens of a time-stamp authority over checkpoints, by the number of their anchor."""
        return cast("types.Timestamps", self.get("/v1/log/timestamps", after=after, limit=limit))

    @operation("get_logs_did")
    def indexed_log(self, did: str, *, seq: int | None = None) -> types.IndexedLog:
        """Fetch a member's log as of an anchor, as the node's index of the chain has it."""
        return cast("types.IndexedLog", self.get(route("logs", did), seq=seq))

    @operation("get_logs_did_leaves")
    def indexed_leaves(self, did: str, *, start: int | None = None, count: int | None = None) -> types.IndexedLeaves:
        """Fetch the leaves of a member's log after a number, as the node's index of the chain has them."""
        path = route("logs", did, "leaves")
        return cast("types.IndexedLeaves", self.get(path, start=start, count=count))

    @operation("get_logs_did_growth")
    def growth(self, did: str, *, start: int | None = None) -> bytes:
        """Fetch what a member's node shows this one of the growth of its map after an anchor."""
        return self.get_bytes(route("logs", did, "growth"), start=start)

    @operation("post_witness_add_checkpoint")
    def add_checkpoint(self, request: types.AddCheckpoint) -> str:
        """Have a checkpoint checked and cosigned: the signature lines; Refused and others where it is not."""
        return self.post_text("/v1/witness/add-checkpoint", request)

    @operation("post_convictions")
    def convict(self, document: types.ConvictionDocument) -> types.Conviction:
        """Have a document that convicts another member verified, kept, and recorded on the chain."""
        return cast("types.Conviction", self.post("/v1/convictions", document))

    @operation("get_convictions")
    def convictions(self, *, member: str | None = None) -> types.Convictions:
        """List the newest documents that convict members, or one member (its account)."""
        return cast("types.Convictions", self.get("/v1/convictions", member=member))

    @operation("get_convictions_digest")
    def conviction(self, digest: str) -> types.Conviction:
        """Say how far a document is."""
        return cast("types.Conviction", self.get(route("convictions", digest)))

    @operation("get_convictions_digest_document")
    def conviction_document(self, digest: str) -> types.ConvictionDocument:
        """Fetch a document that the node has verified."""
        return cast("types.ConvictionDocument", self.get(route("convictions", digest, "document")))

    @operation("post_promises_check")
    def check_promises(self, promises: Iterable[types.PromiseCheck]) -> types.Answers[types.PromiseVerdict]:
        """Ask whether promises, of any broker, were kept."""
        return cast("types.Answers[types.PromiseVerdict]", self.post_lines("/v1/promises/check", promises, repeat=True))

    @operation("get_chain_trust")
    def trust_file(self, block: int | None = None) -> bytes:
        """Fetch the member's word for a block, by default the newest: the bytes, since what is verified is bytes."""
        return self.get_bytes("/v1/chain/trust", block=block)

    @operation("get_chain_trust_format_1")
    def former_trust_file(self) -> bytes:
        """Fetch what bundles of format 1 are verified under, of a node that was migrated."""
        return self.get_bytes("/v1/chain/trust/format-1")

    @operation("get_status")
    def status(self) -> types.Status:
        """Say how the node fares."""
        return cast("types.Status", self.get("/v1/status"))

    @operation("get_metrics")
    def metrics(self) -> bytes:
        """Fetch the figures for Prometheus."""
        return self.get_bytes("/metrics")
