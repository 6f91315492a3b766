"""Quantities: what they mean in SI, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.settings.bounds import LIMITS
from simulator.settings.units import (
    BANDWIDTH,
    BYTE_PRICE,
    CARBON_INTENSITY,
    DURATION,
    ENERGY,
    ENERGY_PRICE,
    HOUR_PRICE,
    MEMORY,
    MEMORY_BANDWIDTH,
    POWER,
    RATE,
    Quantity,
)

PRICES = [HOUR_PRICE, BYTE_PRICE, ENERGY_PRICE]
EVERY = [BANDWIDTH, DURATION, ENERGY, MEMORY, MEMORY_BANDWIDTH, POWER, RATE, *PRICES, CARBON_INTENSITY]


@pytest.mark.parametrize(
    ("quantity", "text", "si"),
    [
        (BANDWIDTH, "20 Mbit/s", 2_500_000.0),
        (BANDWIDTH, "20 MB/s", 20_000_000.0),
        (BANDWIDTH, "8 bit/s", 1.0),
        (MEMORY_BANDWIDTH, "4 GB/s", 4e9),
        (MEMORY_BANDWIDTH, "1 GiB/s", 1_073_741_824.0),
        (RATE, "1.5 TFLOP/s", 1.5e12),
        (RATE, "13.5GFLOP/s", 13.5e9),
        (RATE, "2e3 FLOP/s", 2000.0),
        (POWER, "350 mW", 0.35),
        (POWER, "0 W", 0.0),
        (POWER, "-0 W", 0.0),
        (ENERGY, "50 J", 50.0),
        (ENERGY, "0.5 Wh", 1800.0),
        (DURATION, "25 ms", 0.025),
        (DURATION, "2.3 ms", 0.0023),  # 2.3 * 0.001 in floats is another number
        (DURATION, "3 µs", 3e-6),
        (DURATION, "1.5 h", 5400.0),
        (MEMORY, "4 GiB", 4_294_967_296.0),
        (MEMORY, "4 GB", 4e9),
        (HOUR_PRICE, "7.2 USD/h", 0.002),
        (BYTE_PRICE, "0.09 USD/GB", 0.09e-9),
        (BYTE_PRICE, "1 USD/GiB", 2.0**-30),
        (ENERGY_PRICE, "0.36 USD/kWh", 1e-7),
        (ENERGY_PRICE, "360 USD/MWh", 1e-7),
        (CARBON_INTENSITY, "360 g/kWh", 1e-7),
        (CARBON_INTENSITY, "0.36 kg/kWh", 1e-7),
    ],
)
def test_text_becomes_si(quantity: Quantity, text: str, si: float) -> None:
    assert quantity.parse(text) == si


@pytest.mark.parametrize("bare", [20, 2.5, "20", "20 "])
def test_bare_number_shows_how_to_write_it(bare: object) -> None:
    with pytest.raises(
        ValueError, match=r"it has no unit\. Write a bandwidth as a number with a unit, such as 20 Mbit/s"
    ):
        BANDWIDTH.parse(bare)


@pytest.mark.parametrize(
    ("quantity", "text", "said"),
    [
        (BANDWIDTH, "20 Mbit", '"Mbit" is not a unit of bandwidth; did you mean "Mbit/s"?'),
        (BANDWIDTH, "20 MB", '"MB" is not a unit of bandwidth; did you mean "MB/s"?'),
        (BANDWIDTH, "20 Mbps", "use Mbit/s for bits or MB/s for bytes"),
        (BANDWIDTH, "20 kbps", "use kbit/s for bits or kB/s for bytes"),
        (BANDWIDTH, "1 Gbps/s", '"Gbps/s" is not a unit of bandwidth: use Gbit/s. Write'),
        (BANDWIDTH, "1 GBps/s", '"GBps/s" is not a unit of bandwidth: use GB/s. Write'),
        (BANDWIDTH, "20 mbit/s", "use Mbit/s for bits or MB/s for bytes"),
        (BANDWIDTH, "20 GFLOP/s", '"GFLOP/s" is not a unit of bandwidth'),
        (RATE, "3 GFLOPS", "use GFLOP/s"),
        (DURATION, "25 Ms", 'did you mean "ms"?'),
        (POWER, "3 watts", '"watts" is not a unit of power'),
        (MEMORY, "4 gb", 'did you mean "GB"?'),
        (BANDWIDTH, "fast", "it cannot be read"),
        (BANDWIDTH, "1,000 bit/s", "it cannot be read"),
        (BANDWIDTH, True, "it cannot be read"),
        (BANDWIDTH, None, "it cannot be read"),
        (BANDWIDTH, "inf B/s", "it cannot be read"),
        (BANDWIDTH, "1e999 B/s", "it is too large"),
        (BANDWIDTH, "1e999999999 B/s", "it cannot be read"),  # and no long wait
        (POWER, "-1 W", "it is negative"),
        (HOUR_PRICE, "1 EUR/h", '"EUR/h" is not a unit of hourly price: money is in USD, and time in h or s.'),
        (BYTE_PRICE, "1 USD/Gbit", "money is in USD, and traffic in bytes"),
        (ENERGY_PRICE, "1 EUR/kWh", "money is in USD, and energy in kWh"),
        (HOUR_PRICE, "-1 USD/h", "it is negative"),
        (BYTE_PRICE, 3, "it has no unit. Write a traffic price as a number with a unit, such as 0.09 USD/GB"),
    ],
)
def test_refused(quantity: Quantity, text: object, said: str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - what it says is compared as text below
        quantity.parse(text)
    assert said in str(error.value)


@pytest.mark.parametrize("quantity", [BANDWIDTH, MEMORY, MEMORY_BANDWIDTH, RATE])
def test_zero_where_it_makes_no_sense(quantity: Quantity) -> None:
    with pytest.raises(ValueError, match="it is zero, and must be more than 0"):
        quantity.parse(f"0 {quantity.written[-1]}")


@pytest.mark.parametrize(
    ("quantity", "si", "text"),
    [
        (BANDWIDTH, 2.5e6, "20 Mbit/s"),
        (RATE, 13.5e9, "13.5 GFLOP/s"),
        (MEMORY_BANDWIDTH, 1.008e12, "1008 GB/s"),
        (MEMORY, 4_294_967_296.0, "4 GiB"),
        (MEMORY, 4e9, "4 GB"),
        (POWER, 7.2, "7.2 W"),
        (POWER, 0.35, "350 mW"),
        (DURATION, 0.025, "25 ms"),
        (DURATION, 0.0, "0 s"),
        (DURATION, 1 / 3, "0.3333333333333333 s"),
        (HOUR_PRICE, HOUR_PRICE.parse("0.7 USD/h"), "0.7 USD/h"),
        (BYTE_PRICE, 0.0, "0 USD/B"),
    ],
)
def test_written_as_a_person_would(quantity: Quantity, si: float, text: str) -> None:
    assert quantity.format(si) == text


@given(st.data(), st.sampled_from(EVERY))
def test_written_and_read_is_the_same_float(data: st.DataObject, quantity: Quantity) -> None:
    value = data.draw(st.floats(*LIMITS[quantity.name]))
    assert quantity.parse(quantity.format(value)) == value
