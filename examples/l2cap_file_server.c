/* Serves one directory through an L2CAP channel, as MicroPython's l2cap_file_server.py does, and more: uploads,
 * transfers that go on where they were interrupted, digests. The protocol is in board_files.h, the other half is
 * l2cap_file_client. */
#include <amble.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "board_files.h"

enum { WAIT_MS = 30000, MESSAGE = 128 };

static const amble_uuid service_uuid = AMBLE_UUID128("0492fcec-7194-11eb-9439-0242ac130002");
static const amble_uuid control_uuid = AMBLE_UUID128("0492fcec-7194-11eb-9439-0242ac130003");
static const amble_characteristic control = {
    .uuid = &control_uuid, .write = true, .notify = true, .capture = true, .max_size = MESSAGE};
static const amble_service file_service = {.uuid = &service_uuid, .characteristics = AMBLE_LIST(&control)};

static int directory = -1;
static uint16_t psm = FILES_PSM;

/* One command under way. */
typedef struct {
    amble_connection *conn;
    amble_l2cap_channel *channel;
    uint8_t command, sequence;
    char name[FILES_NAME];
    uint32_t offset; /* of the next SEND or DIGEST; 0: none */
} session;

static int answer(const session *s, uint8_t status, const void *more, size_t size)
{
    uint8_t message[3 + FILES_SIZE + FILES_DIGEST] = {s->command, s->sequence, status};

    if (size)
        memcpy(message + 3, more, size);
    return amble_notify(s->conn, &control, message, 3 + size, WAIT_MS);
}
static int done(const session *s, uint8_t status)
{
    const uint8_t message[] = {COMMAND_DONE, s->sequence, status};

    return amble_notify(s->conn, &control, message, sizeof message, WAIT_MS);
}

static int send_file(session *s)
{
    const int file = files_open(directory, s->name, O_RDONLY);
    uint8_t block[FILES_BLOCK];
    ssize_t n = -1;
    int r = 0;

    if (file < 0)
        return done(s, STATUS_NOT_FOUND);
    if (lseek(file, (off_t)s->offset, SEEK_SET) >= 0)
        while (r >= 0 && (n = read(file, block, sizeof block)) > 0)
            r = amble_l2cap_send(s->channel, block, (size_t)n, WAIT_MS);
    close(file);
    s->offset = 0;
    if (r >= 0)
        r = amble_l2cap_flush(s->channel, WAIT_MS);
    return r < 0 ? r : done(s, n < 0 ? STATUS_FAILED : STATUS_OK);
}

/* Exactly so many bytes from the channel. */
static int recv_all(amble_l2cap_channel *channel, void *buffer, size_t size)
{
    int r = 0;

    for (size_t got = 0; r >= 0 && got < size; got += (size_t)(r > 0 ? r : 0))
        r = amble_l2cap_recv(channel, (uint8_t *)buffer + got, size - got, WAIT_MS);
    return r < 0 ? r : 0;
}

/* What the client says before the bytes of an upload. */
typedef struct {
    uint32_t begin, size;
    uint8_t digest[FILES_DIGEST];
} upload;

static int recv_upload(const session *s, upload *u)
{
    uint8_t bytes[2 * FILES_SIZE + FILES_DIGEST];
    const int r = recv_all(s->channel, bytes, sizeof bytes);

    u->begin = amble_get_le32(bytes);
    u->size = amble_get_le32(bytes + FILES_SIZE);
    memcpy(u->digest, bytes + 2 * FILES_SIZE, sizeof u->digest);
    return r;
}

/* The bytes of an upload from there on. What came of an interrupted one stays for the next time. */
static int recv_rest(const session *s, int file, uint32_t left, bool *written)
{
    uint8_t block[FILES_BLOCK];
    int r = 0;

    for (; left; left -= (uint32_t)r) {
        r = amble_l2cap_recv(s->channel, block, left < sizeof block ? left : sizeof block, WAIT_MS);
        if (r < 0)
            return r;
        *written = *written && write(file, block, (size_t)r) == r;
    }
    return 0;
}

/* Takes an upload into its unfinished file; `*good` when that is what was to come. One that is not is dropped. */
static int recv_into(const session *s, int file, uint32_t have, bool *good)
{
    uint8_t digest[FILES_DIGEST];
    bool written = true;
    upload u = {.begin = 0};
    int r = recv_upload(s, &u);

    if (r < 0)
        return r;
    if ((u.begin != have && u.begin != 0) || u.begin > u.size || ftruncate(file, (off_t)u.begin))
        return AMBLE_ERR_PROTOCOL;
    r = recv_rest(s, file, u.size - u.begin, &written);
    if (r < 0)
        return r;
    *good = written && fsync(file) == 0 && files_digest(file, u.size, digest) == 0 &&
            memcmp(digest, u.digest, sizeof digest) == 0;
    return *good || ftruncate(file, 0) == 0 ? 0 : AMBLE_ERR_IO;
}

static int receive_file(const session *s)
{
    char part[FILES_NAME + 8];
    const bool may_be = files_may_be(directory, s->name) == 0 && files_part_name(s->name, part);
    const int file = may_be ? files_open(directory, part, O_RDWR | O_CREAT | O_APPEND) : -1;
    const off_t have = file < 0 ? -1 : lseek(file, 0, SEEK_END);
    uint8_t known[FILES_SIZE + FILES_DIGEST] = {0};
    bool good = false;
    int r;

    if (have < 0 || have > UINT32_MAX || files_digest(file, (uint32_t)have, known + FILES_SIZE)) {
        if (file >= 0)
            close(file);
        return answer(s, STATUS_NOT_FOUND, known, sizeof known);
    }
    amble_put_le32(known, (uint32_t)have);
    r = answer(s, STATUS_OK, known, sizeof known);
    if (r >= 0)
        r = recv_into(s, file, (uint32_t)have, &good);
    if (close(file))
        good = false;
    return r < 0 ? r : done(s, good && files_finish(directory, s->name) == 0 ? STATUS_OK : STATUS_FAILED);
}

