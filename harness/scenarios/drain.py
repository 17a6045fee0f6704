"""A server that is told to stop with every kind of client connected notifies all of them, serves them until the
deadline, and then closes them properly, at its pace.

Every persona takes part, and as many of the clients that otherwise only listen as the machine bears say one thing. HTTP
connections are kept open and idle, some handshakes race the signal and others come too late; clients that stay are
evicted. Where the target declares a long response, ten of those are under way.
No other scenario shows as much. Source: the drain contract, phases SERVING to STOPPED; RFC 6455 §7.1; the close
code registry on 1012.
"""

from __future__ import annotations

from ..clients.mix import LOUDEST, REMARK_DELIVERIES, ClientMix, enough_of_a_kind
from .scenario import Scenario
from .stage import Stage


def mix(clients: int) -> ClientMix:
    """Enough clients of each persona for the clauses to be judged; the others stay to the end."""
    enough = enough_of_a_kind(clients)
    others = ClientMix(
        cooperative=round(0.25 * clients),
        leavers=enough,
        leavers_at_signal=enough,
        late_leavers=round(1.5 * enough),
        late_answerers=enough,
        interrupted=enough,
        slow_readers=enough,
        busy_senders=min(enough, LOUDEST),
        talkers=min(enough, LOUDEST),
        remarks=REMARK_DELIVERIES // clients,
    )
    return ClientMix(**{**vars(others), "lingerers": max(2, clients - others.size)})


async def perform(stage: Stage) -> None:
    """Arrange, load, signal, and see it end."""
    await stage.open_streams()
    await stage.open_crowd()
    stage.hold_idle_connections()
    await stage.warm_up()
    await stage.signal()
    await stage.until_exit()


SCENARIO = Scenario(
    name="drain",
    position=10,
    enough=150,
    story=__doc__,
    clauses=(1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 15, 18, 19, 20, 27, 28, 29, 30, 35),
    mix=mix,
    perform=perform,
    one_stop=True,
)
