"""Routes: which endpoint serves a method and a path. The table is the whole truth; there are no prefixes and no fall-backs. INVARIANT: A8"""

from __future__ import annotations

from tidegate.api.endpoint import Endpoint

_VALUE_CHARS_MAX = 128
_NOTHING: dict[str, str] = {}


class Routes:
    """The endpoints of a table, by path."""

    def __init__(self, endpoints: tuple[Endpoint, ...]) -> None:
        self._exact: dict[str, dict[str, Endpoint]] = {}
        self._patterns: list[Endpoint] = []
        for endpoint in endpoints:
            if "{" in endpoint.path:
                self._patterns.append(endpoint)
            else:
                self._exact.setdefault(endpoint.path, {})[endpoint.method] = endpoint

    def find(self, method: str, path: str) -> tuple[Endpoint | None, dict[str, str]]:
        """Return the endpoint and the values of its path; (None, {}) where there is none. HEAD is served by GET."""
        wanted = "GET" if method == "HEAD" else method
        served = self._exact.get(path)
        if served is not None:
            return served.get(wanted), _NOTHING
        for endpoint in self._patterns:
            if endpoint.method == wanted and (values := _matched(endpoint.segments, path)) is not None:
                return endpoint, values
        return None, _NOTHING

    def methods(self, path: str) -> tuple[str, ...]:
        """Return the methods that a path takes, none where there is no such path."""
        own = set(self._exact.get(path, ())) or {each.method for each in self._patterns if _matched(each.segments, path) is not None}
        if not own:
            return ()
        return tuple(sorted(own | {"OPTIONS"} | ({"HEAD"} if "GET" in own else set())))


def _matched(segments: tuple[str, ...], path: str) -> dict[str, str] | None:
    """Return the values of `{name}` segments, or None where the path is another one."""
    pieces = path.split("/")
    if len(pieces) != len(segments):
        return None
    values: dict[str, str] = {}
    for segment, piece in zip(segments, pieces, strict=True):
        if segment.startswith("{"):
            if not 0 < len(piece) <= _VALUE_CHARS_MAX:
                return None
            values[segment[1:-1]] = piece
        elif segment != piece:
            return None
    return values
