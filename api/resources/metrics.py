"""The node's numbers as Prometheus text. They are read from the store: every process of the node tells the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from node_adapter.store.convictions import STATES

CONTENT_TYPE = CONTENT_TYPE_LATEST
_MS = 1000


def render_metrics(status: Mapping[str, Any]) -> bytes:
    """Return the metrics of a node's status."""
    registry = CollectorRegistry()
    registry.register(_Collector(status))
    return generate_latest(registry)


class _Collector:
    def __init__(self, status: Mapping[str, Any]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        log, chain = self._status["log"], self._status["chain"]
        yield CounterMetricFamily("bonafides_records", "Records accepted.", value=log["size"])
        yield CounterMetricFamily("bonafides_records_anchored", "Records anchored, final.", value=log["anchored"])
        age = (log["oldest_unanchored_ms"] or 0) / _MS
        yield GaugeMetricFamily("bonafides_oldest_unanchored_seconds", "Age of the oldest unanchored record.", age)
        yield GaugeMetricFamily("bonafides_subjects", "Subjects enrolled.", self._status["subjects"])
        indexed = chain["indexed"]
        if indexed is not None:
            yield GaugeMetricFamily("bonafides_indexed_block", "Last indexed, final block.", indexed["number"])
        yield _labelled("bonafides_outbox_rows", "Chain writes by state.", "state", self._status["outbox"])
        gone = CounterMetricFamily("bonafides_let_go", "Rows that are kept no more, by kind.", labels=["kind"])
        for kind, count in self._status["retention"]["rows"].items():
            gone.add_metric([kind], count)
        yield gone
        yield _labelled("bonafides_findings", "Findings by code.", "code", self._status["findings"])
        lags = {entry["member"]: entry["lag"] for entry in self._status["witnesses"]}
        text = "Final anchors of this member since the newest that a witness cosigned."
        yield _labelled("bonafides_witness_lag", text, "member", lags)
        failing = {entry["member"]: int(entry["failure"] is not None) for entry in self._status["witnesses"]}
        yield _labelled("bonafides_witness_failing", "Whether a witness does not cosign now.", "member", failing)
        behind = {entry["member"]: entry["lag"] for entry in self._status["witnessed"]}
        text = "Final anchors of another broker since the newest that this member cosigned."
        yield _labelled("bonafides_witnessed_lag", text, "member", behind)
        convicted = GaugeMetricFamily(
            "bonafides_convictions", "Documents that convict a member, by state.", labels=["member", "state"]
        )
        for entry in self._status["convictions"]:
            for state in STATES:
                convicted.add_metric([entry["member"], state], entry[state])
        yield convicted
        alarms: dict[str, int] = {}
        for alarm in self._status["alarms"]:
            alarms[alarm["kind"]] = alarms.get(alarm["kind"], 0) + 1
        yield _labelled("bonafides_alarms", "Open alarms by kind.", "kind", alarms)


def _labelled(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family
