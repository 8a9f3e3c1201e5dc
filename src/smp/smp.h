/* The Security Manager: pairing, and the keys that links are encrypted with (Vol 3 Part H).
 *
 * The central's side of a pairing is a procedure on the task that called amble_pair. The peripheral's side is a table,
 * fed by the receive path: it never waits. P-256 is computed by tasks only: the caller's, or the host's service task,
 * which also gives keys to the controller. Where the controller computes (cipher.h) a responder's steps run on a task
 * of their own. All work on an amble__pairing, of which a host has a few; a link without one refuses politely.
 *
 * What both sides share is in pairing.c (features, keys, confirm values, the end), transfer.c (keys to be kept),
 * prompts.c (people), encryption.c (the controller's part). Who is who: `own` is this side, `peer` the other; initiator
 * and responder are the roles. */
#ifndef AMBLE_SMP_SMP_H
#define AMBLE_SMP_SMP_H
#include <amble/security.h>

#include "bonds/bonds.h"
#include "l2cap/l2cap.h"
#include "smp/cipher.h"
#include "smp/method.h"
#include "smp/toolbox.h"

/* Codes of PDUs, 3.3. */
enum {
    AMBLE__SMP_PAIRING_REQUEST = 0x01,
    AMBLE__SMP_PAIRING_RESPONSE = 0x02,
    AMBLE__SMP_CONFIRM = 0x03,
    AMBLE__SMP_RANDOM = 0x04,
    AMBLE__SMP_FAILED = 0x05,
    AMBLE__SMP_ENCRYPTION_INFORMATION = 0x06,
    AMBLE__SMP_CENTRAL_IDENTIFICATION = 0x07,
    AMBLE__SMP_IDENTITY_INFORMATION = 0x08,
    AMBLE__SMP_IDENTITY_ADDRESS = 0x09,
    AMBLE__SMP_SIGNING_INFORMATION = 0x0a,
    AMBLE__SMP_SECURITY_REQUEST = 0x0b,
    AMBLE__SMP_PUBLIC_KEY = 0x0c,
    AMBLE__SMP_DHKEY_CHECK = 0x0d,
    AMBLE__SMP_KEYPRESS = 0x0e,
};
/* Reasons of Pairing Failed, 3.5.5. */
enum {
    AMBLE__SMP_PASSKEY_FAILED = 0x01,
    AMBLE__SMP_OOB_NOT_AVAILABLE = 0x02,
    AMBLE__SMP_AUTHENTICATION = 0x03,
    AMBLE__SMP_CONFIRM_FAILED = 0x04,
    AMBLE__SMP_NOT_SUPPORTED = 0x05,
    AMBLE__SMP_KEY_SIZE = 0x06,
    AMBLE__SMP_COMMAND_NOT_SUPPORTED = 0x07,
    AMBLE__SMP_UNSPECIFIED = 0x08,
    AMBLE__SMP_REPEATED_ATTEMPTS = 0x09,
    AMBLE__SMP_INVALID_PARAMETERS = 0x0a,
    AMBLE__SMP_CHECK_FAILED = 0x0b,
    AMBLE__SMP_COMPARISON_FAILED = 0x0c,
    AMBLE__SMP_KEY_REJECTED = 0x0f,
    AMBLE__SMP_BUSY = 0x10,
};
/* Fields of the feature exchange, 3.5.1, 3.6.1; the offsets count the code. */
enum { AMBLE__SMP_IO = 1, AMBLE__SMP_OOB = 2, AMBLE__SMP_AUTH = 3, AMBLE__SMP_SIZE = 4, AMBLE__SMP_KEYS = 5 };
enum {
    AMBLE__SMP_AUTH_BOND = 0x01,
    AMBLE__SMP_AUTH_BOND_MASK = 0x03,
    AMBLE__SMP_AUTH_MITM = 0x04,
    AMBLE__SMP_AUTH_SECURE = 0x08
};
enum { AMBLE__SMP_KEY_ENCRYPTION = 1, AMBLE__SMP_KEY_IDENTITY = 2, AMBLE__SMP_KEY_SIGNING = 4 };
enum {
    AMBLE__SMP_PDU = 65, /* the longest: a public key with its code */
    AMBLE__SMP_SHORT_PDU = 17,
    AMBLE__SMP_SHORT_PACKETS = 5,  /* all keys in a row */
    AMBLE__SMP_INBOX = 160,        /* a public key and a confirm value, or all keys in a row */
    AMBLE__SMP_TIMEOUT_MS = 30000, /* 3.4 */
    AMBLE__SMP_ROUNDS = 20,        /* bits of a passkey */
    AMBLE__SMP_PASSKEYS = 1000000,
};

