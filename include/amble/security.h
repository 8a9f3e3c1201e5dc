/* Security: pairing, bonds, and what protects a link (Vol 3 Part H; Vol 3 Part C 10). docs/security.md says what is
 * promised.
 *
 * Two devices pair once: they agree on keys, and encrypt their link with them. With a bond they keep the keys, and the
 * next link is encrypted without pairing: a central does that by itself as soon as it is connected. How well pairing
 * protects depends on what the devices can show and enter. Without any of that (AMBLE_IO_NONE) a listener who was there
 * during LE legacy pairing knows the keys, and somebody in between can always pose as the other device; with LE Secure
 * Connections listeners learn nothing; with a passkey, a comparison or data that went another way (out of band), nobody
 * in between stays unnoticed.
 *
 *     static const amble_pair_options options = {.io = AMBLE_IO_KEYBOARD_DISPLAY, .mitm = true};
 *
 *     r = amble_pair(conn, &options, 60000);
 *     if (r == 0)
 *         printf("encrypted with a key of %u bytes\n", amble_connection_key_size(conn));
 *     else if (r == AMBLE_ERR_BOND_LOST)
 *         printf("the other side forgot us; delete the bond first\n");
 *
 * What a person has to do comes as prompts. They queue at the host, and one task takes and answers them:
 *
 *     amble_prompt p;
 *
 *     while ((r = amble_prompted(ble, &p, AMBLE_FOREVER)) == 0)
 *         if (p.kind == AMBLE_PROMPT_SHOW)
 *             printf("type %06u on the other device\n", (unsigned)p.passkey);
 *         else if (p.kind == AMBLE_PROMPT_COMPARE)
 *             (void)amble_prompt_answer(ble, &p, user_says_yes(p.passkey));
 *
 * A peripheral is paired with whenever a central wants to; amble_security_config says how it answers, and whether at
 * all. */
