/* Fetches and stores files at an l2cap_file_server: list, get and put, with progress. An interrupted transfer goes on
 * where it was; a file appears under its name only when all of it is there and its SHA-256 is the server's. The
 * protocol is in board_files.h. */
#include <amble.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "board_files.h"

enum { WAIT_MS = 30000, MESSAGE = 128, PROGRESS_US = 1000000 };

static const amble_uuid service_uuid = AMBLE_UUID128("0492fcec-7194-11eb-9439-0242ac130002");
static const amble_uuid control_uuid = AMBLE_UUID128("0492fcec-7194-11eb-9439-0242ac130003");

typedef struct {
    amble_l2cap_channel *channel;
    amble_remote_characteristic control;
    amble_subscription *answers;
    uint8_t sequence;
} session;

typedef struct {
    const char *deed, *name, *as;
    uint16_t psm;
} wishes;
static wishes wanted = {.psm = FILES_PSM};
static bool is_finished; /* the deed: only then is Ctrl-C no failure */

/* What amble_main says of an error is not about files. Returns the error. */
static int complain(int error, const char *name, const char *what, const char *why)
{
    char shown[FILES_LINE];

    board_clean(shown, sizeof shown, name);
    (void)fprintf(stderr, "l2cap_file_client: %s%s%s\n", shown, what, why);
    return error;
}

/* --- commands ----------------------------------------------------------------------------------------------------- */
static int command(session *s, uint8_t number, const void *data, size_t size)
{
    uint8_t message[MESSAGE] = {number, ++s->sequence};

    if (size > sizeof message - 2)
        return AMBLE_ERR_TOO_LONG;
    memcpy(message + 2, data, size);
    return amble_write(&s->control, message, 2 + size, WAIT_MS);
}

static int status_error(uint8_t status)
{
    return status == STATUS_OK ? 0 : status == STATUS_NOT_FOUND ? AMBLE_ERR_NOT_FOUND : AMBLE_ERR_IO;
}

/* The answer to the last command, whose first bytes are these two. A command may be done without one. */
static int await_answer(session *s, uint8_t first, uint8_t second, amble_value *answer)
{
    int r;

    while ((r = amble_notified(s->answers, answer, WAIT_MS)) >= 0) {
        if (answer->size >= 3 && answer->data[0] == first && answer->data[1] == second)
            return 0;
        if (answer->size == 3 && answer->data[0] == COMMAND_DONE && answer->data[1] == s->sequence)
            return answer->data[2] == STATUS_OK ? AMBLE_ERR_PROTOCOL : status_error(answer->data[2]);
    }
    return r;
}
static int await_done(session *s)
{
    amble_value answer;
    const int r = await_answer(s, COMMAND_DONE, s->sequence, &answer);

    return r < 0 ? r : status_error(answer.data[2]);
}

static int ask_size(session *s, const char *name, uint32_t *size)
{
    amble_value answer;
    int r = command(s, COMMAND_SIZE, name, strlen(name));

    while (r >= 0 && (r = amble_notified(s->answers, &answer, WAIT_MS)) >= 0) {
        if (answer.size == 3 && answer.data[0] == COMMAND_DONE && answer.data[1] == s->sequence)
            return answer.data[2] == STATUS_OK ? AMBLE_ERR_PROTOCOL : status_error(answer.data[2]);
        if (answer.size == 2 + FILES_SIZE && answer.data[0] == s->sequence)
            break;
    }
    if (r < 0)
        return r;
    *size = amble_get_le32(answer.data + 2);
    return status_error(answer.data[1]);
}

static int check_length(const char *name)
{
    return strlen(name) < FILES_NAME ? 0 : complain(AMBLE_ERR_TOO_LONG, name, ": a name of more than 99 bytes", "");
}

static int size_of(int file, uint32_t *size)
{
    struct stat st;

    if (file < 0 || fstat(file, &st))
        return AMBLE_ERR_IO;
    errno = S_ISDIR(st.st_mode) ? EISDIR : !S_ISREG(st.st_mode) ? EINVAL : EFBIG;
    if (!S_ISREG(st.st_mode) || st.st_size > UINT32_MAX)
        return AMBLE_ERR_IO;
    *size = (uint32_t)st.st_size;
    return 0;
}

