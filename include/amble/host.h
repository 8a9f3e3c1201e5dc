/* The host: one amble object is one Bluetooth controller with everything above it.
 *
 * amble_open reaches the controller, resets it, asks what it can do and sets it up; from then on the program
 * advertises, scans, connects and serves. All memory of a host is sized by its configuration and taken in amble_open;
 * nothing a peer sends can make it take more. Any number of hosts live side by side in one program, each on a
 * controller of its own.
 *
 * A host that loses its controller (unplugged, silent, hardware error) ends every wait on it with AMBLE_ERR_CONTROLLER;
 * it can then only be closed, and opened again. amble_close ends every wait with AMBLE_ERR_CLOSED. */
#ifndef AMBLE_HOST_H
#define AMBLE_HOST_H
#include <amble/address.h>
#include <amble/gatt_server.h>
#include <amble/privacy.h>
#include <amble/task.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct amble amble;
typedef struct amble_bond_store amble_bond_store; /* bonds.h */

/* How the host answers a peer that asks for other parameters. Zero: whatever is asked, if the specification allows
 * it. */
typedef struct {
    bool refuse; /* everything */
    uint32_t min_interval_us,
        max_interval_us; /* what may be granted; the interval is chosen from what both ranges share; 0: any */
    bool no_latency;
    uint16_t max_latency;                /* 0: any */
    uint32_t max_supervision_timeout_ms; /* 0: any */
} amble_parameter_policy;
/* Who computes the AES and P-256 of pairing. */
typedef enum {
    AMBLE_CRYPTO_PORT, /* the processor of this program, see port/crypto.h */
    /* The controller, with LE Encrypt, LE Rand, LE Read Local P-256 Public Key and LE Generate DHKey (Vol 4 Part E
     * 7.8.22, 7.8.23, 7.8.36, 7.8.37): for a host that has no P-256, or a slow one. Keys and secrets then cross HCI,
     * which nobody may listen to; it is slower; and a controller has one key pair at a time, so that links pair one
     * after the other, and amble_oob_local's data hold only until the next pairing. Resolving addresses, checking
     * signatures and the hash of the database stay with the port's AES. */
    AMBLE_CRYPTO_CONTROLLER
} amble_crypto;
#define AMBLE_CONFIG_SERVICES 8
typedef struct {
    /* The GAP device name and the default name in advertising; NULL: "amble"; copied, 31 bytes at most. */
    const char *name;
    uint16_t appearance; /* GAP appearance, Assigned Numbers 2.6; 0: unknown */
    uint16_t mtu;        /* largest ATT MTU offered and accepted, 23..517; 0: 247 */
    /* Enhanced bearers of ATT, see amble/gatt_client.h. There are none, either, with an mtu or a channel_mps of less
     * than 64. */
    uint8_t enhanced_bearers; /* of each link, 1..5; 0: 2 */
    bool no_enhanced_bearers; /* none, and no memory for them */
    /* L2CAP channels, see amble/l2cap.h. */
    uint16_t channels;             /* over all links; 0: 8 */
    bool no_channels;              /* none, and no memory for them */
    uint16_t listeners;            /* SPSMs to listen on; 0: 4 */
    uint16_t channel_mps;          /* largest frame, 23..65,533; 0: 247, which one packet on the air holds */
    uint32_t channel_receive_size; /* bytes that each holds until they are read, with two for each SDU; 0: 4,096 */
    uint32_t channel_send_size;    /* bytes that each holds until they are sent, with two for each SDU; 0: 4,096 */
    const amble_service *services[AMBLE_CONFIG_SERVICES]; /* served from the first packet on; as many as are set */
    uint8_t connections;                                  /* links at once, 1..64; 0: 8 */
    uint16_t send_buffers;         /* notifications and write commands on their way to the controller; 0: 12 */
    uint16_t notification_buffers; /* received values that all subscriptions together may queue; 0: 64 */
    uint8_t advertisers;           /* that may be open at once, 1..16, as far as the controller can; 0: 2 */
    uint16_t advertised_size;      /* bytes of data that each may send, 62..1,650; 0: 255 */
    uint16_t scanned_devices;      /* devices that scans remember; 0: 32 */
    uint16_t scanned_size;         /* bytes of data kept of each, 62..3,300; 0: 255 */
    uint8_t scanners;              /* that may be open at once, 1..4; 0: 2 */
    uint8_t syncs;                 /* periodic senders that may be listened to at once, 1..8; 0: 1 */
    uint32_t database_size;        /* bytes for served values, write queues and handles; 0: 16,384 */
    uint16_t prepare_size;         /* bytes of writes in parts (long, reliable) that may wait per link; 0: 768 */
    uint8_t cached_peers;          /* servers whose databases are remembered (amble_follow_database); 0: 4 */
    uint16_t cache_size;           /* bytes for each of them; 0: 2,048 */
    uint32_t held_write_ms;        /* how long a write may wait for room in its queue before it is refused; 0: 20,000 */
    const char *bonds; /* the JSON file in which bonds are kept, see bonds.h; NULL: they end with the host */
    const amble_bond_store *bond_store;      /* where else they are kept, instead of a file; NULL: nowhere else */
    uint16_t bond_limit;                     /* bonds kept; a new one more drops the one used least recently; 0: 16 */
    amble_crypto crypto;                     /* who computes for pairing */
    uint8_t pairings;                        /* links that may pair at the same moment; 0: 4 */
    amble_address_kind own_address;          /* what this host has on the air, see privacy.h */
    uint16_t private_address_s;              /* seconds until a private address is replaced, 1..3,600; 0: 900 */
    amble_parameter_policy parameter_policy; /* for peers that ask for other connection parameters */
    void *memory;                            /* a block of amble_size() bytes, aligned for any type; NULL: allocated */
    /* Bytes of the stack of each task that the host starts for itself, three at most; it then lies in the host's
     * memory. Too few for a stack at all are AMBLE_ERR_NO_MEMORY. 0: the scheduler's stacks; on a board, which has none
     * to map, 4,096. */
    uint32_t task_stack_size;
    /* What this vendor's controller wants between its Reset and everything else: firmware, a public address, its power.
     * Runs on the task in amble_open, within its timeout, and may wait; of the host it may call amble_hci_command
     * alone. May end with another Reset. A negative result ends amble_open with it. NULL: nothing. */
    int (*start)(amble *ble, void *argument);
    void *start_argument;
} amble_config;

