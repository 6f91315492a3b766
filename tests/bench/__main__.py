"""``make bench``: what the simulator adds and saves, and whether its figures agree with torch's, with each other
and with this machine's seconds; how soon a command answers; what it takes to open a report; and what very many devices
cost."""

from tests.bench import (
    agreement,
    calibration,
    checkpoint_cost,
    clusters,
    disciplines,
    drivers,
    events,
    jobs,
    overhead,
    overhead_minilm,
    page,
    prefix,
    scale,
    start_up,
    sweeps,
)

overhead.main()
overhead_minilm.main()
prefix.main()
agreement.main()
events.main()
drivers.main()
disciplines.main()
calibration.main([])
sweeps.main([])
start_up.main()
page.main()
jobs.main()
clusters.main()
checkpoint_cost.main([])
scale.main()
