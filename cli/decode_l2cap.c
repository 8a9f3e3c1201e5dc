/* L2CAP as text (decode.h), Vol 3 Part A: packets from their fragments, signalling with all fields, and the frames of
 * credit-based channels whose opening was seen. A channel of SPSM 0x0027 is an enhanced ATT bearer: its SDUs are ATT
 * PDUs. */
#include <stdio.h>
#include <string.h>

#include "cli/fields.h"

enum { CID_ATT = 4, CID_SIGNALLING = 5, CID_SMP = 6, SPSM_EATT = 0x27, SHOWN = 32 }; /* 2.1; Vol 3 Part G 5.4 */
enum {
    DISCONNECTION_RESPONSE = 0x07,
    LE_CONNECTION_REQUEST = 0x14,
    LE_CONNECTION_RESPONSE,
    CONNECTION_REQUEST = 0x17,
    CONNECTION_RESPONSE
}; /* 4 */

/* --- channels ----------------------------------------------------------------------------------------------------- */
static amble__decode_channel *find_channel(amble__decode_link *link, bool received, uint16_t cid)
{
    for (size_t i = 0; i < AMBLE__DECODE_CHANNELS; i++) {
        amble__decode_channel *channel = &link->channels[i];

        if (channel->used && channel->received == received && channel->cid == cid)
            return channel;
    }
    return NULL;
}

static amble__decode_channel *open_channel(amble__decode_link *link, bool received, uint16_t cid, uint16_t spsm)
{
    amble__decode_channel *channel = find_channel(link, received, cid);

    if (!channel)
        channel = &link->channels[link->next_channel++ % AMBLE__DECODE_CHANNELS];
    *channel = (amble__decode_channel){.used = true, .received = received, .cid = cid, .spsm = spsm};
    return channel;
}

/* A frame goes to the CID that its receiver gave: those of who asks are in the request, the others in the response. */
static void learn_request(amble__decode_link *link, bool received, uint8_t identifier, uint8_t code, amble__reader r)
{
    amble__decode_opening *opening = &link->openings[received];

    *opening = (amble__decode_opening){.identifier = identifier, .spsm = amble__read_le16(&r)};
    if (code == CONNECTION_REQUEST)
        (void)amble__read_view(&r, 6); /* MTU, MPS, credits; 4.25 */
    while (opening->count < sizeof opening->cids / sizeof *opening->cids && amble__read_left(&r) >= 2) {
        opening->cids[opening->count++] = amble__read_le16(&r);
        if (code == LE_CONNECTION_REQUEST)
            return; /* one alone; 4.22 */
    }
}

static void learn_response(amble__decode_link *link, bool received, uint8_t identifier, uint8_t code, amble__reader r)
{
    amble__decode_opening *opening = &link->openings[!received];
    const bool one = code == LE_CONNECTION_RESPONSE;

    if (!opening->count || opening->identifier != identifier)
        return;
    if (!one)
        (void)amble__read_view(&r, 8); /* MTU, MPS, credits, result; 4.26 */
    for (size_t i = 0; i < opening->count && amble__read_left(&r) >= 2; i++) {
        const uint16_t cid = amble__read_le16(&r);

        if (cid) { /* 0: this one was refused */
            amble__decode_channel *channel = open_channel(link, received, opening->cids[i], opening->spsm);
            const size_t bearer = (size_t)(channel - link->channels);

            channel->bearer = bearer;
            open_channel(link, !received, cid, opening->spsm)->bearer = bearer;
            link->asked_on[bearer] = (amble__decode_request){.opcode = 0};
        }
        if (one)
            break;
    }
    opening->count = 0;
}

static void forget(amble__decode_link *link, bool received, amble__reader r)
{
    amble__decode_channel *theirs = find_channel(link, !received, amble__read_le16(&r));
    amble__decode_channel *ours = find_channel(link, received, amble__read_le16(&r));

    if (theirs)
        theirs->used = false;
    if (ours)
        ours->used = false;
}

/* Requests overlap: each bearer has one of its own. */
static void decode_bearer(amble__decode_link *link, const amble__decode_channel *channel, amble__decoded *out)
{
    const amble__decode_request fixed = link->asked;
    const size_t room = sizeof out->detail - sizeof " (channel 0x0000)";
    size_t used;

    link->asked = link->asked_on[channel->bearer];
    amble__decode_att(link, amble__reader_of(channel->sdu, channel->size), out);
    link->asked_on[channel->bearer] = link->asked;
    link->asked = fixed;
    used = strlen(out->detail);
    if (used < room)
        snprintf(out->detail + used, sizeof out->detail - used, "%s(channel 0x%04X)", used ? " " : "", channel->cid);
}

