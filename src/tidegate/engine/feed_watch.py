"""The feed watch: which mandatory feeds are stale, since when, and when to look again.

In: the market state and the engine's time. Out: outages and recoveries for the kill switch, and a due time so that a quiet replay need not ask.
Mandatory are positioning and both fundings per asset, the health factor where Aave is configured, and fees where a strategy needs them.
Source: SPEC §2, L4_FEED_OUTAGE.
"""

from __future__ import annotations

import msgspec

from tidegate.model.event import FeedChanged
from tidegate.model.limits import Limits, StrategyKind
from tidegate.model.observation import Channel
from tidegate.snapshot.state import FOR_EVER_NS, MarketState
from tidegate.units import Nanoseconds


class Feed(msgspec.Struct, frozen=True):
    """One mandatory feed. `asset` is empty for account-wide ones, `venue` names one of several sources of a channel."""

    channel: Channel
    asset: str
    venue: str

    def __str__(self) -> str:
        return " ".join(part for part in (self.channel, self.asset, self.venue) if part)


class FeedReport(msgspec.Struct, frozen=True):
    """What the kill switch needs: `(feed, asset, stale_for_ns)` of stale feeds, and how long all feeds of an asset have been fresh.

    Asset "" stands for the account-wide feeds: a halt is lifted by the recovery of its own feeds only. INVARIANT: F3
    """

    stale: tuple[tuple[str, str, Nanoseconds], ...]
    fresh_for_ns: dict[str, Nanoseconds]
    changes: tuple[FeedChanged, ...]


class FeedWatch:
    """Follows every mandatory feed of the assets that are traded."""

    def __init__(self, limits: Limits, market: MarketState, started_ns: Nanoseconds) -> None:
        self._limits = limits
        self._market = market
        self._started_ns = started_ns
        self._feeds = mandatory_feeds(limits)
        self._fresh_since_ns: dict[Feed, Nanoseconds] = {}
        self._until_ns: dict[Feed, Nanoseconds] = {}
        self._said_stale: set[Feed] = set()
        self.due_ns = 0

    def look(self, now_ns: Nanoseconds, heard: bool) -> FeedReport:
        """Judge every mandatory feed at `now_ns`, asking the market again only after something was `heard` or a feed's time is up.

        Sets `due_ns`, the next instant at which the answer can change without new data.
        """
        stale: list[tuple[str, str, Nanoseconds]] = []
        changes: list[FeedChanged] = []
        since: dict[str, Nanoseconds] = {}
        due_ns = FOR_EVER_NS
        for feed in self._feeds:
            until_ns = self._until_ns.get(feed, -1)
            if now_ns > until_ns:
                self._fresh_since_ns.pop(feed, None)
            if heard or (now_ns > until_ns and feed not in self._said_stale):
                until_ns = self._until_ns[feed] = self._lasts_until_ns(feed, now_ns)
            fresh = now_ns <= until_ns
            if fresh:
                fresh_since_ns = self._fresh_since_ns.setdefault(feed, now_ns)
                lift_ns = fresh_since_ns + self._limits.self_lift_ns
                due_ns = min(due_ns, until_ns + 1, lift_ns if now_ns < lift_ns else FOR_EVER_NS)
            else:
                self._fresh_since_ns.pop(feed, None)
                fresh_since_ns = now_ns
                stale.append((str(feed), feed.asset, now_ns - until_ns))
                outage_ns = until_ns + self._limits.feed_outage_ns + 1
                due_ns = min(due_ns, outage_ns if now_ns < outage_ns else FOR_EVER_NS)
            since[feed.asset] = max(since.get(feed.asset, 0), fresh_since_ns)
            self._note_change(feed, fresh, now_ns, changes)
        self.due_ns = due_ns
        return FeedReport(tuple(stale), {asset: now_ns - fresh_since for asset, fresh_since in since.items()}, tuple(changes))

    def _lasts_until_ns(self, feed: Feed, now_ns: Nanoseconds) -> Nanoseconds:
        """Return until when the feed is fresh; a feed never heard has been missed since the start."""
        until_ns = self._market.lasts_until_ns(feed.channel, feed.asset, now_ns, feed.venue)
        return self._started_ns if until_ns is None else until_ns

    def _note_change(self, feed: Feed, fresh: bool, now_ns: Nanoseconds, changes: list[FeedChanged]) -> None:
        if fresh and feed in self._said_stale:
            self._said_stale.discard(feed)
            changes.append(FeedChanged(now_ns, str(feed.channel), feed.asset, True, f"{feed} is fresh again"))
        elif not fresh and feed not in self._said_stale:
            self._said_stale.add(feed)
            changes.append(FeedChanged(now_ns, str(feed.channel), feed.asset, False, f"{feed} is stale or missing"))


def mandatory_feeds(limits: Limits) -> tuple[Feed, ...]:
    """Return the feeds whose outage halts, in a fixed order."""
    feeds: list[Feed] = []
    fee_assets = {asset for rules in limits.strategies.values() if rules.needs_fees for asset in rules.assets}
    traded = [a for a in limits.assets if any(a in r.assets and r.kind is not StrategyKind.ARBITRAGE for r in limits.strategies.values())]
    for asset in traded:
        feeds.append(Feed(Channel.POSITIONING, asset, ""))
        feeds.extend(Feed(Channel.FUNDING, asset, venue) for venue in limits.funding_venues)
        if asset in fee_assets:
            feeds.append(Feed(Channel.PRIORITY_FEE, asset, ""))
    if limits.aave_configured:
        feeds.append(Feed(Channel.HEALTH_FACTOR, "", ""))
    return tuple(feeds)