static int send_list(const session *s)
{
    DIR *entries = fdopendir(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const struct dirent *entry;
    char line[FILES_LINE];
    struct stat st;
    int r = 0;

    if (!entries)
        return done(s, STATUS_NOT_FOUND);
    while (r >= 0 && (entry = readdir(entries))) {
        if (entry->d_name[0] == '.' || fstatat(directory, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) ||
            !S_ISREG(st.st_mode) ||
            files_may_be(directory, entry->d_name) < 0) /* such as one with an end of line in it */
            continue;
        (void)snprintf(line, sizeof line, "%lld:%s\n", (long long)st.st_size, entry->d_name); /* names have 255 bytes */
        r = amble_l2cap_send(s->channel, line, strlen(line), WAIT_MS);
    }
    closedir(entries);
    if (r >= 0)
        r = amble_l2cap_send(s->channel, "\n", 1, WAIT_MS);
    if (r >= 0)
        r = amble_l2cap_flush(s->channel, WAIT_MS);
    return r < 0 ? r : done(s, STATUS_OK);
}

static int send_size(const session *s)
{
    const int file = files_open(directory, s->name, O_RDONLY);
    struct stat st;
    const bool found = file >= 0 && fstat(file, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= UINT32_MAX;
    uint8_t message[2 + FILES_SIZE] = {s->sequence, found ? STATUS_OK : STATUS_NOT_FOUND};

    amble_put_le32(message + 2, found ? (uint32_t)st.st_size : 0);
    if (file >= 0)
        close(file);
    return amble_notify(s->conn, &control, message, sizeof message, WAIT_MS);
}

static int send_digest(session *s)
{
    const int file = files_open(directory, s->name, O_RDONLY);
    const off_t size = file < 0 ? -1 : s->offset ? (off_t)s->offset : lseek(file, 0, SEEK_END);
    uint8_t digest[FILES_DIGEST];
    const bool found = size >= 0 && size <= UINT32_MAX && files_digest(file, (uint32_t)size, digest) == 0;

    s->offset = 0;
    if (file >= 0)
        close(file);
    return found ? answer(s, STATUS_OK, digest, sizeof digest) : answer(s, STATUS_NOT_FOUND, NULL, 0);
}

static int obey(session *s, const amble_value *message)
{
    const size_t size = message->size - 2;
    char shown[FILES_NAME];

    s->command = message->data[0];
    s->sequence = message->data[1];
    if (s->command == COMMAND_OFFSET) {
        s->offset = size == FILES_SIZE ? amble_get_le32(message->data + 2) : 0;
        return 0;
    }
    if (size >= sizeof s->name)
        return done(s, STATUS_NOT_FOUND);
    memcpy(s->name, message->data + 2, size);
    s->name[size] = '\0';
    printf("command %u %s\n", s->command, board_clean(shown, sizeof shown, s->name));
    switch (s->command) {
    case COMMAND_SEND:
        return send_file(s);
    case COMMAND_RECEIVE:
        return receive_file(s);
    case COMMAND_LIST:
        return send_list(s);
    case COMMAND_SIZE:
        return send_size(s);
    case COMMAND_DIGEST:
        return send_digest(s);
    default:
        return done(s, STATUS_NOT_IMPLEMENTED);
    }
}

/* Commands of one connection, one after the other, until the link is gone. */
static int serve(amble_connection *conn)
{
    session s = {.conn = conn};
    amble_value message;
    int r = amble_l2cap_accept(conn, psm, &s.channel, WAIT_MS);

    while (r >= 0 && (r = amble_written_by(conn, &control, &message, AMBLE_FOREVER)) >= 0)
        r = message.size < 2 ? 0 : obey(&s, &message);
    amble_l2cap_close(s.channel);
    return r;
}

static int app(amble *ble, int argc, char **argv)
{
    const amble_advertise_options options = {.name = "mpy-file", .services = {&service_uuid}, .interval_us = 30000};
    char peer[AMBLE_DEVICE_TEXT];
    const char *path;
    amble_connection *conn;
    int r = files_take_words("l2cap_file_server", argc, argv, &psm, &path, 1);

    if (r < 0)
        return AMBLE_ERR_USAGE;
    if (!path)
        path = ".";
    directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        (void)fprintf(stderr, "l2cap_file_server: %s is no directory that can be read\n", path);
        return AMBLE_ERR_IO;
    }
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if ((r = amble_serve(ble, &file_service)) < 0 || (r = amble_l2cap_listen(ble, psm, NULL)) < 0)
        return r;
    printf("serving %s on SPSM %u\n", path, psm);
    while ((r = amble_advertise(ble, &options, &conn, AMBLE_FOREVER)) == 0) {
        printf("connection from %s\n", amble_device_text(amble_connection_device(conn), peer));
        r = serve(conn);
        if (r == AMBLE_ERR_DISCONNECTED)
            r = AMBLE_ERR_HCI(amble_connection_reason(conn)); /* says why */
        amble_connection_close(conn);
        if (r == AMBLE_ERR_CANCELLED)
            break;
        printf("%s\n", amble_error_text(r));
    }
    close(directory);
    return r;
}

int main(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        puts("l2cap_file_server [DIRECTORY] [--psm N] -t TRANSPORT: serves the files of a directory to "
             "l2cap_file_client.\n\n"
             "Example:\n  build/examples/l2cap_file_server pictures -t tcp-client:127.0.0.1:7300");
        return 0;
    }
    return amble_main(argc, argv, app);
}
