"""``make bench``: what the simulator adds, and whether its figures agree with torch's and with each other."""

from tests.bench import agreement, events, overhead

overhead.main()
agreement.main()
events.main()
