"""Metrics: counters of this process in Prometheus' text form, on a registry of their own.

In: answered requests, and the engine's read model at the moment of scraping. Out: text. Nothing here is ever read back. INVARIANT: C3
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tidegate.api.wire.vital_signs import health_of
from tidegate.engine.desk import Desk
from tidegate.units import ONE, SECOND_NS

if TYPE_CHECKING:
    from tidegate.api.stream.hub import Hub

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_NO_ROUTE = "none"


class Metrics:
    """The meters of one server."""

    def __init__(self, desk: Desk, hub: Hub, names: tuple[str, ...]) -> None:
        registry = CollectorRegistry()
        latency = Histogram("tidegate_request_seconds", "Time from request to answer.", ("route",), registry=registry, buckets=_BUCKETS_S)
        self._latency = {name: latency.labels(name) for name in (*names, _NO_ROUTE)}
        self._counts: dict[tuple[str, int], int] = {}
        self._registry = registry
        registry.register(_Scrape(desk, hub, self._counts))

    def observe(self, route: str, status: int, began_s: float) -> None:
        """Count one answered request by the name of its route, empty where there is none."""
        name = route or _NO_ROUTE
        self._latency[name].observe(time.perf_counter() - began_s)
        self._counts[name, status] = self._counts.get((name, status), 0) + 1

    def text(self) -> bytes:
        """Return everything, as it is now."""
        return generate_latest(self._registry)


class _Scrape(Collector):
    """Reads the engine when somebody scrapes; nothing is counted twice."""

    def __init__(self, desk: Desk, hub: Hub, counts: dict[tuple[str, int], int]) -> None:
        self._desk, self._hub, self._counts = desk, hub, counts

    def describe(self) -> list[Metric]:
        """Return nothing: the names are checked when scraped, the engine need not be ready before."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every family of this moment."""
        requests = CounterMetricFamily("tidegate_requests", "Answered requests.", labels=("route", "status"))
        for (name, status), count in sorted(self._counts.items()):
            requests.add_metric((name, str(status)), count)
        yield requests
        yield self._decisions()
        yield from self._account()
        yield from self._feeds()
        yield from self._strategies()

    def _decisions(self) -> Metric:
        run = self._desk.engine.chronicle.totals.run
        family = CounterMetricFamily("tidegate_decisions", "Decisions of this journal.", labels=("verdict", "reason"))
        family.add_metric(("approved", ""), run.approvals)
        for reason, count in sorted(run.rejections.items()):
            family.add_metric(("rejected", reason), count)
        return family

    def _account(self) -> Iterator[Metric]:
        desk, view = self._desk, self._desk.view()
        session = desk.engine.session
        yield _gauge("tidegate_open_trades", "Open and reserved trades.", session.open_count)
        yield _gauge("tidegate_realised_usd", "Booked since 00:00 UTC, net.", view.realised_day_usd / ONE)
        yield _gauge("tidegate_unrealised_usd", "Open trades at mark.", view.unrealised_usd / ONE)
        yield _gauge("tidegate_loss_streak", "Losing trades in a row.", session.loss_streak)
        yield _gauge("tidegate_journal_seq", "Last durable record.", desk.durable_seq)
        yield _gauge("tidegate_journal_fault", "1 when the journal cannot be written.", 1 if desk.engine.chronicle.fault else 0)
        yield _gauge("tidegate_stream_clients", "Connected dashboards and agents.", self._hub.client_count)
        yield _gauge("tidegate_uptime_seconds", "Since this process serves.", time.monotonic() - desk.started_monotonic_s)
        if view.health_factor is not None:
            yield _gauge("tidegate_aave_health_factor", "Last read, however old.", view.health_factor / ONE)
        state = GaugeMetricFamily("tidegate_health", "1 for the state it is in.", labels=("state",))
        state.add_metric((str(health_of(desk.engine, view)),), 1)
        yield state
        halts = GaugeMetricFamily("tidegate_halt", "1 for every latched halt.", labels=("cause", "assets"))
        for halt in view.halts:
            halts.add_metric((str(halt.cause), ",".join(halt.assets)), 1)
        yield halts
        limits = GaugeMetricFamily("tidegate_limit_used_ratio", "Used share of each account limit.", labels=("limit",))
        for line in view.limits:
            limits.add_metric((line.name,), line.share / ONE)
        yield limits

    def _feeds(self) -> Iterator[Metric]:
        ages = GaugeMetricFamily("tidegate_feed_age_seconds", "Arrival age; absent: never heard.", labels=("asset", "feed"))
        fresh = GaugeMetricFamily("tidegate_feed_fresh", "1 when the gate would use it.", labels=("asset", "feed"))
        view = self._desk.view()
        lines = [(line.asset, feed) for line in view.assets for feed in line.feeds]
        lines += [("account", view.health_feed)] if view.health_feed is not None else []
        for asset, feed in lines:
            if feed.age_ns is not None:
                ages.add_metric((asset, feed.name), feed.age_ns / SECOND_NS)
            fresh.add_metric((asset, feed.name), 1 if feed.fresh else 0)
        yield from (ages, fresh)

    def _strategies(self) -> Iterator[Metric]:
        closed = CounterMetricFamily("tidegate_closed_trades", "Closed trades of this journal.", labels=("strategy",))
        net = GaugeMetricFamily("tidegate_closed_net_usd", "Their net result.", labels=("strategy",))
        for key, tally in self._desk.engine.chronicle.totals.by_strategy.items():
            closed.add_metric((key,), tally.closed)
            net.add_metric((key,), tally.closed_net_usd / ONE)
        yield from (closed, net)


def _gauge(name: str, about: str, value: float) -> Metric:
    family = GaugeMetricFamily(name, about)
    family.add_metric((), value)
    return family
