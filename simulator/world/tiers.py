"""Tiers: the tree of edge servers between the devices and the server, and the paths through it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from simulator.world.network import Link
    from simulator.world.sites import Site


class Access(NamedTuple):
    """The medium that the devices directly behind an edge share.

    Attributes:
        uplink: what they send crosses it; None: it has no limit.
        downlink: what they receive crosses it; None: it has no limit.
    """

    uplink: Link | None = None
    downlink: Link | None = None


class Tiers:
    """The tree of sites, with the server as its root, and edges between it and the devices.

    The uplink and the downlink of a device or an edge are the link to what is above it. What a device sends or receives
    crosses the shared medium of its edge, too. The server's own links are crossed by what begins or ends there.

    Args:
        root: the server.

    Attributes:
        edges: all edges, in the order in which they were added.
    """

    def __init__(self, root: Site) -> None:
        self.root = root
        self.edges: list[Site] = []
        self._above: dict[Site, Site] = {}
        self._access: dict[Site, Access] = {}
        self._paths: dict[tuple[Site, Site], tuple[Link, ...]] = {}

    def add_edge(self, edge: Site, above: Site, access: Access | None = None) -> None:
        """Add an edge.

        Args:
            edge: the edge.
            above: the site that it is behind, the server or an edge; an edge may be added later.
            access: the medium that the devices behind it share; None: it has no limit.
        """
        self.edges.append(edge)
        self._above[edge], self._access[edge] = above, access or Access()

    def add_device(self, device: Site, edge: Site) -> None:
        """Add a device that is behind an edge; one that is not added is connected to the server directly."""
        self._above[device] = edge

    def above(self, site: Site) -> Site:
        """Return the site that a device or an edge is behind: the server or an edge."""
        return self._above.get(site, self.root)

    def path(self, source: Site, target: Site) -> tuple[Link, ...]:
        """Return the links between two sites: from the source up to where their ways meet, and down to the target."""
        path = self._paths.get((source, target))
        if path is None:
            path = self._paths[source, target] = self._found(source, target)
        return path

    def _found(self, source: Site, target: Site) -> tuple[Link, ...]:
        upwards, downwards = self._to_root(source), self._to_root(target)
        while len(upwards) > 1 and len(downwards) > 1 and upwards[-2] is downwards[-2]:
            del upwards[-1], downwards[-1]
        links = [self.root.uplink] if source is self.root else []
        for site in upwards[:-1]:
            links += [site.uplink, *self._shared(site, 0)]
        for site in reversed(downwards[:-1]):
            links += [*self._shared(site, 1), site.downlink]
        return (*links, self.root.downlink) if target is self.root else tuple(links)

    def _to_root(self, site: Site) -> list[Site]:
        """Return a site and all that it is behind, up to the server."""
        sites = [site]
        while sites[-1] is not self.root:
            sites.append(self.above(sites[-1]))
        return sites

    def _shared(self, site: Site, way: int) -> list[Link]:
        """Return the medium that a device shares with others of its edge: of the uplinks (0) or the downlinks (1)."""
        link = None if site in self._access else self._access.get(self.above(site), Access())[way]
        return [] if link is None else [link]
