"""What edge servers and the sites above them sent each other, from the ledger of a run."""

from __future__ import annotations

from simulator.accounting.ledger import Ledger


def edge_traffic(ledger: Ledger) -> dict[str, int | None]:
    """Return the bytes that edges sent to the sites above them, and received from there; None for both without edges.

    What edges relay between devices and the server is no part of it: such a transfer ends at a device.

    Args:
        ledger: the ledger of one trial.
    """
    if "edge" not in ledger.sites.column("role"):
        return {"bytes_edge_up": None, "bytes_edge_down": None}
    roles = dict(zip(ledger.sites.column("name"), ledger.sites.column("role"), strict=True))
    up = down = 0
    columns = (ledger.transfers.column(name) for name in ("source", "target", "bytes"))
    for sender, receiver, size in zip(*columns, strict=True):
        source, target = roles[sender], roles[receiver]
        if source == "edge" and target != "device":
            up += size
        elif target == "edge" and source != "device":
            down += size
    return {"bytes_edge_up": up, "bytes_edge_down": down}