/* Whether the first bytes of a file here are those of the server's: 1 or 0. */
static int is_same(session *s, int file, const char *name, uint32_t size)
{
    uint8_t digest[FILES_DIGEST], offset[FILES_SIZE];
    amble_value answer;
    int r = files_digest(file, size, digest) ? AMBLE_ERR_IO : 0;

    amble_put_le32(offset, size);
    if (r >= 0)
        r = command(s, COMMAND_OFFSET, offset, sizeof offset);
    if (r >= 0)
        r = command(s, COMMAND_DIGEST, name, strlen(name));
    if (r >= 0)
        r = await_answer(s, COMMAND_DIGEST, s->sequence, &answer);
    if (r < 0 || (r = status_error(answer.data[2])) < 0)
        return r;
    return answer.size == 3 + FILES_DIGEST && memcmp(answer.data + 3, digest, sizeof digest) == 0;
}

/* --- progress ----------------------------------------------------------------------------------------------------- */
typedef struct {
    uint64_t start_us, shown_us;
    uint32_t from, size;
} progress;

static void show(progress *p, uint32_t at)
{
    const uint64_t now = amble_now_us(), took = now - p->start_us;

    if (at != p->size && now - p->shown_us < PROGRESS_US)
        return;
    p->shown_us = now;
    printf("%u of %u bytes, %.1f kbit/s\n", (unsigned)at, (unsigned)p->size,
           took ? (double)(at - p->from) * 8e3 / (double)took : 0);
}

/* --- deeds -------------------------------------------------------------------------------------------------------- */
/* A line of a list, or what of it there was room for: "SIZE:NAME". */
static void show_line(const char *line)
{
    char shown[FILES_LINE];

    puts(board_clean(shown, sizeof shown, line));
}

static int list(session *s)
{
    char line[FILES_LINE];
    uint8_t data[FILES_BLOCK];
    size_t used = 0;
    int r = command(s, COMMAND_LIST, "", 0);

    while (r >= 0 && (r = amble_l2cap_recv(s->channel, data, sizeof data, WAIT_MS)) > 0) {
        for (int i = 0; i < r; i++) {
            if (data[i] != '\n') {
                if (used + 1 < sizeof line)
                    line[used++] = (char)data[i];
                continue;
            }
            if (!used)
                return await_done(s);
            line[used] = '\0';
            show_line(line);
            used = 0;
        }
    }
    return r;
}

/* Some of the bytes that are still to come, unless the server says before that it is done: its file has become shorter,
 * or went. */
static int recv_some(session *s, const char *name, void *data, size_t size)
{
    const amble_source sources[] = {amble_on_l2cap_recv(s->channel), amble_on_notified(s->answers)};
    int r = amble_wait_first(sources, sizeof sources / sizeof *sources, WAIT_MS);

    if (r == 0)
        return amble_l2cap_recv(s->channel, data, size, 0);
    if (r > 0)
        r = await_done(s);
    return r == 0 || r == AMBLE_ERR_NOT_FOUND
               ? complain(AMBLE_ERR_IO, name, ": the file became shorter at the server meanwhile; get it again", "")
               : r;
}

static int fetch_rest(session *s, const char *name, int file, uint32_t have, uint32_t size)
{
    progress p = {.start_us = amble_now_us(), .from = have, .size = size};
    uint8_t data[FILES_BLOCK], offset[FILES_SIZE];
    int r = 0;

    amble_put_le32(offset, have);
    if (have)
        r = command(s, COMMAND_OFFSET, offset, sizeof offset);
    if (r >= 0)
        r = command(s, COMMAND_SEND, name, strlen(name));
    while (r >= 0 && have < size) {
        r = recv_some(s, name, data, size - have < sizeof data ? size - have : sizeof data);
        if (r > 0 && write(file, data, (size_t)r) != r)
            r = complain(AMBLE_ERR_IO, name, " cannot be written: ", strerror(errno));
        have += r > 0 ? (uint32_t)r : 0;
        show(&p, have);
    }
    return r < 0 ? r : await_done(s);
}

static void say_beginning(uint32_t there, bool usable)
{
    if (there && usable)
        printf("going on at %u\n", (unsigned)there);
    else if (there)
        printf("beginning anew: what was there is of another file\n");
}

