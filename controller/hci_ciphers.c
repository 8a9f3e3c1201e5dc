/* Ciphers and keys on the host's order (Vol 4, Part E, 7.8.22, 7.8.23, 7.8.36, 7.8.37) and the commands that encrypt a
 * link (7.3.93, 7.3.94, 7.8.24 to 7.8.26).
 *
 * HCI gives keys, texts and coordinates least significant octet first, port/crypto.h takes them the other way round. */
#include "amble/error.h"
#include "controller/hci_commands.h"
#include "controller/hci_events.h"
#include "controller/link_control.h"
#include "port/crypto.h"

#define BLOCK     16
#define P_256     AMBLE__HC_P_256
#define KEY_DEBUG 1 /* Key_Type of LE Generate DHKey [v2] */

static void turn_round(uint8_t *to, const uint8_t *from, size_t size)
{
    for (size_t i = 0; i < size; i++)
        to[i] = from[size - 1 - i];
}

uint8_t amble__hc_le_encrypt(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    uint8_t given[BLOCK], secret[BLOCK], text[BLOCK];
    amble__aes_key key;

    (void)controller;
    amble__read_copy(in, given, BLOCK);
    turn_round(secret, given, BLOCK);
    amble__read_copy(in, given, BLOCK);
    turn_round(text, given, BLOCK);
    if (amble__aes_expand(&key, secret))
        return HC_MEMORY_FULL;
    amble__aes_encrypt(&key, text, text);
    amble__aes_wipe(&key);
    amble__wipe(secret, sizeof secret);
    turn_round(given, text, BLOCK);
    amble__write_bytes(out, given, BLOCK);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_rand(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)in;
    amble__write_le64(out, amble__random_u64(amble__air_random(controller->air)));
    return HC_SUCCESS;
}

/* --- P-256 -------------------------------------------------------------------------------------------------------- */

/* The work is done behind the answer; only one of these commands is ever under way. */
uint8_t amble__hc_le_read_local_p_256_public_key(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)controller;
    (void)in;
    (void)out;
    return HC_SUCCESS;
}

void amble__hc_le_generate_p_256(amble__controller *controller, amble__reader *in)
{
    amble__p256_point point;
    uint8_t x[P_256] = {0}, y[P_256] = {0};

    (void)in;
    controller->p_256_known =
        amble__p256_generate(amble__air_random(controller->air), controller->p_256_secret, &point) == AMBLE_OK;
    if (controller->p_256_known) {
        turn_round(x, point.x, P_256);
        turn_round(y, point.y, P_256);
    }
    amble__hc_public_key(controller, controller->p_256_known ? HC_SUCCESS : HC_MEMORY_FULL, x, y);
}

static void share(const amble__controller *controller, const uint8_t secret[P_256], amble__reader *in)
{
    uint8_t coordinates[2 * P_256], shared[P_256], key[P_256];
    amble__p256_point point;
    int result;

    amble__read_copy(in, coordinates, sizeof coordinates);
    turn_round(point.x, coordinates, P_256);
    turn_round(point.y, coordinates + P_256, P_256);
    result = amble__p256_shared(secret, &point, shared);
    turn_round(key, shared, P_256);
    if (result != AMBLE_OK)
        memset(key, 0xFF, P_256); /* what 7.7.65.9 has for a public key that is none */
    amble__hc_dhkey(controller, result == AMBLE_OK ? HC_SUCCESS : HC_INVALID_PARAMETERS, key);
    amble__wipe(shared, sizeof shared);
    amble__wipe(key, sizeof key);
}

uint8_t amble__hc_le_generate_dhkey(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    (void)in;
    (void)out;
    return controller->p_256_known ? HC_SUCCESS : HC_DISALLOWED;
}

void amble__hc_le_share(amble__controller *controller, amble__reader *in)
{
    share(controller, controller->p_256_secret, in);
}

uint8_t amble__hc_le_generate_dhkey_v2(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    uint8_t type;

    (void)out;
    (void)amble__read_view(in, 2 * (size_t)P_256);
    type = amble__read_u8(in);
    if (type > KEY_DEBUG)
        return HC_INVALID_PARAMETERS;
    return type == KEY_DEBUG || controller->p_256_known ? HC_SUCCESS : HC_DISALLOWED;
}

