/* HCI as the host sees it: commands that wait for their answer, events, ACL data with its credits (Vol 4 Part E).
 *
 * Commands are sent as the controller's Num_HCI_Command_Packets allows, in the order in which tasks asked. A task that
 * gives up leaves its command with this room: the answer is awaited and dropped. A command unanswered for two seconds,
 * or a Hardware Error, means that the controller is lost: `failed` is called once.
 *
 * ACL packets are sent as the controller's buffers allow, link by link in turn. A payload larger than one of its
 * buffers is cut into fragments. Received ones are handed on at once and never kept, so no controller-to-host flow
 * control is needed. */
#ifndef AMBLE_HCI_HCI_H
#define AMBLE_HCI_HCI_H
#include "core/bytes.h"
#include "core/trace.h"
#include "hci/numbers.h"
#include "hci/packet.h"
#include "task/scheduler.h"

typedef struct amble__hci amble__hci;

/* What the rooms above want to hear. Called between tasks; they must not wait. */
typedef struct {
    int (*write)(void *user, const uint8_t *packet, size_t size); /* to the controller, one whole packet */
    void (*event)(void *user, uint8_t code, amble__reader *parameters);
    void (*acl)(void *user, const uint8_t *data, size_t size, uint16_t handle, unsigned boundary);
    void (*failed)(void *user, int error);
} amble__hci_callbacks;

enum { AMBLE__HCI_PENDING = 4, AMBLE__HCI_COMMAND_TIMEOUT_MS = 2000 };

/* Where the return parameters behind the status byte go. */
typedef struct {
    uint8_t *data;
    size_t size;     /* exactly so many are taken, more are ignored; with `taken` up to so many */
    size_t *taken;   /* NULL, or how many there were */
    int patience_ms; /* the controller is lost when it has not answered by then */
} amble__hci_reply;

/* One command on its way. */
typedef struct {
    amble__hci *hci;
    uint16_t opcode;
    bool busy;
    amble__wait *wait; /* NULL: the asker gave up */
    amble__hci_reply reply;
    amble__timer timer;
    int left_ms; /* of the time to answer in, behind what the timer measures */
} amble__hci_pending;

/* The sending half of a link. */
typedef struct amble__acl_link {
    amble__list node;            /* in the list of all links */
    amble__list turn;            /* in the list of links with something to send */
    amble__list drained;         /* waits for everything to have been acknowledged */
    amble__packet *first, *last; /* to be sent; `last` counts while there is a first one */
    uint16_t handle;
    uint16_t in_flight; /* packets in the controller's buffers */
    uint16_t held;      /* packets of a pool that are this link's for now */
    bool secret;        /* the frame that is being received belongs to the security channel: not traced */
} amble__acl_link;

struct amble__hci {
    const amble__hci_callbacks *callbacks;
    void *user;
    const char *instance; /* tells hosts apart in a log */
    amble__hci_pending pending[AMBLE__HCI_PENDING];
    uint8_t command_credits;
    amble__list command_waiters;
    amble__list closings; /* every wait in here, ended when the controller fails or the host closes */
    int failed;           /* 0, or what every call returns from now on */
    char lost[80];        /* why the controller is lost, by amble__hci_lose */
    amble__list links, turns;
    uint16_t acl_credits, acl_buffers, acl_size;
    amble__trace trace; /* of the whole host */
    uint64_t acl_sent, acl_received, malformed;
};

void amble__hci_init(amble__hci *hci, const amble__hci_callbacks *callbacks, void *user);
/* The controller is lost: keeps the reason, tells the log, calls `failed` with AMBLE_ERR_CONTROLLER. */
void amble__hci_lose(amble__hci *hci, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Ends every wait in this room with `error`; every later call fails with it. */
void amble__hci_fail(amble__hci *hci, int error);

/* Sends a command and waits for its Command Complete or Command Status. `reply` gets the return parameters after the
 * status byte, exactly `reply_size` of them; more are ignored. Returns 0, AMBLE_ERR_HCI(status), AMBLE_ERR_PROTOCOL for
 * a reply that is too short, CANCELLED, CONTROLLER, CLOSED. */
int amble__hci_command(amble__hci *hci, uint16_t opcode, const void *parameters, size_t size, void *reply,
                       size_t reply_size);
/* The same with all there is to say about the reply. AMBLE_ERR_TOO_LONG for one with more than `size` bytes and
 * `taken`. */
int amble__hci_ask(amble__hci *hci, uint16_t opcode, const void *parameters, size_t size,
                   const amble__hci_reply *reply);

/* One whole packet from the controller, with the H4 type in front. */
void amble__hci_receive(amble__hci *hci, const uint8_t *packet, size_t size);

/* --- ACL ---------------------------------------------------------------------------------------------------------- */
void amble__acl_configure(amble__hci *hci, uint16_t buffers, uint16_t size);
void amble__acl_link_open(amble__hci *hci, amble__acl_link *link, uint16_t handle);
/* The link is gone: its packets are released, its credits come back. */
void amble__acl_link_close(amble__hci *hci, amble__acl_link *link);
/* Queues a packet whose L2CAP header is written; owns it from now on. */
void amble__acl_send(amble__hci *hci, amble__acl_link *link, amble__packet *packet);
/* A fragment as a trace point; of the security channel's frames, which may hold keys, only the L2CAP header. */
void amble__acl_trace_received(amble__hci *hci, uint16_t head, const uint8_t *data, size_t size);
void amble__acl_completed(amble__hci *hci, uint16_t handle, uint16_t count);
/* Whether a link that has `held` of something that all links share may take one more of the `left`. Alone it may take
 * all; beside others it takes while it has less than twice of what remains then, so there is always something left for
 * who has less. */
static inline bool amble__acl_fair(const amble__acl_link *link, size_t held, size_t left)
{
    const bool alone = link->node.next == link->node.previous; /* in the list of all links */

    return left && (alone || !held || held + 1 < 2 * left);
}
bool amble__acl_idle(const amble__acl_link *link);
#endif
