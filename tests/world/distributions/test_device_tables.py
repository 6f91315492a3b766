"""Tables of devices: what is read from them, and which files are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.scenario.population import PopulationSettings
from simulator.settings import units
from simulator.settings.errors import UnfitError
from simulator.world.distributions.measure import Measure
from simulator.world.distributions.table import DeviceTable

FLEET = "device,gflops,kbps,link\na,10,5000,20 Mbit/s\nb,20,6000,30 Mbit/s\nc,40,7000,1 Gbit/s\n"
LINK = Measure(units.BANDWIDTH)


def table(folder: Path, text: str = FLEET) -> DeviceTable:
    (folder / "fleet.csv").write_text(text)
    return DeviceTable(str(folder / "fleet.csv"))


def test_a_column_has_one_unit_or_each_cell_its_own(tmp_path: Path) -> None:
    fleet = table(tmp_path)
    assert fleet.values("kbps", LINK, "kbit/s").tolist() == [625_000, 750_000, 875_000]
    assert fleet.values("link", LINK, None).tolist() == [2_500_000, 3_750_000, 125_000_000]
    assert fleet.values("gflops", Measure(), None).tolist() == [10, 20, 40]


def test_a_device_takes_all_its_columns_from_one_row(tmp_path: Path) -> None:
    table(tmp_path)
    column = {"name": "column"}
    population = PopulationSettings.model_validate(
        {
            "table": "fleet.csv",
            "rate": {**column, "column": "gflops", "unit": "GFLOP/s"},
            "uplink": {**column, "column": "kbps", "unit": "kbit/s"},
        },
        context={"folder": str(tmp_path)},
    )
    drawn = population.draw("phone", 200, seed=0)
    pairs = set(zip(drawn["rate"].tolist(), drawn["uplink"].tolist(), strict=True))
    assert pairs == {(1e10, 625_000.0), (2e10, 750_000.0), (4e10, 875_000.0)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "its first line must have the headings of the columns"),
        ("kbps\n", "it has no rows, so no device could be drawn"),
        ("kbps,kbps\n1,2\n", 'two columns have the heading "kbps"'),
        ("kbps,gflops\n1,2\n3\n", "line 3 has 1 values, and the header has 2"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UnfitError) as error:
        table(tmp_path, text)
    assert error.value.key == "table"
    assert said in str(error.value)


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "fleet.csv").write_bytes(b"\xff\xfek\x00b\x00")
    with pytest.raises(UnfitError, match="it cannot be read as a table of devices: it is not UTF-8 text"):
        DeviceTable(str(tmp_path / "fleet.csv"))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnfitError, match="it cannot be read as a table of devices: No such file or directory"):
        DeviceTable(str(tmp_path / "none.csv"))


@pytest.mark.parametrize(
    ("cell", "unit", "said"),
    [
        ("", "kbit/s", "fleet.csv, line 3: kbps is empty: every device needs a value"),
        ("fast", "kbit/s", 'fleet.csv, line 3: kbps is "fast": it must be a number'),
        ("0", "kbit/s", 'fleet.csv, line 3: kbps is "0": it is zero, and must be more than 0'),
        ("-5", "kbit/s", 'fleet.csv, line 3: kbps is "-5": it is negative'),
        ("nan", "kbit/s", 'fleet.csv, line 3: kbps is "nan": it cannot be read'),
        ("1e40", "kbit/s", 'fleet.csv, line 3: kbps is "1e40": it is too large'),
        ("5", None, "fleet.csv, line 2: kbps is"),
    ],
)
def test_a_cell_that_makes_no_sense_is_named_by_its_line(
    tmp_path: Path, cell: str, unit: str | None, said: str
) -> None:
    fleet = table(tmp_path, f"kbps,other\n1000,1\n{cell},2\n")
    with pytest.raises(UnfitError) as error:
        fleet.values("kbps", LINK, unit)
    assert said in str(error.value)


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UnfitError, match=r'fleet.csv has no such column; did you mean "kbps"\?'):
        table(tmp_path).values("kbp", LINK, "kbit/s")


def test_a_file_that_has_changed_is_read_again(tmp_path: Path) -> None:
    import os

    assert table(tmp_path, "x\n1\n").values("x", Measure(), None).tolist() == [1]
    (tmp_path / "fleet.csv").write_text("x\n2\n")
    os.utime(tmp_path / "fleet.csv", (1, 1))
    assert DeviceTable(str(tmp_path / "fleet.csv")).values("x", Measure(), None).tolist() == [2]
