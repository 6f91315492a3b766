"""The world: one clock with sites, clients, a network and concurrent processes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from simulator.accounting.ledger import AbsenceRow, EngagementRow, Ledger, RoundRow
from simulator.settings.moved import former
from simulator.world.clients import Channel, Client, Forecast
from simulator.world.clock import Clock
from simulator.world.processes import Process, Steps
from simulator.world.sites import Site
from simulator.world.standstill import OUTAGE, UNFINISHED, TimeUpError, standstill
from simulator.world.transfers import Transfers, Wire

__getattr__ = former(__name__, "simulator.world.processes")


def _no_forecast(client: Client) -> Forecast:
    raise RuntimeError(f"nobody can tell what a round of {client.name} costs: this world has no forecast")


class World(Transfers):
    """Sites and clients on one clock.

    Attributes:
        wire: what copies payloads and counts their bytes.
        start_time: the clock at the start, in seconds.
        channels: by kind and direction (``up`` or ``down``), what the payloads of clients go through; other payloads
            are only sent.
        network: the flows that are under way.
        ledger: the record of the run.
        sites, clients: all of them, in the order in which they were added.
        cohort: the clients of the round that is under way, or of the last one.
        server: the site of the server; whoever builds the world sets it.
        aggregations: how many aggregations there have been; it keys what is shared at the server.
        updates: how many updates have been aggregated.
        bytes_sent: what has been sent so far, in bytes.
        tiers: the edge servers, and what is behind them; None where there are none.
        forecast: predicts what a round of a client costs; whoever builds the world may set it.
        on_update: called with the name of the client and the number of its attempt when an update has arrived; usually
            None.
        on_attempt: called with the fleet and the attempt when one begins under an asynchronous driver; returns the task
            that the client works with, and may give the attempt another state. Usually None.
        observer: called with the name of the client and the result after each work that was done for one; usually None.
        routines: what clients do that are alike, as drivers note it; None before they have.
    """

    def __init__(
        self, wire: Wire, start: float = 0.0, channels: Mapping[tuple[str, str], Channel] | None = None
    ) -> None:
        super().__init__(Clock(float(start)), wire)
        self.start_time, self.channels = start, channels or {}
        self.ledger = Ledger()
        self.sites: list[Site] = []
        self.clients: list[Client] = []
        self.cohort: list[Client] = []
        self.server: Site
        self.aggregations = self.updates = 0
        self.forecast: Callable[[Client], Forecast] = _no_forecast
        self.on_update: Callable[[str, int], None] | None = None
        self.on_attempt: Callable[[Any, Any], Any] | None = None
        self.routines: Any = None
        self._interrupted = False

    def run(self, steps: Steps) -> Any:
        """Run a generator to its end, then end all else that still runs; return what the generator returns.

        Raises:
            RuntimeError: a site left that the generator itself was waiting for.
        """
        try:
            return self.advance(steps)
        finally:
            self.end()

    def advance(self, steps: Steps) -> Any:
        """Run a generator to its end, and return what it returns; all else that runs goes on in the next call.

        The value is ``GONE`` if an outage of the server stopped it.

        Raises:
            RuntimeError: a site left that the generator itself was waiting for.
            StandstillError: nothing more can happen, and the generator has not ended.
            TimeUpError: the moment has come at which the trial was to end (``end_at``).
        """
        process = self.main = Process(self, steps, None)
        try:
            value = self.env.run(process)
        except KeyboardInterrupt:  # it may come in the middle of any step, and what is half done cannot be ended
            self._interrupted = True
            self.ledger.close()
            raise
        except RuntimeError as error:
            if process.triggered or not str(error).startswith("No scheduled events left"):
                raise
            raise standstill(self) from None
        if self.is_over:
            raise TimeUpError
        if process.stopped and process.reason != OUTAGE:
            raise RuntimeError("the run was stopped: a site left while the driver was waiting for it")
        return value

    def current_reason(self) -> str:
        """Return why the process that ``advance`` runs ends early: an outage, or that the trial is over."""
        return (self.main.reason if self.main else "") or UNFINISHED

    def end(self) -> None:
        """Stop all that still runs, charged for the time served; nothing can happen in this world afterwards."""
        if self._interrupted:
            return
        self.env._active_proc = None  # SimPy leaves a process active that yielded what is no event
        for process in list(self.processes):  # otherwise garbage collection would end them, and add to the ledger later
            process.reason = process.reason or UNFINISHED
            process.close()
        self.processes.clear()
        for site in self.sites:
            site.cut_short(UNFINISHED)
            if site.away_since is not None:  # absent until the end
                self.ledger.absences.add(
                    AbsenceRow(site.name, site.away_since, self.now - site.away_since, site.away_for)
                )
            if site.battery is not None:
                site.battery.note("end")

    @contextmanager
    def round(self, number: int, cohort: list[Client]) -> Iterator[None]:
        """Mark a round: one aggregation, in which the cohort takes part from beginning to end, waiting included."""
        process, start, updates = self.current_process(), self.now, self.updates
        process.round, self.cohort = number, cohort
        for client in cohort:
            self.begin_engagement(client)
        try:
            yield
        finally:
            seconds = self.now - start
            if process.reason != UNFINISHED:  # else there was no aggregation, and there will be none
                self.ledger.rounds.add(RoundRow(number, start, seconds, self.updates - updates))
            self._weigh_servers(cohort)
            for client in cohort:
                self._end_engagement(client, number, start)

    def note_update(self, client: Client) -> None:
        """Tell whoever wants to know that the update of a client has arrived."""
        if self.on_update is not None:
            self.on_update(client.name, client.round_index)

    def begin_engagement(self, client: Client) -> None:
        """Have a client take part from now on, until ``end_engagement``."""
        client.site.end_overtime()
        if client.site.battery is not None:
            client.site.battery.engage(1)

    def end_engagement(self, client: Client, number: int, start: float) -> None:
        """Record that a client took part from ``start`` until now, and free the memory that was held for it.

        ``start`` is when ``begin_engagement`` was called.

        A work that its device has in service goes on; until it ends, or the device's next round begins, the device
        takes part for longer, which is a second row for the same round.

        Args:
            client: the client.
            number: the round.
            start: when it began to take part, in seconds of the clock.
        """
        client.server.weigh()
        self._end_engagement(client, number, start)

    def _end_engagement(self, client: Client, number: int, start: float) -> None:
        """End an engagement at whose end the server's stores have been weighed; arguments are as above."""
        self.ledger.engagements.add(EngagementRow(client.name, number, start, self.now - start))
        client.site.begin_overtime(number)
        if client.site.battery is not None:
            client.site.battery.engage(-1)
        self._release(client)

    def release(self, *clients: Client) -> None:
        """Free the memory that was held for clients, on their devices and at their servers."""
        self._weigh_servers(clients)
        for client in clients:
            self._release(client)

    def _weigh_servers(self, clients: Iterable[Client]) -> None:
        """Count again what is in the stores of the servers of some clients, each once."""
        for server in {client.server: None for client in clients}:
            server.weigh()

    def _release(self, client: Client) -> None:
        site = client.site
        site.weigh()
        site.memory.release(site.name)
        client.server.memory.release(site.name)
        site.rest()