typedef struct amble__smp amble__smp;
typedef struct amble__smp_link amble__smp_link;

/* What a responder waits for. */
typedef enum {
    AMBLE__RESPONDER_ASKED, /* somebody: whether to pair, or out-of-band data */
    AMBLE__RESPONDER_PUBLIC_KEY,
    AMBLE__RESPONDER_COMPUTING, /* the service task */
    AMBLE__RESPONDER_CONFIRM,
    AMBLE__RESPONDER_PASSKEY, /* the confirm value has come, the passkey has not */
    AMBLE__RESPONDER_RANDOM,
    AMBLE__RESPONDER_CHECK,
    AMBLE__RESPONDER_COMPARED, /* the check value has come, the answer has not */
    AMBLE__RESPONDER_ENCRYPTION,
    AMBLE__RESPONDER_KEYS
} amble__responder_state;

typedef struct amble__pairing {
    bool used; /* an initiator's until its task is done with it, a responder's until the end */
    bool initiator;
    int over;              /* 0; negative: how it ended, AMBLE_ERR_STALE when it went well */
    amble__smp_link *link; /* NULL when it is over */
    amble__smp *smp;
    amble_pair_options options;
    amble__responder_state state;
    bool compute_wanted; /* of the service task, or of the task that computes */
    /* A responder whose controller computes does each step on the task that computes, amble__smp_compute. */
    bool answer_wanted, give_wanted; /* steps besides the PDU in the inbox */
    bool served;                     /* in a step */
    amble__timer timer;
    amble__list events; /* the initiator's task: a PDU, an answer, the end */

    /* What was agreed. */
    amble__toolbox_sides sides;
    bool secure, authenticated, bonding;
    amble__smp_method method;
    uint8_t key_size;
    uint8_t own_keys, peer_keys; /* still to be given and taken, AMBLE__SMP_KEY_ */

    /* The question to a person: 0 when there is none. */
    uint32_t question;
    amble_prompt_kind question_kind;
    bool answered;
    bool proving; /* something that depends on the passkey was sent, or is about to be */
    bool has_passkey, has_peer_data;
    uint32_t passkey;

    /* Secrets, wiped at the end. */
    struct {
        uint8_t own_private[32]; /* most significant octet first, as port/crypto.h */
        uint8_t own_public[64], peer_public[64], dhkey[32];
        uint8_t temporary[16]; /* TK */
        uint8_t own_r[16], peer_r[16];
        uint8_t own_random[16], peer_random[16], peer_confirm[16];
        uint8_t mac_key[16], key[16];
        amble__bond bond;
    } secret;
    bool has_own_public;
    uint8_t round;

    uint8_t inbox[AMBLE__SMP_INBOX]; /* size, PDU, size, PDU, ... */
    size_t inbox_size;
    amble__packet long_packet, short_packets[AMBLE__SMP_SHORT_PACKETS];
} amble__pairing;