/* How much of the file is there already; what is of another one is dropped. */
static int use_part(session *s, int file, uint32_t size, uint32_t *have)
{
    int r = size_of(file, have);

    if (r < 0 || !*have)
        return r;
    r = *have > size ? 0 : is_same(s, file, wanted.name, *have);
    if (r >= 0)
        say_beginning(*have, r);
    if (r != 0)
        return r < 0 ? r : 0;
    *have = 0;
    return ftruncate(file, 0) ? AMBLE_ERR_IO : 0;
}

/* The unfinished file of `as` here; -1 after a sentence. */
static int open_part(int here, const char *as)
{
    char part[FILES_NAME + 8];
    int file = -1;

    errno = ENAMETOOLONG;
    if (files_part_name(as, part) && files_may_be(here, as) == 0)
        file = files_open(here, part, O_RDWR | O_CREAT | O_APPEND);
    if (file < 0)
        (void)complain(0, as, " cannot be written: ", strerror(errno)); /* EACCES: leads out of here */
    return file;
}

static int get(session *s, int here)
{
    const char *as = wanted.as ? wanted.as : wanted.name;
    uint32_t size = 0, have = 0;
    int file, r = check_length(wanted.name);

    if (r >= 0)
        r = ask_size(s, wanted.name, &size);
    if (r < 0)
        return r != AMBLE_ERR_NOT_FOUND ? r : complain(r, wanted.name, ": the server has no such file", "");
    file = open_part(here, as);
    if (file < 0)
        return AMBLE_ERR_IO;
    r = use_part(s, file, size, &have);
    if (r >= 0)
        r = fetch_rest(s, wanted.name, file, have, size);
    if (r >= 0 && (r = is_same(s, file, wanted.name, size)) == 0) {
        (void)fprintf(stderr, "the checksums differ: the file has changed meanwhile\n");
        (void)!ftruncate(file, 0); /* what stays is found to be of another file the next time */
        r = AMBLE_ERR_IO;
    }
    if (r >= 0 && (fsync(file) || files_finish(here, as)))
        r = complain(AMBLE_ERR_IO, as, " cannot be written: ", strerror(errno));
    close(file);
    return r;
}

static int store_rest(session *s, int file, uint32_t have, uint32_t size)
{
    progress p = {.start_us = amble_now_us(), .from = have, .size = size};
    uint8_t data[FILES_BLOCK];
    ssize_t n;
    int r = files_digest(file, size, data + 2 * FILES_SIZE) ? AMBLE_ERR_IO : 0;

    amble_put_le32(data, have);
    amble_put_le32(data + FILES_SIZE, size);
    if (r >= 0)
        r = amble_l2cap_send(s->channel, data, 2 * FILES_SIZE + FILES_DIGEST, WAIT_MS);
    if (lseek(file, (off_t)have, SEEK_SET) < 0)
        return AMBLE_ERR_IO;
    while (r >= 0 && have < size) {
        n = read(file, data, size - have < sizeof data ? size - have : sizeof data);
        r = n <= 0 ? AMBLE_ERR_IO : amble_l2cap_send(s->channel, data, (size_t)n, WAIT_MS);
        have += r >= 0 ? (uint32_t)n : 0;
        show(&p, have);
    }
    return r < 0 ? r : await_done(s);
}

/* Whether what the server has is the beginning of this file. */
static bool is_beginning(const amble_value *answer, int file, uint32_t have, uint32_t size)
{
    uint8_t digest[FILES_DIGEST];

    return have <= size && files_digest(file, have, digest) == 0 &&
           memcmp(answer->data + 3 + FILES_SIZE, digest, sizeof digest) == 0;
}

