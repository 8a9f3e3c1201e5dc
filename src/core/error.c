/* The sentences behind error numbers (amble/error.h).
 *
 * Every text of a known number is one constant, put together by the compiler from the tables below. Only numbers
 * without an entry are written at run time, into four small buffers of the thread, so no call allocates and none can
 * fail.
 *
 * The sentences weigh a few kilobytes. With AMBLE_BARE_BOARD defined the remedies are left out. */
#include "amble/error.h"

#include <stddef.h>

#include "core/hex.h"
#include "core/per_thread.h"

/* Vol 1 Part F 1.3. Codes of BR/EDR alone have their name only: no LE controller sends them. */
#define HCI_TABLE(X)                                                                                                   \
    X(0x00, "success", "")                                                                                             \
    X(0x01, "unknown command", "the controller is too old for this")                                                   \
    X(0x02, "unknown connection identifier", "the link ended meanwhile; connect again")                                \
    X(0x03, "hardware failure", "reset the controller and open it again")                                              \
    X(0x04, "page timeout", "")                                                                                        \
    X(0x05, "authentication failure", "the keys do not match; delete the bond on both sides and pair again")           \
    X(0x06, "PIN or key missing", "the other side lost its bond; delete yours and pair again")                         \
    X(0x07, "memory capacity exceeded", "the controller is full; close what is not needed")                            \
    X(0x08, "connection timeout", "nothing was heard for the supervision timeout; move closer or allow more")          \
    X(0x09, "connection limit exceeded", "the controller has no more links; close one")                                \
    X(0x0A, "synchronous connection limit exceeded", "")                                                               \
    X(0x0B, "connection already exists", "use the link there is, or close it first")                                   \
    X(0x0C, "command disallowed", "the controller is busy with something that excludes this")                          \
    X(0x0D, "connection rejected: limited resources", "the other side is full; try later")                             \
    X(0x0E, "connection rejected: security", "the other side does not trust this device")                              \
    X(0x0F, "connection rejected: unacceptable address", "")                                                           \
    X(0x10, "connection accept timeout", "")                                                                           \
    X(0x11, "unsupported feature or parameter value", "see what the controller can do")                                \
    X(0x12, "invalid command parameters", "a value is out of the controller's range")                                  \
    X(0x13, "remote user terminated connection", "the other side closed the link; connect again")                      \
    X(0x14, "remote device terminated: low resources", "the other side needs a pause; connect later")                  \
    X(0x15, "remote device terminated: power off", "switch the other side on")                                         \
    X(0x16, "connection terminated by local host", "this program closed the link")                                     \
    X(0x17, "repeated attempts", "wait a while before the next attempt")                                               \
    X(0x18, "pairing not allowed", "let the other side allow pairing")                                                 \
    X(0x19, "unknown LMP PDU", "")                                                                                     \
    X(0x1A, "unsupported remote feature", "the other side's controller cannot do this")                                \
    X(0x1B, "SCO offset rejected", "")                                                                                 \
    X(0x1C, "SCO interval rejected", "")                                                                               \
    X(0x1D, "SCO air mode rejected", "")                                                                               \
    X(0x1E, "invalid LL parameters", "the other side refused the values; try other ones")                              \
    X(0x1F, "unspecified error", "capture the exchange with --capture and look at it")                                 \
    X(0x20, "unsupported LL parameter value", "the other side refused the values; try other ones")                     \
    X(0x21, "role change not allowed", "")                                                                             \
    X(0x22, "LL response timeout", "the other side's controller did not answer within 40 s; connect again")            \
    X(0x23, "LL procedure collision", "both sides asked for the same; try again")                                      \
    X(0x24, "LMP PDU not allowed", "")                                                                                 \
    X(0x25, "encryption mode not acceptable", "pair again with other options")                                         \
    X(0x26, "link key cannot be changed", "")                                                                          \
    X(0x27, "requested QoS not supported", "")                                                                         \
    X(0x28, "instant passed", "a change came too late over a bad radio; connect again")                                \
    X(0x29, "pairing with unit key not supported", "")                                                                 \
    X(0x2A, "different transaction collision", "try again")                                                            \
    X(0x2C, "QoS unacceptable parameter", "")                                                                          \
    X(0x2D, "QoS rejected", "")                                                                                        \
    X(0x2E, "channel classification not supported", "")                                                                \
    X(0x2F, "insufficient security", "pair first, or pair with more protection")                                       \
    X(0x30, "parameter out of mandatory range", "")                                                                    \
    X(0x32, "role switch pending", "")                                                                                 \
    X(0x34, "reserved slot violation", "")                                                                             \
    X(0x35, "role switch failed", "")                                                                                  \
    X(0x36, "extended inquiry response too large", "")                                                                 \
    X(0x37, "secure simple pairing not supported by host", "")                                                         \
    X(0x38, "host busy pairing", "try again when the other pairing is over")                                           \
    X(0x39, "connection rejected: no suitable channel", "")                                                            \
    X(0x3A, "controller busy", "try again")                                                                            \
    X(0x3B, "unacceptable connection parameters", "try other intervals, latency or timeout")                           \
    X(0x3C, "advertising timeout", "nobody connected; advertise again")                                                \
    X(0x3D, "connection terminated: MIC failure", "the keys differ or somebody interferes; delete the bond and pair")  \
    X(0x3E, "connection failed to be established", "the other side did not answer on the new link; connect again")     \
    X(0x3F, "MAC connection failed", "")                                                                               \
    X(0x40, "coarse clock adjustment rejected", "")                                                                    \
    X(0x41, "type 0 submap not defined", "")                                                                           \
    X(0x42, "unknown advertising identifier", "the advertising set is gone; make it again")                            \
    X(0x43, "limit reached", "the number of events or the time asked for is over")                                     \
    X(0x44, "operation cancelled by host", "this program took it back")                                                \
    X(0x45, "packet too long", "send less at once")                                                                    \
    X(0x46, "too late", "")                                                                                            \
    X(0x47, "too early", "")                                                                                           \
    X(0x48, "insufficient channels", "let the controller use more channels")

