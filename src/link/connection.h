/* Links: one object per connection, from the moment HCI announces it until its owner has closed it.
 *
 * A slot is FREE; or LIVE, as long as the controller has the link; or DEAD, when the link is gone and its owner has not
 * closed it yet. Each use of a slot has a generation of its own, so that values which remember a link find out that it
 * is another one. A connection that nobody owns is an orphan: the host disconnects it, and nobody sees it.
 *
 * What higher rooms keep per link hangs here as pointers to their own structures; this room never looks inside. */
#ifndef AMBLE_LINK_CONNECTION_H
#define AMBLE_LINK_CONNECTION_H
#include <amble/address.h>
#include <amble/gap.h>
#include <amble/security_level.h>

#include "hci/hci.h"

typedef enum { AMBLE__LINK_FREE, AMBLE__LINK_LIVE, AMBLE__LINK_DEAD } amble__link_state;

/* How well the link is protected now, Vol 3 Part C 10.2. All zero: not at all. Written by smp/ when the controller says
 * that encryption changed; read by whoever guards something. */
typedef struct {
    bool encrypted;
    bool authenticated;      /* the key came from a pairing that keeps somebody in between out */
    bool secure_connections; /* from LE Secure Connections, not from LE legacy pairing */
    bool bonded;             /* the key is kept */
    uint8_t key_size;        /* of the key, in bytes: 7 to 16; 0 while the link is not encrypted */
} amble__link_security;

/* What a link lacks for something that is guarded. Vol 3 Part C 10.3.1: without any key the peer has to pair, with one
 * it has to encrypt; a key that is too weak has to be made anew. */
typedef enum {
    AMBLE__GUARD_SATISFIED,
    AMBLE__GUARD_WANTS_AUTHENTICATION,
    AMBLE__GUARD_WANTS_ENCRYPTION,
    AMBLE__GUARD_WANTS_LONGER_KEY,
    AMBLE__GUARD_WANTS_AUTHORISATION, /* of the user; nothing else is missing */
} amble__guard;

/* A procedure of the link layer that one side begins and an event ends: one at a time per link and kind. The task that
 * wants it leaves the command here, the host's service task sends it; so a task may give up at any moment. */
typedef enum { AMBLE__PROCEDURE_IDLE, AMBLE__PROCEDURE_WANTED, AMBLE__PROCEDURE_SENT } amble__procedure_state;
enum { AMBLE__PROCEDURE_COMMAND = 14 };
typedef struct {
    amble__procedure_state state;
    uint16_t opcode;
    uint8_t size, parameters[AMBLE__PROCEDURE_COMMAND]; /* of the command; the handle is put in front */
    amble__list owner;                                  /* the task that waits for the end, or nobody */
    amble__list queue;                                  /* tasks that want it next */
} amble__link_procedure;
enum { AMBLE__PROCEDURE_PARAMETERS, AMBLE__PROCEDURE_PHY, AMBLE__PROCEDURES };

/* The peer's request for other parameters that the controller hands up, Vol 4 Part E 7.7.65.6: the answer that is owed
 * to it. */
typedef struct {
    bool owed, accept;
    uint16_t interval_min, interval_max, latency, timeout; /* as HCI has them */
} amble__parameter_answer;

struct amble_connection {
    amble__list losses; /* waits that the loss of the link ends; first, see task/scheduler.h */
    amble__link_state state;
    bool owned;             /* the program has it */
    bool closed;            /* the program had it: what belongs to it is stale, although the link may not be over */
    bool central;           /* this side's role */
    bool disconnect_wanted; /* the host's service task sees to it */
    bool disconnect_sent;
    bool established; /* a first packet was seen */
    bool left_open;   /* the program does not want it to be encrypted by itself */
    bool features_asked;
    uint32_t advertised_by; /* the advertiser that this link came to, as long as it has not handed it on */
    uint8_t reason;         /* HCI reason of the end */
    int end;                /* what calls return from now on: 0 while LIVE */
    uint64_t lost_us;       /* when it was lost */
    uint8_t index;          /* of the slot */
    uint16_t handle;
    uint32_t generation;
    amble_device device;                    /* who the peer is: its identity, as soon as that is known */
    amble_device own_address, peer_address; /* on the air when the link was made; pairing goes by these */
    uint32_t interval_us;
    uint16_t latency;
    uint32_t supervision_ms;
    amble_data_length data_length;
    amble_phys phys; /* that the last change ended with */
    amble__link_procedure procedures[AMBLE__PROCEDURES];
    amble__parameter_answer parameter_answer;
    uint32_t transfer_told; /* whose synchronisation the controller takes from the peer, see gap/periodic_transfer.c */
    amble__acl_link acl;
    amble *host;
    struct amble__hci *hci;
    struct amble__links *links;
    amble__link_security security;
    bool authorised;        /* the program let the peer in */
    bool authorisation_set; /* it said so, or the contrary, on this link */
    struct amble__smp_link *smp;
    struct amble__l2cap_link *l2cap;
    struct amble__att_bearer *bearer;
    struct amble__server_link *server;
    struct amble__client_link *client;
};