struct amble__smp_link {
    amble_connection *conn;
    amble__pairing *pairing;
    amble__list changed;         /* waits for the next end of a pairing or encryption */
    amble__link_security coming; /* holds as soon as the controller says that the link is encrypted */
    bool with_bond;              /* the encryption under way is with the bond's key */
    /* As central: */
    bool encrypting;     /* the controller is to encrypt, and has not said that it did */
    bool enable_wanted;  /* the service task tells it to */
    bool greeting;       /* whoever gets the connection waits until the controller was told */
    amble__bond_key key; /* until it was told */
    int encryption_error;
    /* As peripheral: */
    bool key_wanted; /* the controller asks for a key; the service task answers */
    uint8_t key_random[8];
    uint16_t key_diversifier;
    /* Of pairing: */
    bool exhausted;   /* 30 s of silence: no more pairing on this link, 3.4 */
    bool has_options; /* these go for pairings on this link */
    amble_pair_options options;
};

/* Failed attempts of a peer, so that the next one has to wait. */
typedef struct {
    amble_device peer;
    unsigned failures; /* 0: free */
    uint64_t until_us;
} amble__smp_attempts;

typedef struct {
    bool queued;
    uint32_t generation; /* of the link */
    uint64_t order;
    amble_prompt prompt;
} amble__smp_prompt;

struct amble__smp {
    amble__hci *hci;
    amble__cipher cipher;
    amble_event compute; /* wakes the task that computes */
    const amble_device *own;
    amble__bonds *bonds;
    void (*work)(amble *host); /* wakes the service task */
    void (*greeted)(amble_connection *conn);
    void (*bonded)(amble_connection *conn); /* the link is encrypted with a bond's key, or its bond was made */
    amble *host;
    amble_pair_options options;
    bool on_demand; /* calls may secure a link by themselves, with these: */
    amble_pair_options demand;
    amble__smp_link *links;
    size_t link_count;
    amble__pairing *pairings;
    size_t pairing_count;
    amble__smp_attempts *attempts;
    size_t attempt_count;
    amble__smp_prompt *prompts; /* two for each link: what is asked, what is told */
    uint64_t prompt_order;
    uint32_t questions;
    bool prompt_taken; /* a task is in amble_prompted */
    amble__list prompt_waiters;
    struct {
        bool ready;
        uint8_t own_private[32], own_public[64], random[16];
    } oob;
    uint64_t malformed;
    amble__timer save_timer; /* a store failed: when to try again */
    int save_pause_ms;
};

void amble__smp_init(amble__smp *smp, amble__arena *arena, size_t links, size_t pairings);
void amble__smp_open(amble__smp *smp, amble_connection *conn);
void amble__smp_lost(amble_connection *conn);
void amble__smp_fail(amble__smp *smp, int error);
/* A PDU of the security channel. */
void amble__smp_receive(amble_connection *conn, const uint8_t *data, size_t size);
/* The service task's part; may wait for the controller. */
void amble__smp_serve(amble__smp *smp);
/* The task of responders whose controller computes: it is slow, and nothing else shall wait for it. The argument is the
 * amble__smp. */
int amble__smp_compute(void *arg);
/* Encryption Change, Encryption Key Refresh Complete, LE Long Term Key Request: after the handle was read. */
void amble__smp_encryption_changed(amble_connection *conn, uint8_t status, bool enabled);
void amble__smp_key_wanted(amble_connection *conn, const uint8_t random[8], uint16_t diversifier);
/* As central with a bond: has the controller encrypt. True: the program gets the connection when `greeted` says that
 * the controller was told, so that nothing of the program's goes ahead of encryption. */
bool amble__smp_greet(amble_connection *conn);
/* What a peer just asked for: secures the link as the program allowed, see amble_pair_on_demand. Waits.
 * AMBLE_ERR_UNSUPPORTED: it did not. */
int amble__smp_secure(amble_connection *conn, uint64_t deadline_us);
amble__smp *amble__smp_of(amble *ble);

/* --- between the files of the room -------------------------------------------------------------------------------- */
static inline amble_connection *amble__pairing_conn(const amble__pairing *p) { return p->link->conn; }
bool amble__pair_options_good(const amble_pair_options *options);
/* Whether a link with this security is what the options ask for. */
bool amble__security_suffices(const amble__link_security *security, const amble_pair_options *options);

