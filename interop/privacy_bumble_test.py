"""Hosts that hide, with Bumble as the other side: each side resolves the other one's private addresses with the keys of the pairing.

`amble pair --own-address resolvable` comes to a Bumble peripheral twice, under two addresses, and Bumble finds the bond. Then a Bumble peripheral hides,
and `amble pair` finds it by its identity. In `amble pair --own-address static` the identity comes from the bond file: every start has a controller
with another public address.
"""

import re
import secrets
import tempfile

import support
import tool
from bumble.keys import MemoryKeyStore
from bumble.pairing import PairingConfig, PairingDelegate

ADDRESS = "C0:11:22:33:44:68"
NAME = "hider"


def prepared(keystore, irk=None):
    """Bumble accepts each pairing and keeps its bonds here; with an IRK it hides."""

    def prepare(device):
        device.keystore = keystore
        device.pairing_config_factory = lambda _: PairingConfig(
            sc=True, mitm=False, bonding=True, identity_address_type=PairingConfig.AddressType.RANDOM,
            delegate=PairingDelegate(PairingDelegate.IoCapability.NO_OUTPUT_NO_INPUT),
        )
        if irk:
            device.irk, device.le_privacy_enabled, device.le_rpa_timeout = irk, True, 0

    return prepare


async def pair(transport, peer, file, *options):
    result = await tool.amble(
        "pair", peer, "-t", transport, "--json", "--timeout", support.PATIENCE, "--io", "none", "--bonds", file, *options
    )
    (outcome,) = result.objects
    assert outcome["bonded"] and outcome["secure_connections"], outcome
    return outcome


async def we_hide(transport, folder):
    file, met = f"{folder}/hidden.json", []
    async with support.bumble_host(transport, "open", ADDRESS, prepared(MemoryKeyStore())) as bumble:
        # As they are at first: pairing changes them.
        bumble.on("connection", lambda c: met.append((c.peer_address, c.peer_resolvable_address)))
        await bumble.start_advertising(auto_restart=True)
        for _ in range(2):
            await pair(transport, f"{ADDRESS}/r", file, "--own-address", "resolvable")
            bumble.smp_manager.sessions.clear()  # they outlive their links, and would answer in place of the store
            await support.eventually(lambda: bumble.is_advertising, "Bumble advertises again")
        await support.stop_advertising(bumble)
        (first, nothing), (identity, second) = met  # a stranger, then who pairing said it is
        assert first.is_resolvable and nothing is None and second.is_resolvable, met
        assert second != first and identity.is_public, met
        assert len(await bumble.keystore.get_all()) == 1  # nothing was paired the second time


async def bumble_hides(transport, folder):
    file, keystore, irk, addresses = f"{folder}/seeker.json", MemoryKeyStore(), secrets.token_bytes(16), set()
    for peer in (NAME, f"{ADDRESS}/r", f"{ADDRESS}/r"):
        async with support.bumble_host(transport, NAME, ADDRESS, prepared(keystore, irk)) as bumble:
            addresses.add(str(bumble.random_address))
            await bumble.start_advertising()
            await pair(transport, peer, file, "--own-address", "static")
    assert len(addresses) == 3, addresses
    listed = (await tool.amble("bonds", "list", file)).out
    assert re.search(f"{ADDRESS}/r", listed, re.IGNORECASE) and len(listed.splitlines()) == 1, listed


async def test():
    air, transport = await support.start_air()
    with tempfile.TemporaryDirectory() as folder:
        await we_hide(transport, folder)
        await bumble_hides(transport, folder)
    assert await air.stop() == 0


support.run(test)
