"""The commands that make a scenario's network, which need no root to be written down."""

from pathlib import Path

import pytest

from simulator.scenario.scenario import Scenario
from tests.deployment import predict
from tests.deployment.namespaces import Direction, commands, hops, shaping

MBIT = 1e6 / 8


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Scenario:
    catalogue: Path = tmp_path_factory.mktemp("catalogue") / "catalogue.yaml"
    catalogue.write_text(predict.stand_in(predict.named_hardware(predict.SCENARIO)))
    return predict.loaded(catalogue)


def test_each_site_is_behind_its_edge_or_the_hub(scenario: Scenario) -> None:
    assert {hop.site: hop.above for hop in hops(scenario)} == {
        "server": "hub",
        "edge-0": "hub",
        "core-25-0": "edge-0",
        "core-25-1": "hub",
        "core-10-0": "edge-0",
        "core-10-1": "hub",
    }


def test_links_have_the_rates_of_the_scenario(scenario: Scenario) -> None:
    slow = next(hop for hop in hops(scenario) if hop.site == "core-10-1")
    assert (slow.up, slow.down) == (Direction(10 * MBIT, 0.01), Direction(20 * MBIT, 0.01))


def test_each_end_of_a_link_is_shaped_by_the_direction_that_it_sends_in(scenario: Scenario) -> None:
    said = [" ".join(words) for words in commands(hops(scenario), delays=False)]
    assert sum("tbf rate 10000000bit" in line for line in said) == 2
    assert [line for line in said if "exec sfsim-fidelity-core-10-1 tc" in line and "dev uplink" in line] == [
        "ip netns exec sfsim-fidelity-core-10-1 tc qdisc add dev uplink root tbf rate 10000000bit burst 16000b "
        "limit 78500b"
    ]
    assert not any("netem" in line for line in said)


def test_the_hub_knows_the_way_to_who_is_behind_an_edge(scenario: Scenario) -> None:
    links = hops(scenario)
    made = commands(links, delays=False)
    number = {hop.site: place for place, hop in enumerate(links)}
    routes = {words[5]: words[7] for words in made if words[2:5] == ["sfsim-fidelity-hub", "route", "add"]}
    edge = f"198.18.{number['edge-0']}.2"
    assert routes == {f"198.18.{number[site]}.0/30": edge for site in ("core-25-0", "core-10-0")}


def test_a_delay_comes_before_the_limit_where_the_kernel_has_delays() -> None:
    delay, limit = shaping("space", "uplink", Direction(1e6, 0.005), delays=True)
    assert delay[-8:] == ["root", "handle", "1:", "netem", "delay", "5ms", "limit", "100000"]
    assert limit[9:15] == ["parent", "1:1", "handle", "2:", "tbf", "rate"]


def test_everything_that_is_made_is_named_by_the_prefix(scenario: Scenario) -> None:
    spaces = [words[3] for words in commands(hops(scenario), delays=False) if words[:3] == ["ip", "netns", "add"]]
    assert len(spaces) == 7
    assert all(space.startswith("sfsim-fidelity-") for space in spaces)
