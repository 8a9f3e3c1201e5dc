/* Errors.
 *
 * Every function that can fail returns one `int`: 0 for done, a positive count where it says so, and a negative number
 * for an error. Small numbers (-1 to -99) are amble's own. The rest carry the byte that the peer or the controller
 * sent, together with the layer it came from: -(layer << 8 | byte). So a program can compare with AMBLE_ERR_ATT(0x05),
 * and nothing that a peer said is lost on the way. amble_error_text turns each of them into a sentence with a
 * remedy. */
#ifndef AMBLE_ERROR_H
#define AMBLE_ERROR_H
#ifdef __cplusplus
extern "C" {
#endif

/* number, name, sentence, remedy */
#define AMBLE_ERROR_TABLE(X)                                                                                           \
    X(0, OK, "done", "")                                                                                               \
    X(-1, ERR_TIMEOUT, "the time allowed is over", "allow more time, or see whether the other side answers")           \
    X(-2, ERR_CANCELLED, "the task was cancelled", "")                                                                 \
    X(-3, ERR_DISCONNECTED, "the link is gone", "connect again; amble_connection_reason() tells why it ended")         \
    X(-4, ERR_CHANNEL_CLOSED, "the channel is closed", "open it again")                                                \
    X(-5, ERR_NOT_FOUND, "nothing matches", "see what the other side offers")                                          \
    X(-6, ERR_TOO_LONG, "the value does not fit", "give a larger buffer or send a shorter value")                      \
    X(-7, ERR_NO_MEMORY, "out of memory or slots", "raise the size in the options, or close what is not needed")       \
    X(-8, ERR_BUSY, "somebody else is using it", "let one task at a time take from it")                                \
    X(-9, ERR_ARGUMENT, "wrong argument", "see the function's comment for what it takes")                              \
    X(-10, ERR_UNSUPPORTED, "not supported here", "see what the controller or the other side can do")                  \
    X(-11, ERR_STALE, "it belongs to something that is over", "get it again")                                          \
    X(-12, ERR_IO, "input or output failed", "see whether the file or device is still there")                          \
    X(-13, ERR_CONTROLLER, "the controller stopped answering or reported a failure", "reset it and open it again")     \
    X(-14, ERR_CLOSED, "the host is closed", "")                                                                       \
    X(-15, ERR_PROTOCOL, "the other side broke the protocol", "capture the exchange with --capture and look at it")    \
    X(-16, ERR_NOT_SUBSCRIBED, "the other side did not subscribe",                                                     \
      "wait until it writes the configuration descriptor")                                                             \
    X(-17, ERR_NO_CONTROLLER, "there is no controller", "see that it is plugged in and the transport is named right")  \
    X(-18, ERR_USAGE, "wrong usage", "see --help")                                                                     \
    X(-19, ERR_NO_TASK, "only a task may wait", "call it from a task: amble_run or amble_spawn")                       \
    X(-20, ERR_BOND_LOST, "the other side has no key for this bond",                                                   \
      "it forgot it, or is another device; delete the bond, and pair again if the user agrees")                        \
    X(-21, ERR_PAIRING_TIMEOUT, "the pairing did not go on for 30 s", "connect again before pairing anew")             \
    X(-22, ERR_BAD_FILE, "the file is damaged, or of a newer version", "see the log for which one, and what to do")

#define AMBLE__ERROR_ENUM(number, name, sentence, remedy) AMBLE_##name = (number),
enum { AMBLE_ERROR_TABLE(AMBLE__ERROR_ENUM) };
#undef AMBLE__ERROR_ENUM

#define AMBLE_ERR_HCI(code)               (-(0x100 | (code))) /* Vol 1 Part F 1.3 */
#define AMBLE_ERR_ATT(code)               (-(0x200 | (code))) /* Vol 3 Part F 3.4.1.1 */
#define AMBLE_ERR_SMP(code)               (-(0x300 | (code))) /* Vol 3 Part H 3.5.5 */
#define AMBLE_ERR_L2CAP_CONNECT(code)     (-(0x400 | (code))) /* Vol 3 Part A 4.23 */
#define AMBLE_ERR_L2CAP_REJECT(code)      (-(0x500 | (code))) /* Vol 3 Part A 4.1 */
#define AMBLE_ERR_L2CAP_RECONFIGURE(code) (-(0x600 | (code))) /* Vol 3 Part A 4.28 */

/* What happened and what to do next: "ATT 0x05 insufficient authentication: the attribute needs a paired link; call
 * amble_pair() first". Never NULL. The text of a number without an entry of its own stays valid until the fourth next
 * call on this thread; every other text is constant. Does not wait. */
const char *amble_error_text(int error);

#ifdef __cplusplus
}
#endif
#endif
