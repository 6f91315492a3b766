"""A scenario's network for real: a namespace for each site, and links that ``tc`` shapes in both directions.

The server, and all devices and edges that are behind no edge, meet in a hub without limits. The two ends of a link
shape what they send: the lower end with the rate of the site's uplink, the upper end with that of its downlink. No
namespace is connected to the machine's own.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from simulator.experiments.trial.build import devices
from simulator.scenario.edges import SERVER
from tests.deployment.cgroups import kill
from tests.deployment.requirements import PREFIX, DeploymentError, run

if TYPE_CHECKING:
    from simulator.scenario.scenario import Scenario
    from simulator.scenario.sites import SiteSettings

HUB = "hub"
BUFFER_S = 0.05
"""The length of a link's buffer, in seconds of its rate."""
BURST_S = 0.002
"""What may pass at once after a pause, in seconds of the link's rate."""
LEAST_BURST = 16_000
"""The same, in bytes: at least some packets."""
NAMED = Path("/run/netns")


class Direction(NamedTuple):
    """One direction of a link: bytes/s, and seconds of latency."""

    bytes_per_s: float
    latency: float


class Hop(NamedTuple):
    """The link between a site and what is above it.

    Attributes:
        site: the server, an edge or a device.
        above: the edge that it is behind, or the hub.
        up, down: what the site sends, and what it receives.
    """

    site: str
    above: str
    up: Direction
    down: Direction


def hops(scenario: Scenario) -> list[Hop]:
    """Return the links of a scenario's world: those of the server, of the edges and of the devices."""
    world, tiers = scenario.world, scenario.world.tiers

    def hop(name: str, above: str, settings: SiteSettings) -> Hop:
        up, down = settings.uplink, settings.downlink
        return Hop(name, above, Direction(up.rate, up.latency), Direction(down.rate, down.latency))

    above = {name: HUB if site == SERVER else site for name, site in {**tiers.above, **tiers.devices}.items()}
    return [
        hop(SERVER, HUB, world.server),
        *(hop(name, above[name], world.edges[index]) for name, index in tiers.entries.items()),
        *(hop(name, above.get(name, HUB), world.devices[group]) for name, group in devices(world)),
    ]


def named(site: str) -> str:
    """Return the name of a site's namespace."""
    return f"{PREFIX}{site}"


def address(number: int, end: int = 2) -> str:
    """Return an address of a link, of the range that is set aside for tests of networks (RFC 2544).

    Args:
        number: the position of the link among all.
        end: 2 for the lower end, which is the site's own address, or 1 for the upper one.
    """
    return f"198.18.{number}.{end}"


def commands(links: Sequence[Hop], delays: bool) -> list[list[str]]:
    """Return the commands that make the namespaces and their links.

    Args:
        links: the links.
        delays: whether there is ``netem``, so that links can have their latency; without, they have none.
    """
    routers = {hop.above for hop in links}
    sites = [hop.site for hop in links]
    made = [["ip", "netns", "add", named(site)] for site in (HUB, *sites)]
    forward = "echo 1 > /proc/sys/net/ipv4/ip_forward"
    made += [["ip", "netns", "exec", named(site), "sh", "-c", forward] for site in sorted(routers)]
    for number, hop in enumerate(links):
        lower, upper, port = named(hop.site), named(hop.above), f"to{number}"
        peer = ["type", "veth", "peer", "name", port, "netns", upper]
        made.append(["ip", "link", "add", "uplink", "netns", lower, *peer])
        for space, interface, end, way in ((lower, "uplink", 2, hop.up), (upper, port, 1, hop.down)):
            made.append(["ip", "-n", space, "address", "add", f"{address(number, end)}/30", "dev", interface])
            made.append(["ip", "-n", space, "link", "set", interface, "up"])
            made += shaping(space, interface, way, delays)
        made.append(["ip", "-n", lower, "route", "add", "default", "via", address(number, 1)])
    for number, hop in enumerate(links):
        below = hop.above
        while below != HUB:  # those above the edge must know that this link is behind it
            edge = sites.index(below)
            above = links[edge].above
            via = ["via", address(edge)]
            made.append(["ip", "-n", named(above), "route", "add", f"{address(number, 0)}/30", *via])
            below = above
    return made


def shaping(space: str, interface: str, way: Direction, delays: bool) -> list[list[str]]:
    """Return the commands that limit what an interface sends, and delay it.

    Args:
        space: the namespace of the interface.
        interface: its name.
        way: its rate and latency.
        delays: whether there is ``netem``.
    """
    queue = ["ip", "netns", "exec", space, "tc", "qdisc", "add", "dev", interface]
    burst = max(LEAST_BURST, round(way.bytes_per_s * BURST_S))
    limit = burst + round(way.bytes_per_s * BUFFER_S)
    rate = ["tbf", "rate", f"{round(8 * way.bytes_per_s)}bit", "burst", f"{burst}b", "limit", f"{limit}b"]
    if not (delays and way.latency):
        return [[*queue, "root", *rate]]
    delay = ["netem", "delay", f"{way.latency * 1e3:g}ms", "limit", "100000"]
    return [[*queue, "root", "handle", "1:", *delay], [*queue, "parent", "1:1", "handle", "2:", *rate]]


def has_delays() -> bool:
    """Return whether this kernel can delay packets (``netem``), which is tried in a namespace made for it."""
    space = named("trial")
    run("ip", "netns", "add", space)
    try:
        run("ip", "netns", "exec", space, "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms")
    except DeploymentError:
        return False
    finally:
        run("ip", "netns", "delete", space)
    return True


def make(links: Sequence[Hop], delays: bool) -> None:
    """Make the namespaces and links."""
    for words in commands(links, delays):
        run(*words)


def leftovers() -> list[str]:
    """Return the namespaces that are there, by name, and were made for a deployment."""
    return sorted(path.name for path in NAMED.glob(f"{PREFIX}*"))


def remove(space: str, patience: float = 5.0) -> None:
    """Kill what runs in a namespace, and remove it with its links.

    Raises:
        DeploymentError: a process cannot be killed, or the namespace cannot be removed.
    """
    until = time.monotonic() + patience
    while pids := run("ip", "netns", "pids", space).split():
        if time.monotonic() > until:
            raise DeploymentError(f"process {pids[0]} in {space} cannot be killed")
        kill(int(pid) for pid in pids)
        time.sleep(0.02)
    run("ip", "netns", "delete", space)
