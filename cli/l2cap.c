/* `amble l2cap`: bytes through a credit-based channel, from a file or the standard input, or to a file or the standard
 * output.
 *
 * Either side may be the one that connects: with --peer this one does, without it it advertises and listens. The
 * channel is closed when everything was sent; that is how the receiver knows. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "amble/error.h"
#include "amble/l2cap.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/peer.h"

enum { WORDS = 3, TIMEOUT_MS = 10000, BLOCK = 8192, QUEUE = 65536 };
enum { MTU_LEAST = 23 }; /* Vol 3 Part A 4.22 */

typedef struct {
    const char *peer, *name;
    uint16_t mtu, sdu_size;
    int timeout_ms;
    bool json;
    const char *words[WORDS];
} l2cap_options;

static bool take_mtu(void *field, const char *value)
{
    return amble__take_u16(field, value) && *(uint16_t *)field >= MTU_LEAST;
}

/* What waits to be sent must fit into the queue with two bytes of its own (amble/l2cap.h). */
static bool take_sdu_size(void *field, const char *value)
{
    return amble__take_u16(field, value) && *(uint16_t *)field && *(uint16_t *)field <= QUEUE - 2;
}

static const amble__option option_table[] = {
    {.name = "--peer",
     .value = "WHO",
     .about = "connects to this address or name; without it, advertises and listens",
     .expected = "an address or a name",
     .take = amble__take_text,
     .field = offsetof(l2cap_options, peer),
     .offer = AMBLE__OFFER_DEVICES},
    {.name = "--name",
     .value = "NAME",
     .about = "advertises with this name; amble unless given",
     .expected = "a name",
     .take = amble__take_text,
     .field = offsetof(l2cap_options, name)},
    {.name = "--mtu",
     .value = "N",
     .about = "the largest SDU this side takes; 65535 unless given",
     .expected = "a number from 23 to 65535",
     .take = take_mtu,
     .field = offsetof(l2cap_options, mtu)},
    {.name = "--sdu-size",
     .value = "N",
     .about = "sends SDUs of at most N bytes",
     .expected = "a number from 1 to 65534",
     .take = take_sdu_size,
     .field = offsetof(l2cap_options, sdu_size)},
    {.name = "--timeout",
     .value = "N",
     .about = "seconds that each step may take; 10 unless given",
     .expected = AMBLE__EXPECTED_SECONDS,
     .take = amble__take_seconds,
     .field = offsetof(l2cap_options, timeout_ms)},
    {.name = "--json",
     .about = "the outcome as a JSON object, on standard error",
     .field = offsetof(l2cap_options, json)},
};

static const char *const help_usage[] = {"l2cap send SPSM [FILE] -t TRANSPORT [OPTIONS]",
                                         "l2cap recv SPSM [FILE] -t TRANSPORT [OPTIONS]", NULL};
static const char *const help_text[] = {
    "send\tsends FILE, or the standard input, through an L2CAP channel, then closes it.",
    "recv\twrites what comes to FILE, or to the standard output, until the other side closes the channel.",
    "SPSM is the number that one side listens on: 128 to 255 (0x80 to 0xFF), or one that is assigned. How much it was "
    "and how long it "
    "took is said on standard error.",
    NULL};
static const char *const help_examples[] = {"amble l2cap recv 0x80 picture.png --name Frame -t usb:0",
                                            "amble l2cap send 0x80 picture.png --peer Frame -t usb:1",
                                            "tar c . | amble l2cap send 0x80 --peer C0:11:22:33:44:55/r -t usb:0",
                                            NULL};

const amble__command amble__command_l2cap = {
    .name = "l2cap",
    .about = "sends and receives through a channel",
    .usage = help_usage,
    .text = help_text,
    .examples = help_examples,
    .exits = {"done", "failed or interrupted", "wrong usage", "no controller", "timeout"},
    .options = option_table,
    .option_count = sizeof option_table / sizeof *option_table,
    .words = {{.name = "DEED", .choices = "send recv"},
              {.name = "SPSM"},
              {.name = "FILE", .offer = AMBLE__OFFER_FILES}},
    .words_least = 2,
    .words_most = WORDS,
    .words_field = offsetof(l2cap_options, words),
    .has_controller = true,
    .run = amble__cli_l2cap};

static int parse(int argc, char **argv, l2cap_options *o, uint16_t *psm)
{
    uint64_t number;
    int r;

    *o = (l2cap_options){.timeout_ms = TIMEOUT_MS};
    r = amble__options_take(&amble__command_l2cap, argc, argv, o);
    if (r)
        return r;
    if (strcmp(o->words[0], "send") != 0 && strcmp(o->words[0], "recv") != 0)
        return amble__options_wrong(&amble__command_l2cap, "%s: this takes send or recv", o->words[0]);
    if (!amble__parse_number(o->words[1], 255, &number) || !number)
        return amble__options_wrong(&amble__command_l2cap, "%s: this takes an SPSM, a number from 1 to 255",
                                    o->words[1]);
    *psm = (uint16_t)number;
    return 0;
}