/* What a Connection Complete said. */
typedef struct {
    uint16_t handle;
    bool central;
    amble_device device, own_address, peer_address; /* as in amble_connection */
    uint32_t interval_us;
    uint16_t latency;
    uint32_t supervision_ms;
} amble__link_parameters;

/* A packet that came before its link was announced (USB carries events and data on different pipes). */
enum { AMBLE__PARKED_PACKETS = 2, AMBLE__PARKED_SIZE = 255, AMBLE__PARKED_US = 100000 };
typedef struct {
    uint64_t until_us; /* 0: empty */
    uint64_t order;
    uint16_t handle;
    unsigned boundary;
    size_t size;
    uint8_t data[AMBLE__PARKED_SIZE];
} amble__parked;

typedef struct amble__links {
    amble_connection *slots;
    size_t count;
    uint32_t generations;
    amble__hci *hci;
    amble *host;
    amble__parked parked[AMBLE__PARKED_PACKETS];
    uint64_t parked_in_all;
    uint64_t orphaned;
    bool closing; /* the host is: waits on links end with AMBLE_ERR_CLOSED, whoever ended the link */
    /* Set by the host: the rooms above open and close what they keep for a link; data for a live link. */
    void (*opened)(amble_connection *conn);
    void (*lost)(amble_connection *conn);
    void (*received)(amble_connection *conn, const uint8_t *data, size_t size, unsigned boundary);
    /* Also set by the host, or NULL: the bond with whoever has the address of this link, NULL when there is none; and
     * what a room above has changed in it is to be saved. */
    struct amble__bond *(*bond)(const amble_connection *conn);
    void (*bond_changed)(amble_connection *conn);
    int (*bond_save)(amble_connection *conn); /* the same, at once: 0 when it is kept */
    /* The peer wants the link to be secured better: does so, and waits, if the program allowed that; else
     * AMBLE_ERR_UNSUPPORTED. */
    int (*secure)(amble_connection *conn, uint64_t deadline_us);
} amble__links;

void amble__links_init(amble__links *links, amble__arena *arena, size_t count);
/* The live link with this handle, or to this device, also by the address that it has there; NULL when there is none. */
amble_connection *amble__link_by_handle(const amble__links *links, uint16_t handle);
amble_connection *amble__link_by_device(const amble__links *links, amble_device device);
bool amble__link_slot_free(const amble__links *links);
/* The same, or one will be soon: its link has no owner any more and is being disconnected. */
bool amble__link_slot_coming(const amble__links *links);
/* A new link, or NULL when every slot is taken (then the handle has to be disconnected) or the handle is in use. Data
 * parked for it is delivered. */
amble_connection *amble__link_open(amble__links *links, const amble__link_parameters *parameters);
/* The link is gone: every wait on it ends with `error`. The slot of an orphan is free then. */
void amble__link_lose(amble_connection *conn, uint8_t reason, int error);
/* The owner is done with a DEAD connection. */
void amble__link_free(amble_connection *conn);
/* ACL data from the controller. */
void amble__link_receive(amble__links *links, const uint8_t *data, size_t size, uint16_t handle, unsigned boundary);

/* `authorised`: whether the user has to have let the peer in, too. */
amble__guard amble__link_guard(const amble_connection *conn, amble_security wanted, bool authorised);

/* The bond whose key the link is encrypted with; NULL when it is not, or the bond was deleted. */
static inline struct amble__bond *amble__link_bond(const amble_connection *conn)
{
    return conn->security.encrypted && conn->security.bonded && conn->links->bond ? conn->links->bond(conn) : NULL;
}

/* A request of ours was refused for want of security: true when the link is secured now, and the request worth
 * repeating. Else false, and `*error` stays, or says why it could not be done. Waits. Once for each request:
 * `*tried`. */
bool amble__link_secured(amble_connection *conn, bool *tried, int *error, uint64_t deadline_us);

/* 0 when the connection is live and of this generation; else DISCONNECTED, STALE, CLOSED, CONTROLLER. */
static inline int amble__link_check(const amble_connection *conn, uint32_t generation)
{
    return conn->state != AMBLE__LINK_FREE && conn->generation == generation && !conn->closed ? conn->end
                                                                                              : AMBLE_ERR_STALE;
}
/* Waits on a list of this link: ends when the list's owner says so, or with the link. */
int amble__link_wait(amble_connection *conn, amble__list *list, uint64_t deadline_us);
#endif