/* Vol 3 Part F 3.4.1.1 and, from 0xFC on, the Core Specification Supplement Part B 1.2. */
#define ATT_TABLE(X)                                                                                                   \
    X(0x01, "invalid handle", "the attribute is not there; discover again")                                            \
    X(0x02, "read not permitted", "the attribute cannot be read")                                                      \
    X(0x03, "write not permitted", "the attribute cannot be written")                                                  \
    X(0x04, "invalid PDU", "the other side did not understand; capture the exchange with --capture")                   \
    X(0x05, "insufficient authentication", "the attribute needs a paired link; call amble_pair() first")               \
    X(0x06, "request not supported", "the other side cannot do this")                                                  \
    X(0x07, "invalid offset", "the value is shorter than that")                                                        \
    X(0x08, "insufficient authorization", "the other side's user has to allow it")                                     \
    X(0x09, "prepare queue full", "write less at once, or wait until the other side has room")                         \
    X(0x0A, "attribute not found", "nothing of this kind is in that range")                                            \
    X(0x0B, "attribute not long", "the value fits into one read; read it without an offset")                           \
    X(0x0C, "encryption key size too short", "pair again with a key of 16 bytes")                                      \
    X(0x0D, "invalid attribute value length", "send the length that the attribute takes")                              \
    X(0x0E, "unlikely error", "the other side failed; its own log may tell why")                                       \
    X(0x0F, "insufficient encryption", "the attribute needs an encrypted link; call amble_pair() first")               \
    X(0x10, "unsupported group type", "only services are groups")                                                      \
    X(0x11, "insufficient resources", "the other side has no room; try later")                                         \
    X(0x12, "database out of sync", "the other side's services changed; discover again")                               \
    X(0x13, "value not allowed", "the attribute does not take this value")                                             \
    X(0xFC, "write request rejected", "the service refuses this write now")                                            \
    X(0xFD, "client characteristic configuration wrong", "subscribe first, in the way the service wants")              \
    X(0xFE, "procedure already in progress", "wait until the one under way is over")                                   \
    X(0xFF, "out of range", "the service does not take this value")

