/* Privacy: which address this host has on the air, and who can tell that it is the same host as before (Vol 3 Part C
 * 10.7, 10.8; Vol 6 Part B 1.3).
 *
 * Whoever listens sees the address of every device that advertises, scans actively or connects. One that stays the same
 * can be followed about. A host may therefore use private addresses: random numbers that it replaces every quarter of
 * an hour. Bonded peers go on recognising it, because pairing gave them a key (IRK) that tells who made a resolvable
 * address; to everybody else each address is a new device.
 *
 *     static const amble_config config = {.own_address = AMBLE_ADDRESS_RESOLVABLE, .bonds = "bonds.json"};
 *
 *     r = amble_open(&ble, "air:desk", &config, 5000);
 *
 * Two words are kept apart. A device is who it is: its identity, a public or a static address, which bonded peers know
 * (amble_own_device, amble_connection_device). An address is what is on the air at the moment (amble_own_address,
 * amble_connection_peer_address). In the other direction the same holds without any option: a bonded peer is one device
 * in scan results, links and amble_connect, whichever private address it has; to connect to its identity the host
 * listens for it first, or lets the controller recognise it where that can.
 *
 * Directed advertising calls a bonded peer that hides by an address of its own kind, which it hears only if its
 * controller resolves such addresses. It says so in the characteristic Central Address Resolution of its GAP service
 * (0x2AA6, 1: it does; Vol 3 Part C 12.4), which a program may read while it is connected; this host has it, too.
 *
 * While addresses change, advertising, scanning and connecting pause for a few commands; links stay as they are.
 * Identity and key are kept with the bonds: without amble_config.bonds (or bond_store) they end with the host, and so
 * do its bonds.
 *
 * What an address does not hide: names, services and other data in an advertisement that are this device's alone; an
 * identity that was given to somebody; the time and strength of what is sent. docs/security.md says more. */
#ifndef AMBLE_PRIVACY_H
#define AMBLE_PRIVACY_H
#ifdef __cplusplus
extern "C" {
#endif

typedef enum {
    AMBLE_ADDRESS_PUBLIC,     /* the controller's public address, always; a static one where the controller has none */
    AMBLE_ADDRESS_STATIC,     /* a random address, made once and kept with the bonds */
    AMBLE_ADDRESS_RESOLVABLE, /* addresses that change, and that bonded peers recognise */
    /* The same where others connect to this host, or it connects to them. Where nobody can connect (not_connectable,
     * scanning), addresses that change and that nobody recognises, bonded or not. */
    AMBLE_ADDRESS_NON_RESOLVABLE
} amble_address_kind;

/* How long a private address is used unless amble_config.private_address_s says otherwise: TGAP(private_addr_int), Vol
 * 3 Part C A. */
#define AMBLE_PRIVATE_ADDRESS_S 900

#ifdef __cplusplus
}
#endif
#endif