bool amble__decode_channel_frame(amble__decode_link *link, bool received, uint16_t cid, amble__reader r,
                                 amble__decoded *out)
{
    amble__decode_channel *channel = find_channel(link, received, cid);
    amble__printer p = amble__printer_of(out->detail, sizeof out->detail);
    amble__bytes bytes;
    size_t room;
    bool first;

    if (!channel)
        return false;
    first = !channel->left;
    if (first) {
        channel->size = 0;
        channel->expected = channel->left = amble__read_le16(&r); /* 3.4.3 */
    }
    bytes = amble__read_rest(&r);
    room = sizeof channel->sdu - channel->size;
    if (bytes.size)
        memcpy(channel->sdu + channel->size, bytes.data, bytes.size < room ? bytes.size : room);
    channel->size += bytes.size < room ? bytes.size : room;
    channel->left -= bytes.size < channel->left ? bytes.size : channel->left;
    if (channel->spsm == SPSM_EATT && !channel->left) {
        decode_bearer(link, channel, out);
        return true;
    }
    out->layer = "l2cap";
    snprintf(out->name, sizeof out->name, "Channel 0x%04X", cid);
    amble__say(&p, "SPSM 0x%04X, SDU of %zu bytes%s", channel->spsm, channel->expected, first ? "" : ", continued");
    if (channel->left)
        amble__say(&p, ", %zu more to come", channel->left);
    amble__say(&p, ": ");
    amble__say_bytes(&p, bytes, SHOWN);
    return true;
}

/* --- signalling --------------------------------------------------------------------------------------------------- */
#define CHANNEL_RESULTS                                                                                                \
    "e2{success||SPSM not supported||no resources|insufficient authentication|insufficient authorization|key size "    \
    "too short|insufficient encryption|invalid source CID|source CID in use|unacceptable parameters|invalid "          \
    "parameters|pending|authentication pending|authorization pending}"

static const struct {
    const char *name, *fields;
} signals[] = {
    [0x01] = {"Command Reject", "e2{not understood|signalling MTU exceeded|invalid CID};*"},
    [0x06] = {"Disconnection Request", "x2 to channel;x2 from channel"},
    [0x07] = {"Disconnection Response", "x2 to channel;x2 from channel"},
    [0x0a] = {"Information Request", "x2"},
    [0x0b] = {"Information Response", "x2;x2;*"},
    [0x12] = {"Connection Parameter Update Request", "c least interval;c most interval;u2 latency;t timeout"},
    [0x13] = {"Connection Parameter Update Response", "e2{accepted|rejected}"},
    [0x14] = {"LE Credit Based Connection Request", "x2 SPSM;x2 channel;u2 MTU;u2 MPS;n2 credits"},
    [0x15] = {"LE Credit Based Connection Response", "x2 channel;u2 MTU;u2 MPS;n2 credits;" CHANNEL_RESULTS},
    [0x16] = {"Flow Control Credit", "x2 channel;n2 credits"},
    [0x17] = {"Credit Based Connection Request", "x2 SPSM;u2 MTU;u2 MPS;n2 credits;+(x2 channel)"},
    [0x18] = {"Credit Based Connection Response", "u2 MTU;u2 MPS;n2 credits;" CHANNEL_RESULTS ";+(x2 channel)"},
    [0x19] = {"Credit Based Reconfigure Request", "u2 MTU;u2 MPS;+(x2 channel)"},
    [0x1a] = {"Credit Based Reconfigure Response",
              "e2{success|MTU must not shrink|MPS must not shrink|invalid channel|unacceptable parameters}"},
};

static void learn(amble__decode_link *link, bool received, uint8_t identifier, uint8_t code, amble__reader r)
{
    if (code == LE_CONNECTION_REQUEST || code == CONNECTION_REQUEST)
        learn_request(link, received, identifier, code, r);
    else if (code == LE_CONNECTION_RESPONSE || code == CONNECTION_RESPONSE)
        learn_response(link, received, identifier, code, r);
    else if (code == DISCONNECTION_RESPONSE)
        forget(link, received, r);
}

void amble__decode_signalling(amble__decode_link *link, bool received, amble__reader r, amble__decoded *out)
{
    const uint8_t code = amble__read_u8(&r), identifier = amble__read_u8(&r);
    const size_t length = amble__read_le16(&r);
    const bool known = code < sizeof signals / sizeof *signals && signals[code].name;
    amble__printer p = amble__printer_of(out->detail, sizeof out->detail);

    out->layer = "l2cap";
    amble__decode_set_name(out, known ? signals[code].name : NULL, "Code", code);
    if (r.failed || amble__read_left(&r) != length) {
        amble__say(&p, "malformed: ");
    } else {
        amble__say(&p, "identifier %u", identifier);
        learn(link, received, identifier, code, r);
        if (known)
            amble__say_fields(&p, &r, out, signals[code].fields);
    }
    amble__say_rest(&p, &r, out);
}