/* Vol 3 Part H 3.5.5 */
#define SMP_TABLE(X)                                                                                                   \
    X(0x01, "passkey entry failed", "the user refused or cancelled; pair again")                                       \
    X(0x02, "out-of-band data not available", "pair without it, or exchange it first")                                 \
    X(0x03, "authentication requirements", "the sides cannot give the protection asked for; see io and mitm")          \
    X(0x04, "confirm value failed", "wrong passkey, or somebody in between; pair again")                               \
    X(0x05, "pairing not supported", "the other side does not pair")                                                   \
    X(0x06, "encryption key size", "the other side's keys are too short for the options")                              \
    X(0x07, "command not supported", "the other side cannot do this")                                                  \
    X(0x08, "unspecified reason", "pair again; the other side's own log may tell why")                                 \
    X(0x09, "repeated attempts", "wait a while before pairing again")                                                  \
    X(0x0A, "invalid parameters", "capture the exchange with --capture and look at it")                                \
    X(0x0B, "DHKey check failed", "somebody may be in between; pair again")                                            \
    X(0x0C, "numeric comparison failed", "the numbers differ or the user said no")                                     \
    X(0x0D, "BR/EDR pairing in progress", "wait until it is over")                                                     \
    X(0x0E, "cross-transport key derivation not allowed", "pair on each transport")                                    \
    X(0x0F, "key rejected", "the other side does not take this key")                                                   \
    X(0x10, "busy", "the other side is not ready to pair; try later")

/* Vol 3 Part A 4.23 and 4.26 */
#define CONNECT_TABLE(X)                                                                                               \
    X(0x00, "success", "")                                                                                             \
    X(0x02, "SPSM not supported", "nobody listens on that number over there")                                          \
    X(0x04, "no resources available", "the other side has no more channels; try later")                                \
    X(0x05, "insufficient authentication", "the channel needs a paired link; call amble_pair() first")                 \
    X(0x06, "insufficient authorization", "the other side's user has to allow it")                                     \
    X(0x07, "encryption key size too short", "pair again with a key of 16 bytes")                                      \
    X(0x08, "insufficient encryption", "the channel needs an encrypted link; call amble_pair() first")                 \
    X(0x09, "invalid source CID", "capture the exchange with --capture and look at it")                                \
    X(0x0A, "source CID already allocated", "capture the exchange with --capture and look at it")                      \
    X(0x0B, "unacceptable parameters", "try another MTU")                                                              \
    X(0x0C, "invalid parameters", "capture the exchange with --capture and look at it")                                \
    X(0x0D, "pending", "try again")                                                                                    \
    X(0x0E, "authentication pending", "try again when it is paired")                                                   \
    X(0x0F, "authorization pending", "try again when the other side's user allowed it")

/* Vol 3 Part A 4.1 */
#define REJECT_TABLE(X)                                                                                                \
    X(0x00, "command not understood", "the other side cannot do this")                                                 \
    X(0x01, "signalling MTU exceeded", "capture the exchange with --capture and look at it")                           \
    X(0x02, "invalid CID in request", "the channel ended meanwhile; open it again")

/* Vol 3 Part A 4.28 */
#define RECONFIGURE_TABLE(X)                                                                                           \
    X(0x00, "success", "")                                                                                             \
    X(0x01, "MTU may not get smaller", "keep it or raise it")                                                          \
    X(0x02, "MPS may not get smaller on several channels", "keep it or raise it")                                      \
    X(0x03, "a destination CID is invalid", "the channel ended meanwhile; open it again")                              \
    X(0x04, "unacceptable parameters", "try other values")