static int put(session *s)
{
    const char *slash = strrchr(wanted.name, '/'), *as = wanted.as ? wanted.as : slash ? slash + 1 : wanted.name;
    const int file = open(wanted.name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    uint32_t size, have = 0;
    amble_value answer;
    int r = size_of(file, &size);

    if (r < 0)
        (void)complain(r, wanted.name, " cannot be read: ", strerror(errno));
    if (r >= 0)
        r = check_length(as);
    if (r >= 0)
        r = command(s, COMMAND_RECEIVE, as, strlen(as));
    if (r >= 0)
        r = await_answer(s, COMMAND_RECEIVE, s->sequence, &answer);
    if (r >= 0)
        r = status_error(answer.data[2]);
    if (r == AMBLE_ERR_NOT_FOUND)
        (void)complain(r, as, ": the server takes no file of this name", "");
    if (r >= 0 && answer.size != 3 + FILES_SIZE + FILES_DIGEST)
        r = AMBLE_ERR_PROTOCOL;
    if (r >= 0) {
        const uint32_t there = amble_get_le32(answer.data + 3);
        const bool usable = is_beginning(&answer, file, there, size);

        say_beginning(there, usable);
        have = usable ? there : 0;
        r = store_rest(s, file, have, size);
    }
    if (file >= 0)
        close(file);
    return r;
}

/* --- the link ----------------------------------------------------------------------------------------------------- */
static int work(amble_connection *conn)
{
    amble_remote_service service;
    session s = {.channel = NULL};
    const int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = amble_exchange_mtu(conn, WAIT_MS);

    if (r >= 0)
        r = amble_find_service(conn, &service_uuid, &service, WAIT_MS);
    if (r >= 0)
        r = amble_find_characteristic(&service, &control_uuid, &s.control, WAIT_MS);
    if (r >= 0)
        r = amble_subscribe(&s.control, NULL, &s.answers, WAIT_MS);
    if (r >= 0)
        r = amble_l2cap_connect(conn, wanted.psm, NULL, &s.channel, WAIT_MS);
    if (r >= 0)
        r = strcmp(wanted.deed, "list") == 0 ? list(&s) : strcmp(wanted.deed, "get") == 0 ? get(&s, here) : put(&s);
    amble_l2cap_close(s.channel);
    amble_subscription_close(s.answers);
    if (here >= 0)
        close(here);
    return r;
}

/* What is wanted; false after a sentence. */
static bool take_wishes(int argc, char **argv)
{
    static const struct {
        const char *name;
        int least, most;
    } deeds[] = {{"list", 1, 1}, {"get", 2, 3}, {"put", 2, 3}};
    const char *words[3];
    const int count = files_take_words("l2cap_file_client", argc, argv, &wanted.psm, words, 3);

    for (size_t i = 0; count > 0 && i < sizeof deeds / sizeof *deeds; i++) {
        if (strcmp(words[0], deeds[i].name) != 0 || count < deeds[i].least || count > deeds[i].most)
            continue;
        wanted.deed = words[0];
        wanted.name = words[1];
        wanted.as = words[2];
        return true;
    }
    if (count >= 0)
        (void)fprintf(stderr, "l2cap_file_client: this takes list, get NAME [AS] or put NAME [AS]; see --help\n");
    return false;
}

static int app(amble *ble, int argc, char **argv)
{
    const amble_scan_options options = {
        .active = true, .interval_us = 60000, .window_us = 60000, .service = &service_uuid};
    const amble_connect_options quick = {.min_interval_us = 15000, .max_interval_us = 30000};
    amble_scan_result found;
    amble_connection *conn;
    int r;

    if (!take_wishes(argc, argv))
        return AMBLE_ERR_USAGE;
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    r = amble_scan_find(ble, &options, &found, 10000);
    if (r == AMBLE_ERR_TIMEOUT)
        return complain(r, "no server", " was heard; see whether one runs, and serves nobody else", "");
    if (r >= 0)
        r = amble_connect(ble, found.device, &quick, &conn, 10000);
    if (r >= 0) {
        r = work(conn);
        amble_connection_close(conn);
    }
    is_finished = r >= 0;
    if (is_finished)
        printf("done\n");
    if (r == AMBLE_ERR_CANCELLED)
        (void)complain(r, wanted.deed, " was interrupted; what is there already is used the next time", "");
    return r;
}

int main(int argc, char **argv)
{
    int exit_code;

    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        puts("l2cap_file_client list|get NAME [AS]|put NAME [AS] [--psm N] -t TRANSPORT: files of an "
             "l2cap_file_server.\n\n"
             "Examples:\n  build/examples/l2cap_file_client list -t tcp-client:127.0.0.1:7300\n"
             "  build/examples/l2cap_file_client get picture.png -t tcp-client:127.0.0.1:7300");
        return 0;
    }
    exit_code = amble_main(argc, argv, app);
    return exit_code || is_finished ? exit_code : EXIT_FAILURE;
}