void amble__hc_le_share_v2(amble__controller *controller, amble__reader *in)
{
    /* The secret that everybody knows: Vol 3, Part H, 2.3.5.6.1. */
    static const uint8_t debug[P_256] = {0x3f, 0x49, 0xf6, 0xd4, 0xa3, 0xc5, 0x5f, 0x38, 0x74, 0xc9, 0xb3,
                                         0xe3, 0xd2, 0x10, 0x3f, 0x50, 0x4a, 0xff, 0x60, 0x7b, 0xeb, 0x40,
                                         0xb7, 0x99, 0x58, 0x99, 0xb8, 0xa6, 0xcd, 0x3c, 0x1a, 0xbd};
    amble__reader type = *in;

    (void)amble__read_view(&type, 2 * (size_t)P_256);
    share(controller, amble__read_u8(&type) == KEY_DEBUG ? debug : controller->p_256_secret, in);
}

/* --- encryption of links ------------------------------------------------------------------------------------------ */

static amble__ll_link *link_of(const amble__controller *controller, amble__reader *in)
{
    return amble__ll_link_find(controller, amble__read_le16(in));
}

uint8_t amble__hc_le_enable_encryption(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_link *link = link_of(controller, in);

    (void)out;
    if (!link)
        return HC_UNKNOWN_CONNECTION;
    if (link->role != AMBLE__LL_CENTRAL || amble__ll_control_wanted(link, AMBLE__LL_PROCEDURE_ENCRYPTION))
        return HC_DISALLOWED;
    amble__read_copy(in, link->encryption.random, sizeof link->encryption.random);
    amble__read_copy(in, link->encryption.diversifier, sizeof link->encryption.diversifier);
    amble__read_copy(in, link->encryption.long_term_key, AMBLE__LL_KEY);
    amble__ll_control_want(link, AMBLE__LL_PROCEDURE_ENCRYPTION, true);
    return HC_SUCCESS;
}

static uint8_t answer_request(amble__ll_link *link, const uint8_t *key, amble__writer *out)
{
    if (!link)
        return HC_UNKNOWN_CONNECTION;
    if (!amble__ll_encryption_key(link, key))
        return HC_DISALLOWED;
    amble__write_le16(out, link->handle);
    return HC_SUCCESS;
}

uint8_t amble__hc_le_long_term_key_request_reply(amble__controller *controller, amble__reader *in, amble__writer *out)
{
    amble__ll_link *link = link_of(controller, in);

    return answer_request(link, amble__read_view(in, AMBLE__LL_KEY), out);
}

uint8_t amble__hc_le_long_term_key_request_negative_reply(amble__controller *controller, amble__reader *in,
                                                          amble__writer *out)
{
    return answer_request(link_of(controller, in), NULL, out);
}

void amble__hc_go_on_encrypting(amble__controller *controller, amble__reader *in)
{
    amble__ll_link *link = link_of(controller, in);

    if (link)
        amble__ll_encryption_key_given(link);
}

uint8_t amble__hc_read_authenticated_payload_timeout(amble__controller *controller, amble__reader *in,
                                                     amble__writer *out)
{
    const amble__ll_link *link = link_of(controller, in);

    if (!link)
        return HC_UNKNOWN_CONNECTION;
    amble__write_le16(out, link->handle);
    amble__write_le16(out, link->encryption.timeout);
    return HC_SUCCESS;
}

/* Not shorter than the time between two packets of a peripheral that sleeps. */
uint8_t amble__hc_write_authenticated_payload_timeout(amble__controller *controller, amble__reader *in,
                                                      amble__writer *out)
{
    amble__ll_link *link = link_of(controller, in);
    const uint16_t timeout = amble__read_le16(in);

    if (!link)
        return HC_UNKNOWN_CONNECTION;
    if (timeout * (uint64_t)AMBLE__LL_TIMEOUT_UNIT_US < (link->latency + UINT64_C(1)) * link->interval_us)
        return HC_INVALID_PARAMETERS;
    amble__ll_encryption_set_timeout(link, timeout);
    amble__write_le16(out, link->handle);
    return HC_SUCCESS;
}