/* pairing.c */
amble__pairing *amble__pairing_begin(amble__smp_link *link, bool initiator, const amble_pair_options *options);
/* It is over: the other side is told why unless it knows, secrets are wiped, everybody who waits gets `result`. */
void amble__pairing_end(amble__pairing *p, int result, bool tell);
/* Both features are there: what follows from them. 0, or AMBLE_ERR_SMP. */
void amble__pairing_offer(const amble__pairing *p, uint8_t features[AMBLE__SMP_FEATURES]);
int amble__pairing_agree(amble__pairing *p);
bool amble__pairing_weakens(const amble__pairing *p, amble_device peer);
void amble__pairing_send(amble__pairing *p, uint8_t code, const void *data, size_t size);
int amble__pairing_own_key(amble__pairing *p);
int amble__pairing_shared_key(amble__pairing *p);
void amble__pairing_set_passkey(amble__pairing *p, uint32_t passkey);
/* Random bytes, and what depends on them: 0, or why the pairing cannot go on. */
int amble__pairing_draw(const amble__pairing *p, void *bytes, size_t size);
int amble__pairing_new_random(amble__pairing *p);
int amble__pairing_confirm(const amble__pairing *p, bool own, uint8_t confirm[16]);
/* 0 when the peer's random fits its confirm value. */
int amble__pairing_verify(const amble__pairing *p);
int amble__pairing_verify_oob(const amble__pairing *p);
int amble__pairing_derive(amble__pairing *p);
int amble__pairing_check(const amble__pairing *p, bool own, uint8_t check[16]);
int amble__pairing_digits(const amble__pairing *p, uint32_t *digits);
amble__link_security amble__pairing_level(const amble__pairing *p);
/* Sends a refusal outside of any pairing. */
void amble__smp_refuse(amble_connection *conn, uint8_t reason);

/* identity.c: the bond with whoever has this address: its identity, the one it was paired under, or one that its IRK
 * resolves. */
amble__bond *amble__smp_bond(const amble__smp *smp, amble_device device);

/* attempts.c */
bool amble__smp_must_wait(const amble__smp *smp, amble_device peer);
/* A pairing ended; `proving`: the sides had begun to prove that they know a passkey. */
void amble__smp_count_attempt(amble__smp *smp, amble_device peer, int result, bool proving);

/* responder.c */
void amble__responder_begin(amble__smp_link *link, const uint8_t *data);
void amble__responder_receive(amble__pairing *p, const uint8_t *data, size_t size);
void amble__responder_computed(amble__pairing *p, int result);
void amble__responder_answered(amble__pairing *p);
void amble__responder_encrypted(amble__pairing *p);
/* What the task that computes does for one: everything that is to be done. */
void amble__responder_serve(amble__pairing *p);
/* initiator.c */
int amble__initiator_run(amble__pairing *p);
void amble__initiator_receive(amble__pairing *p, const uint8_t *data, size_t size);

/* transfer.c */
int amble__transfer_give(amble__pairing *p);
int amble__transfer_take(amble__pairing *p, const uint8_t *data, size_t size);
int amble__transfer_keep(amble__pairing *p);

/* encryption.c */
/* As central: the controller shall encrypt with this key; `encrypting` ends when it did, or failed:
 * encryption_error. */
void amble__smp_encrypt(amble__smp_link *link, const amble__bond_key *key, const amble__link_security *coming);
void amble__smp_encrypt_bond(amble__smp_link *link, const amble__bond *bond);
bool amble__smp_bond_suffices(const amble__bond *bond, const amble_pair_options *options);

/* prompts.c */
/* Draws the passkey, or takes the fixed one, and shows it. */
int amble__prompt_show(amble__pairing *p);
void amble__prompt_question(amble__pairing *p, amble_prompt_kind kind, uint32_t passkey);
void amble__prompt_tell(amble__smp_link *link, amble_prompt_kind kind, int result);
void amble__prompt_withdraw(amble__pairing *p);
#endif
