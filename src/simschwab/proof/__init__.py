"""Owns the proof that a scenario does what it says: a plain client plays it in virtual time and tells what it saw.

Never trusts the scenario's own words: what must be seen is compared with the ledger and the client's transcript.
Comes from scenarios, goes to `simschwab check` and to tests.
"""

from simschwab.core.faults.scenario import Scenario
from simschwab.core.settings import Settings, changed
from simschwab.proof.client import Client
from simschwab.proof.judge import wrong_in
from simschwab.virtual import Virtual


def prove(scenario: Scenario) -> list[str]:
    """Play a scenario; gives what was expected and not seen, nothing when all was.

    Raises:
        ScenarioError: a line of its proof is not understood.
    """
    client = play(scenario)
    return wrong_in(scenario.proof, client.virtual.ledger.since(0), client.transcript)


def play(scenario: Scenario) -> Client:
    """Play a scenario with its proof's client."""
    seed = {} if scenario.seed is None else {"seed": scenario.seed}
    virtual = Virtual(changed(Settings(), seed | scenario.settings))
    virtual.exchange.add_faults(scenario.faults, virtual.now_ns)
    client = Client(virtual)
    for line in scenario.proof.drive:
        client.do(line)
    client.hear()
    return client