/* "sentence" or "sentence: remedy" */
#if defined(AMBLE_BARE_BOARD)
#define JOIN(sentence, remedy) sentence
#else
#define JOIN(sentence, remedy) (sizeof(remedy) > 1 ? sentence ": " remedy : sentence)
#endif
#define OWN(number, name, sentence, remedy)                                                                            \
    case number:                                                                                                       \
        return JOIN(sentence, remedy);
#define LAYERED(layer, make, code, sentence, remedy)                                                                   \
    case make(code):                                                                                                   \
        return JOIN(layer " " #code " " sentence, remedy);
#define HCI(code, sentence, remedy)     LAYERED("HCI", AMBLE_ERR_HCI, code, sentence, remedy)
#define ATT(code, sentence, remedy)     LAYERED("ATT", AMBLE_ERR_ATT, code, sentence, remedy)
#define SMP(code, sentence, remedy)     LAYERED("SMP", AMBLE_ERR_SMP, code, sentence, remedy)
#define CONNECT(code, sentence, remedy) LAYERED("L2CAP", AMBLE_ERR_L2CAP_CONNECT, code, sentence, remedy)
#define REJECT(code, sentence, remedy)  LAYERED("L2CAP reject", AMBLE_ERR_L2CAP_REJECT, code, sentence, remedy)
#define RECONFIGURE(code, sentence, remedy)                                                                            \
    LAYERED("L2CAP reconfigure", AMBLE_ERR_L2CAP_RECONFIGURE, code, sentence, remedy)

static const char *known_text(int error)
{
    switch (error) {
        AMBLE_ERROR_TABLE(OWN)
        HCI_TABLE(HCI)
        ATT_TABLE(ATT)
        SMP_TABLE(SMP)
        CONNECT_TABLE(CONNECT)
        REJECT_TABLE(REJECT)
        RECONFIGURE_TABLE(RECONFIGURE)
    default:
        return NULL;
    }
}

/* --- numbers without an entry ------------------------------------------------------------------------------------- */
enum { UNKNOWN_BUFFERS = 4, UNKNOWN_SIZE = 96 };

static char *append(char *at, const char *text)
{
    while (*text)
        *at++ = *text++;
    return at;
}

static const char *att_range(unsigned code)
{
    if (code >= 0x80 && code <= 0x9F)
        return " application error: the service's own specification tells what it means";
    return code >= 0xE0 ? " common profile or service error" : " reserved error";
}

/* "number -42: unknown error" */
static void write_number(char *at, int error)
{
    char digits[12];
    size_t count = 0;
    unsigned left = error < 0 ? 0u - (unsigned)error : (unsigned)error;

    at = append(at, error < 0 ? "number -" : "number ");
    do
        digits[count++] = (char)('0' + left % 10);
    while (left /= 10);
    while (count)
        *at++ = digits[--count];
    at = append(at, ": unknown error");
    *at = '\0';
}

static const char *unknown_text(int error)
{
    static const char *const layers[] = {NULL, "HCI", "ATT", "SMP", "L2CAP", "L2CAP reject", "L2CAP reconfigure"};
    static AMBLE__PER_THREAD char buffers[UNKNOWN_BUFFERS][UNKNOWN_SIZE];
    static AMBLE__PER_THREAD unsigned next;
    char *const text = buffers[next++ % UNKNOWN_BUFFERS];
    const unsigned value = error < 0 ? 0u - (unsigned)error : 0, layer = value >> 8, code = value & 0xff;
    char *at;

    if (layer < 1 || layer >= sizeof layers / sizeof layers[0]) {
        write_number(text, error);
        return text;
    }
    at = append(text, layers[layer]);
    at = append(at, " 0x");
    at = amble__hex_put(at, code);
    at = append(at, layer == 2 ? att_range(code) : " unknown code");
    *at = '\0';
    return text;
}

const char *amble_error_text(int error)
{
    const char *known = known_text(error > 0 ? AMBLE_OK : error); /* a count is a success */

    return known ? known : unknown_text(error);
}