/* --- the channel -------------------------------------------------------------------------------------------------- */
static int open_channel(amble *ble, const l2cap_options *o, uint16_t psm, amble_connection **conn,
                        amble_l2cap_channel **channel)
{
    const amble_l2cap_options options = {.mtu = o->mtu, .sdu_size = o->sdu_size};
    const amble_advertise_options seen = {.name = o->name, .interval_us = 30000};
    int r;

    if (o->peer) {
        r = amble__peer_connect("amble l2cap", ble, o->peer, o->timeout_ms, conn);
        return r < 0 ? r : amble_l2cap_connect(*conn, psm, &options, channel, o->timeout_ms);
    }
    r = amble_l2cap_listen(ble, psm, &options);
    if (r >= 0)
        r = amble_advertise(ble, &seen, conn, AMBLE_FOREVER);
    return r < 0 ? r : amble_l2cap_accept(*conn, psm, channel, o->timeout_ms);
}

static int complain(const l2cap_options *o, const char *otherwise)
{
    fprintf(stderr, "amble l2cap: %s: %s\n", o->words[2] ? o->words[2] : otherwise, strerror(errno));
    return AMBLE_ERR_IO;
}

static int send_file(const l2cap_options *o, amble_l2cap_channel *channel, FILE *file, uint64_t *bytes)
{
    uint8_t block[BLOCK];
    ssize_t n = 1;
    int r = 0;

    while (r >= 0 && n > 0 && (r = amble_wait_fd(fileno(file), false, AMBLE_FOREVER)) >= 0) {
        n = read(fileno(file), block, sizeof block);
        if (n < 0 && errno == EINTR)
            n = 1; /* once more */
        else if (n < 0)
            r = complain(o, "standard input");
        else if (n > 0)
            r = amble_l2cap_send(channel, block, (size_t)n, AMBLE_FOREVER);
        *bytes += r > 0 ? (uint64_t)r : 0;
    }
    return r < 0 ? r : amble_l2cap_flush(channel, AMBLE_FOREVER);
}

static int recv_file(const l2cap_options *o, amble_l2cap_channel *channel, FILE *file, uint64_t *bytes)
{
    uint8_t block[BLOCK];
    int r;

    while ((r = amble_l2cap_recv(channel, block, sizeof block, AMBLE_FOREVER)) > 0) {
        if (fwrite(block, 1, (size_t)r, file) != (size_t)r)
            return complain(o, "standard output");
        *bytes += (uint64_t)r;
    }
    if (r == AMBLE_ERR_CHANNEL_CLOSED)
        r = fflush(file) ? complain(o, "standard output") : 0;
    return r;
}

static void tell(const l2cap_options *o, uint64_t bytes, uint64_t us)
{
    const double seconds = (double)us / 1e6, rate = us ? (double)bytes * 8e3 / (double)us : 0; /* kbit/s */

    if (o->json)
        fprintf(stderr, "{\"event\": \"%s\", \"bytes\": %llu, \"seconds\": %.3f, \"kbit_per_second\": %.1f}\n",
                o->words[0], (unsigned long long)bytes, seconds, rate);
    else
        fprintf(stderr, "%llu bytes in %.1f s, %.1f kbit/s\n", (unsigned long long)bytes, seconds, rate);
}

/* What is in a file that is to be written stays until there is something to write. */
static FILE *open_file(const l2cap_options *o, bool sends)
{
    FILE *file = sends ? stdin : stdout;
    struct stat there;

    if (o->words[2])
        file = fopen(o->words[2], sends ? "rb" : "ab");
    if (file && fstat(fileno(file), &there) == 0 && S_ISDIR(there.st_mode)) {
        (void)fclose(file); /* it was only looked at */
        file = NULL;
        errno = EISDIR;
    }
    if (!file)
        (void)complain(o, "the standard stream");
    return file;
}

static int transfer(const l2cap_options *o, bool sends, amble_l2cap_channel *channel, FILE *file)
{
    const uint64_t start_us = amble_now_us();
    uint64_t bytes = 0;
    int r;

    if (!sends && o->words[2])
        (void)ftruncate(fileno(file), 0); /* a device has no length */
    r = (sends ? send_file : recv_file)(o, channel, file, &bytes);
    if (r >= 0)
        tell(o, bytes, amble_now_us() - start_us);
    return r;
}

static int app(amble *ble, int argc, char **argv)
{
    amble_l2cap_channel *channel = NULL;
    amble_connection *conn = NULL;
    l2cap_options o = {0};
    uint16_t psm = 0;
    FILE *file;
    bool sends;
    int r = parse(argc, argv, &o, &psm);

    if (r)
        return r < 0 ? r : 0;
    sends = strcmp(o.words[0], "send") == 0;
    file = open_file(&o, sends);
    if (!file)
        return AMBLE_ERR_IO;
    r = open_channel(ble, &o, psm, &conn, &channel);
    if (r >= 0)
        r = transfer(&o, sends, channel, file);
    if (r < 0) { /* a channel that is closed in good order says that everything was sent; a link that ends does not */
        amble_connection_close(conn);
        conn = NULL;
    }
    amble_l2cap_close(channel);
    amble_connection_close(conn);
    if (o.words[2] && fclose(file) && r >= 0)
        r = complain(&o, "");
    return amble__cli_unfinished("amble l2cap", r);
}

int amble__cli_l2cap(int argc, char **argv)
{
    static const amble_config config = {.channel_receive_size = QUEUE, .channel_send_size = QUEUE, .channels = 2};
    l2cap_options o;
    uint16_t psm;
    const int r = parse(argc, argv, &o, &psm);

    if (r)
        return r < 0 ? AMBLE__EXIT_USAGE : AMBLE__EXIT_DONE;
    return amble__cli_main(&amble__command_l2cap, argc, argv, &config, app);
}