#ifndef AMBLE_SECURITY_H
#define AMBLE_SECURITY_H
#include <amble/gap.h>
#ifdef __cplusplus
extern "C" {
#endif

/* --- pairing ------------------------------------------------------------------------------------------------------ */
/* What this device can show and enter, Vol 3 Part H 2.3.2. (The numbers are ours: the specification's 0 is a
 * display.) */
typedef enum {
    AMBLE_IO_NONE,
    AMBLE_IO_DISPLAY,         /* shows six digits */
    AMBLE_IO_YES_NO,          /* shows six digits, and has two buttons */
    AMBLE_IO_KEYBOARD,        /* enters six digits */
    AMBLE_IO_KEYBOARD_DISPLAY /* shows and enters */
} amble_io;

/* Zero: keep a bond, Secure Connections if both sides can, no prompts, keys of 16 bytes. */
typedef struct {
    amble_io io;
    bool mitm;            /* fail unless nobody can have been in between */
    bool secure_only;     /* fail unless it is Secure Connections with a key of 16 bytes, Vol 3 Part C 10.2.4 */
    bool legacy_only;     /* do not offer Secure Connections: only for other sides that cannot bear the offer */
    bool no_bond;         /* forget the keys with the link */
    bool out_of_band;     /* ask for the other side's data with AMBLE_PROMPT_OUT_OF_BAND before pairing begins */
    bool ask;             /* as peripheral: ask with AMBLE_PROMPT_ALLOW whether to pair at all */
    bool refuse;          /* as peripheral: refuse every pairing; bonds go on working */
    bool renew;           /* amble_pair: pair although there is a bond. The bond is replaced when all went well */
    uint8_t key_size_min; /* bytes, 7..16; 0: 16. Below 16 somebody may make the keys short enough to be guessed */
    uint8_t key_size_max; /* 7..16; 0: 16 */
    /* Show always the same passkey: for a device with a label instead of a display. Whoever pairs with it once, or
     * listens to one LE legacy pairing, or tries often enough (each failed Secure Connections pairing gives one of the
     * 20 bits away), knows it for ever: it keeps out nobody who had the device in hand. */
    bool fixed_passkey;
    uint32_t passkey; /* 0..999,999; only with fixed_passkey */
} amble_pair_options;

/* How this host answers when it is a peripheral and a central pairs with it. Copied; for pairings that begin from now
 * on. NULL: all zero, as at first. Does not wait. AMBLE_ERR_ARGUMENT for options that make no sense. */
int amble_security_config(amble *ble, const amble_pair_options *options);

/* Returns when the link is encrypted as well as the options ask. `options` NULL: all zero.
 *
 * A link that is protected so already is left as it is. A central with a bond that suffices encrypts with it; otherwise
 * it pairs. A peripheral asks the central to do either (Security Request) and waits for it; `options` then go for how
 * it answers on this link.
 *
 * Waits. A cancel or timeout ends the pairing on the other side, too. Errors: AMBLE_ERR_SMP(reason) at once when either
 * side refuses (Vol 3 Part H 3.5.5); AMBLE_ERR_BOND_LOST when the other side has no key for the bond (delete it, or
 * pair with `renew`); AMBLE_ERR_PAIRING_TIMEOUT when the other side, or whoever should answer a prompt, did not go on
 * for 30 s, after which a link cannot pair any more, or when a central that was asked did not begin for as long, which
 * may be asked again; AMBLE_ERR_BUSY while a task pairs on this link; AMBLE_ERR_NO_MEMORY when as many links as can are
 * pairing; AMBLE_ERR_HCI(...), ARGUMENT, UNSUPPORTED, DISCONNECTED, TIMEOUT, CANCELLED, CLOSED, CONTROLLER. */
int amble_pair(amble_connection *conn, const amble_pair_options *options, int timeout_ms) AMBLE_MUST_CHECK;

/* Lets calls of this host secure a link by themselves. When a server answers one of the client's calls (amble_read,
 * amble_write, amble_subscribe, ... , also amble_l2cap_connect) that it needs authentication or encryption, the call
 * does as amble_pair with these options, within its own timeout, and asks once more. What the server says then is the
 * result; when the link could not be secured, the result is why.
 *
 *     static const amble_pair_options options = {.io = AMBLE_IO_YES_NO};
 *
 *     r = amble_pair_on_demand(ble, &options);
 *     ...
 *     r = amble_read(&c, buffer, sizeof buffer, 30000); // prompts may come meanwhile
 *
 * With a bond it encrypts with the bond's key, and a server that has lost it is AMBLE_ERR_BOND_LOST: it is never paired
 * with anew unless it has shown that it has the key. `renew` makes no sense here. Copied; NULL, as at first: off, and
 * such calls return what the server said. Does not wait. AMBLE_ERR_ARGUMENT for options that make no sense. Vol 3 Part
 * C 10.3.2. */
int amble_pair_on_demand(amble *ble, const amble_pair_options *options);

/* Waits until the link is encrypted, by whichever side, without asking for it: 0 at once when it is. Ends with
 * AMBLE_ERR_SMP(reason) when a pairing fails. Errors otherwise as amble_pair. */
int amble_encrypted(amble_connection *conn, int timeout_ms) AMBLE_MUST_CHECK;

/* --- prompts ------------------------------------------------------------------------------------------------------ */
typedef enum {
    AMBLE_PROMPT_SHOW,        /* show `passkey`, it is entered over there; needs no answer, but an error refuses */
    AMBLE_PROMPT_ENTER,       /* answer with the six digits shown over there */
    AMBLE_PROMPT_COMPARE,     /* `passkey` is shown on both sides: answer 1 when they are the same, 0 when not */
    AMBLE_PROMPT_OUT_OF_BAND, /* answer with amble_prompt_answer_data, or 0 when there is none */
    AMBLE_PROMPT_ALLOW,       /* a central wants to pair: answer 1 to let it, 0 to refuse */
    AMBLE_PROMPT_REQUESTED, /* a peripheral wants this central to pair; call amble_pair if you like; needs no answer */
    AMBLE_PROMPT_DONE       /* the pairing has ended with `result`; needs no answer */
} amble_prompt_kind;

typedef struct {
    amble_prompt_kind kind;
    amble_connection *conn; /* NULL when it was closed meanwhile */
    amble_device device;
    uint32_t passkey; /* SHOW, COMPARE: 0..999,999, to be shown with six digits */
    int result;       /* DONE: 0, or why not */
    uint32_t dropped; /* prompts lost before this one because nobody took them */
    uint32_t id;
} amble_prompt;

/* The oldest prompt not taken yet. An unanswered one ends its pairing after 30 s. A question whose pairing is over is
 * not given any more. Waits. Errors: AMBLE_ERR_BUSY when another task waits for it, TIMEOUT, CANCELLED, CLOSED,
 * CONTROLLER. */
int amble_prompted(amble *ble, amble_prompt *prompt, int timeout_ms) AMBLE_MUST_CHECK;
amble_source amble_on_prompt(amble *ble);
/* Answers it; a negative number refuses the pairing. Does not wait. Errors: AMBLE_ERR_STALE when that pairing is over
 * or the prompt was answered, AMBLE_ERR_ARGUMENT for an answer that is none. */
int amble_prompt_answer(amble *ble, const amble_prompt *prompt, int answer);

/* --- out of band -------------------------------------------------------------------------------------------------- */
/* What goes from one device to the other by another way than Bluetooth: a tag, a code on a screen. For Secure
 * Connections each device may have the other's `confirm` and `random`, or only one. For LE legacy pairing both have to
 * have the same `key`. */
typedef struct {
    uint8_t confirm[16], random[16]; /* Vol 3 Part H 2.3.5.6.4, least significant octet first */
    uint8_t key[16];                 /* TK of LE legacy pairing, 2.3.5.4 */
} amble_oob_data;
/* Makes this host's data for the next pairing in which the other side has it. Making it anew makes the former useless.
 * Takes the time of a P-256 key; waits only where the controller makes it (AMBLE_CRYPTO_CONTROLLER), also for links
 * that pair at the moment, and then the next pairing makes it useless, too.
 *
 *     amble_oob_data data;
 *
 *     if ((r = amble_oob_local(ble, &data, 5000)) == 0)
 *         write_tag(data.confirm, data.random);
 *
 * Errors: those of a port without P-256, HCI(...), TIMEOUT, CANCELLED, CLOSED, CONTROLLER. */
int amble_oob_local(amble *ble, amble_oob_data *data, int timeout_ms) AMBLE_MUST_CHECK;
/* Answers AMBLE_PROMPT_OUT_OF_BAND with the other side's data. Errors as amble_prompt_answer. */
int amble_prompt_answer_data(amble *ble, const amble_prompt *prompt, const amble_oob_data *data);

/* --- what protects a link ----------------------------------------------------------------------------------------- */
/* Whether what goes over the link can be read by nobody else. */
bool amble_connection_encrypted(const amble_connection *conn);
/* Whether the key came from a pairing that keeps out somebody in between: passkey, comparison, out of band. */
bool amble_connection_authenticated(const amble_connection *conn);
/* Whether the key is kept, so that the next connection is encrypted without pairing. True a moment after the link is
 * encrypted, when all keys are there: when amble_pair returns, or AMBLE_PROMPT_DONE comes. */
bool amble_connection_bonded(const amble_connection *conn);
/* Bytes of the key, 7 to 16; 0 while the link is not encrypted. */
unsigned amble_connection_key_size(const amble_connection *conn);
/* Whether the key came from LE Secure Connections, whose passive listeners learn nothing; not from LE legacy
 * pairing. */
bool amble_connection_secure(const amble_connection *conn);

/* --- authorisation ------------------------------------------------------------------------------------------------ */
/* Whom the user has let in. Encryption tells who the other side is, not whether it may open the door: characteristics
 * with read_authorised or write_authorised, and channels that listen with `authorised`, answer "insufficient
 * authorization" until the program says
 *
 *     if (amble_connection_authenticated(conn) && user_lets_in(amble_connection_device(conn)))
 *         r = amble_authorise(conn, true);
 *
 * It is kept in the bond, if the link has one or gets one, and holds on later links as soon as they are encrypted with
 * it; else it ends with the link. What the program says on a link counts for more than what was kept. A bond that is
 * made anew on another link begins without. False takes it back: from then on what needs it is refused, and not sent to
 * the central any more; channels that are open stay so. Does not wait. Errors: DISCONNECTED, STALE, CLOSED, CONTROLLER.
 * Vol 3 Part C 10.5, Part F 3.2.5, 4. */
int amble_authorise(amble_connection *conn, bool authorised);
bool amble_connection_authorised(const amble_connection *conn);

#ifdef __cplusplus
}
#endif
#endif