/* --- packets ------------------------------------------------------------------------------------------------------ */
static void decode_frame(amble__decode_link *link, bool received, const amble__frame *frame, amble__decoded *out)
{
    amble__reader r = amble__reader_of(frame->data, frame->size);
    amble__printer p = amble__printer_of(out->detail, sizeof out->detail);
    const unsigned length = amble__read_le16(&r);
    const uint16_t channel = amble__read_le16(&r);

    switch (channel) {
    case CID_ATT:
        amble__decode_att(link, r, out);
        break;
    case CID_SIGNALLING:
        amble__decode_signalling(link, received, r, out);
        break;
    case CID_SMP:
        amble__decode_smp(r, out);
        break;
    default:
        if (amble__decode_channel_frame(link, received, channel, r, out))
            break;
        out->layer = "l2cap";
        snprintf(out->name, sizeof out->name, "Channel 0x%04X", channel);
        amble__say(&p, "%u bytes: ", length);
        amble__say_bytes(&p, amble__read_rest(&r), SHOWN);
        break;
    }
}

/* Appends what is there, as far as there is room; the rest only counts. */
static void grow(amble__frame *frame, amble__bytes bytes)
{
    const size_t room = frame->size < sizeof frame->data ? sizeof frame->data - frame->size : 0;

    if (bytes.size)
        memcpy(frame->data + frame->size, bytes.data, bytes.size < room ? bytes.size : room);
    frame->size += bytes.size < room ? bytes.size : room;
    frame->expected -= bytes.size < frame->expected ? bytes.size : frame->expected;
}

void amble__decode_fragment(amble__decode_link *link, bool received, bool first, amble__bytes bytes,
                            amble__decoded *out)
{
    amble__frame *frame = &link->frames[received];
    amble__printer p = amble__printer_of(out->detail, sizeof out->detail);

    if (first) {
        frame->size = 0;
        frame->expected = bytes.size >= 2 ? (size_t)amble__get_le16(bytes.data) + 4 : bytes.size;
    } else if (!frame->expected) {
        amble__say(&p, "a fragment without a beginning, %zu bytes", bytes.size);
        return;
    }
    grow(frame, bytes);
    if (frame->expected)
        amble__say(&p, "a fragment of %zu bytes, %zu more to come", bytes.size, frame->expected);
    else
        decode_frame(link, received, frame, out);
}

/* --- SMP, Vol 3 Part H 3 ------------------------------------------------------------------------------------------ */
#define KEYS           "{EncKey|IdKey|SignKey|LinkKey}"
#define AUTHENTICATION "m1{bonding||MITM|secure connections|keypress|CT2}"
#define FEATURES                                                                                                       \
    "e1{display|display, yes and no|keyboard|no input, no output|keyboard and display};e1 out of "                     \
    "band{no|yes};" AUTHENTICATION ";n1 key bytes;m1 initiator" KEYS ";m1 responder" KEYS

void amble__decode_smp(amble__reader r, amble__decoded *out)
{
    static const struct {
        const char *name, *fields;
    } commands[] = {
        [0x01] = {"Pairing Request", FEATURES},
        [0x02] = {"Pairing Response", FEATURES},
        [0x03] = {"Pairing Confirm", "b16"},
        [0x04] = {"Pairing Random", "b16"},
        [0x05] =
            {"Pairing Failed",
             "e1{|passkey entry failed|no out-of-band data|authentication requirements|confirm value failed|pairing "
             "not supported|encryption key size|command not supported|unspecified reason|repeated attempts|invalid "
             "parameters|DHKey check failed|numeric comparison failed|BR/EDR pairing in progress|cross-transport key "
             "not allowed|key rejected|busy}"},
        [0x06] = {"Encryption Information", "b16"},
        [0x07] = {"Central Identification", "x2 EDIV;x8 random"},
        [0x08] = {"Identity Information", "b16"},
        [0x09] = {"Identity Address Information", "A"},
        [0x0a] = {"Signing Information", "b16"},
        [0x0b] = {"Security Request", AUTHENTICATION},
        [0x0c] = {"Pairing Public Key", "b32 x;b32 y"},
        [0x0d] = {"Pairing DHKey Check", "b16"},
        [0x0e] = {"Pairing Keypress Notification",
                  "e1{entry started|digit entered|digit erased|cleared|entry completed}"},
    };
    const uint8_t code = amble__read_u8(&r);
    const bool known = code < sizeof commands / sizeof *commands && commands[code].name;
    amble__printer p = amble__printer_of(out->detail, sizeof out->detail);

    out->layer = "smp";
    amble__decode_set_name(out, known ? commands[code].name : NULL, "Code", code);
    if (known)
        amble__say_fields(&p, &r, out, commands[code].fields);
    amble__say_rest(&p, &r, out);
}