/* The bytes a host with this configuration takes. Does not wait. */
size_t amble_size(const amble_config *config);

/* Opens the controller that `transport` names ("air:desk", "tcp-client:127.0.0.1:7300", ...) and sets it up. `config`
 * NULL: the defaults. `*ble` is the caller's, to be closed. Waits, at most `timeout_ms`. Errors: AMBLE_ERR_USAGE for a
 * transport name nobody understands, AMBLE_ERR_NO_CONTROLLER when none is there (amble_open_problem has the sentence),
 * AMBLE_ERR_CONTROLLER when it does not answer or cannot do LE, AMBLE_ERR_UNSUPPORTED when it is to compute (crypto)
 * and cannot, AMBLE_ERR_NO_MEMORY, AMBLE_ERR_HCI(...) when it refuses a command, TIMEOUT, CANCELLED. */
int amble_open(amble **ble, const char *transport, const amble_config *config, int timeout_ms) AMBLE_MUST_CHECK;
/* The sentence about the last amble_open on this thread that failed, or the last controller that was lost: what, to
 * what, and what to do next. Empty when there was none, never NULL. */
const char *amble_open_problem(void);
/* Ends every wait on the host, disconnects every link, resets the controller, frees everything. Connections and
 * subscriptions must be closed before, or at once by the tasks whose waits this ends. Waits, at most about two seconds;
 * NULL does nothing. */
void amble_close(amble *ble);

/* The identity of this host, which bonded peers know. Without private addresses it is what everybody sees. */
amble_device amble_own_device(const amble *ble);
/* The address under which others can connect to it just now: with private ones another one after some minutes. See
 * amble/privacy.h. */
amble_device amble_own_address(const amble *ble);
const char *amble_name(const amble *ble);

/* Sends any HCI command, such as a vendor's (opcodes 0xFC00 to 0xFFFF, group 0x3F), and waits for its Command Complete
 * or Command Status; Vol 4 Part E 5.4.1 and 7. `reply` gets the return parameters behind the status byte, at most
 * `reply_size` bytes; returns how many, 0 after a Command Status. For a controller's own extras and for questions: a
 * command that amble sends by itself may undo what amble did.
 *
 * One that is unanswered after `timeout_ms`, or after two seconds if that is longer, means that the controller is lost.
 * Errors: AMBLE_ERR_HCI(...) the controller refused it (0x01: it does not know it), TOO_LONG the reply has more than
 * `reply_size` bytes, ARGUMENT more than 255 bytes of parameters, PROTOCOL an answer without a status, TIMEOUT before
 * two seconds are over, CANCELLED, CONTROLLER, CLOSED. The events of vendors are not shown. */
int amble_hci_command(amble *ble, uint16_t opcode, const void *parameters, size_t size, void *reply, size_t reply_size,
                      int timeout_ms) AMBLE_MUST_CHECK;

/* Replaces amble_config.parameter_policy from now on; NULL: everything is granted. Does not wait. */
void amble_set_parameter_policy(amble *ble, const amble_parameter_policy *policy);

/* Numbers that tell how a host fares; each only grows. */
typedef struct {
    uint64_t acl_sent, acl_received; /* packets */
    uint64_t malformed;              /* packets or PDUs dropped because they made no sense */
    uint64_t orphaned;               /* data for links that are gone */
    uint64_t connect_repeated;       /* attempts repeated because no first packet came (0x3E) */
    uint64_t late_responses;         /* ATT responses that came after their request had ended */
    uint64_t notifications_dropped;  /* notified values that found their queue full */
    uint64_t writes_dropped;         /* written values that found their queue full */
} amble_statistics;
amble_statistics amble_read_statistics(const amble *ble);

#ifdef __cplusplus
}
#endif
#endif
