/* See bond_file.h. The form: {"amble bonds": 1, "records": ["hexadecimal digits", ...]}; 1 is the version. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#include "core/hex.h"
#include "core/log.h"
#include "port/bond_file.h"
#include "port/crypto.h"

enum { VERSION = 1, RECORD = 512, PATH = 1024, SENTENCE = PATH + 256, LARGEST_FILE = 1 << 22, MOST_DAMAGED = 1000 };
#define VERSION_KEY "amble bonds"

struct amble__bond_file {
    char path[PATH];
    amble_bond_store store;
    amble__file_calls calls;
    void (*explain)(const char *sentence);
    int lock;
};

/* --- sentences ---------------------------------------------------------------------------------------------------- */
static void explain(const amble__bond_file *file, const char *what, const char *why)
{
    char sentence[SENTENCE];

    (void)snprintf(sentence, sizeof sentence, "the bond file %s %s%s%s", file->path, what, *why ? ": " : "",
                   why); /* may be cut */
    amble__log(AMBLE__LOG_ERROR, "%s", sentence);
    if (file->explain)
        file->explain(sentence);
}

static int io_error(const amble__bond_file *file, const char *what)
{
    explain(file, what, strerror(errno));
    return AMBLE_ERR_IO;
}

/* --- loading ------------------------------------------------------------------------------------------------------ */
/* The whole file with a zero behind it; NULL with errno, ENOENT when there is none. */
static char *read_whole(const char *path, size_t *size)
{
    FILE *stream = fopen(path, "rb");
    char *text = NULL;
    struct stat there;

    if (!stream)
        return NULL;
    if (fstat(fileno(stream), &there) == 0 && !S_ISREG(there.st_mode)) {
        errno = S_ISDIR(there.st_mode) ? EISDIR : EINVAL;
    } else if (there.st_size <= LARGEST_FILE && (text = calloc(1, (size_t)there.st_size + 1))) {
        *size = (size_t)there.st_size;
        if (fread(text, 1, *size, stream) != *size) {
            free(text);
            text = NULL;
        }
    }
    if (!text && !errno)
        errno = EFBIG;
    (void)fclose(stream); /* it was only read */
    return text;
}

/* Whether these bytes are what is left of a bond file, and not somebody's letter that was named by mistake. A power
 * that went out leaves the beginning of one, or zeros. */
static bool is_rest_of_bonds(const char *text, size_t size)
{
    static const char beginning[] = "{\n\t\"" VERSION_KEY "\"";

    if (strstr(text, "\"" VERSION_KEY "\""))
        return true;
    for (size_t i = strlen(text); i < size; i++)
        if (text[i])
            return false;
    return strlen(text) < sizeof beginning && strncmp(text, beginning, strlen(text)) == 0;
}

void amble__bond_file_condemn(amble__bond_file *file, const char *why)
{
    char aside[PATH + 32];
    struct stat there;

    (void)snprintf(aside, sizeof aside, "%s.damaged", file->path);
    for (int number = 2; number < MOST_DAMAGED && lstat(aside, &there) == 0; number++)
        (void)snprintf(aside, sizeof aside, "%s.damaged-%d", file->path, number);
    if (file->calls.rename(file->path, aside) < 0) {
        (void)io_error(file, "is damaged, and cannot be kept aside");
        return;
    }
    explain(file, "is damaged and was renamed to end in .damaged; repair it, or open again to begin without bonds",
            why);
}

/* The bytes of one record; 0 when the text is none. */
static size_t record_of(const char *text, uint8_t record[RECORD])
{
    size_t size = 0;

    for (; text && *text && size < RECORD; text += 2)
        if (!text[1] || !amble__hex_byte(text, &record[size++]))
            return 0;
    return text && !*text ? size : 0;
}

static int take_records(const cJSON *records, int (*take)(void *target, const void *record, size_t size), void *target)
{
    const cJSON *item = NULL;

    cJSON_ArrayForEach(item, records)
    {
        uint8_t record[RECORD];
        const size_t size = record_of(cJSON_GetStringValue(item), record);
        const int r = size ? take(target, record, size) : AMBLE_ERR_BAD_FILE;

        amble__wipe(record, sizeof record);
        if (r < 0)
            return r;
    }
    return 0;
}

static int load_json(amble__bond_file *file, const cJSON *root, bool is_bonds,
                     int (*take)(void *target, const void *record, size_t size), void *target)
{
    const cJSON *version = cJSON_GetObjectItemCaseSensitive(root, VERSION_KEY);
    const cJSON *records = cJSON_GetObjectItemCaseSensitive(root, "records");
    int r = AMBLE_ERR_BAD_FILE;

    if (cJSON_IsNumber(version) && version->valueint > VERSION) {
        explain(file, "is of a newer version; use the amble that wrote it, or another file", "");
        return r;
    }
    if (cJSON_IsNumber(version) && version->valueint == VERSION && cJSON_IsArray(records))
        r = take_records(records, take, target);
    if (r == AMBLE_ERR_BAD_FILE && is_bonds)
        amble__bond_file_condemn(file, root ? "it holds no bonds" : "it is no JSON");
    else if (r == AMBLE_ERR_BAD_FILE)
        explain(file, "is a file of something else, and stays as it is; name another file", "");
    return r;
}

static int load(void *user, int (*take)(void *target, const void *record, size_t size), void *target)
{
    amble__bond_file *file = user;
    size_t size = 0;
    char *text;
    cJSON *root;
    int r;

    errno = 0;
    text = read_whole(file->path, &size);
    if (!text)
        return errno == ENOENT ? 0 : io_error(file, "cannot be read");
    root = cJSON_Parse(text);
    r = load_json(file, root, is_rest_of_bonds(text, size), take, target);
    cJSON_Delete(root);
    amble__wipe(text, size);
    free(text);
    return r;
}

/* --- saving ------------------------------------------------------------------------------------------------------- */
static int write_all(const amble__file_calls *calls, int fd, const char *text, size_t size)
{
    while (size) {
        const long n = calls->write(fd, text, size);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        text += n;
        size -= (size_t)n;
    }
    return 0;
}

/* Writes a new file beside the old one; on any failure the old one is as it was. */
static int write_new(const amble__bond_file *file, const char *path, const char *text)
{
    const amble__file_calls *calls = &file->calls;
    const int fd = calls->open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    int r;

    if (fd < 0)
        return -1;
    r = write_all(calls, fd, text, strlen(text));
    if (r == 0)
        r = calls->fsync(fd);
    if (calls->close(fd) < 0)
        r = -1;
    return r;
}

/* The name in the folder is durable when the folder is. */
static int flush_folder(const amble__bond_file *file)
{
    char folder[PATH];
    char *slash;
    int fd, r;

    memcpy(folder, file->path, sizeof folder);
    slash = strrchr(folder, '/');
    if (!slash)
        memcpy(folder, ".", 2);
    else
        slash[slash == folder ? 1 : 0] = '\0';
    fd = file->calls.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    r = file->calls.fsync(fd);
    return file->calls.close(fd) < 0 ? -1 : r;
}

static int save_text(const amble__bond_file *file, const char *text)
{
    char fresh[PATH + 8];

    (void)snprintf(fresh, sizeof fresh, "%s.new", file->path);
    if (write_new(file, fresh, text) < 0 || file->calls.rename(fresh, file->path) < 0) {
        const int error = errno;

        (void)unlink(fresh); /* the next save writes it anew */
        errno = error;
        return io_error(file, "cannot be written; the old one still holds");
    }
    return flush_folder(file) < 0 ? io_error(file, "was written, but its folder cannot be flushed") : 0;
}

static cJSON *new_root(size_t count, size_t (*give)(void *source, size_t index, void *record, size_t room),
                       void *source)
{
    cJSON *root = cJSON_CreateObject();
    cJSON *records =
        cJSON_AddNumberToObject(root, VERSION_KEY, VERSION) ? cJSON_AddArrayToObject(root, "records") : NULL;
    bool good = records;

    for (size_t i = 0; good && i < count; i++) {
        uint8_t record[RECORD];
        char text[2 * RECORD + 1];
        const size_t size = give(source, i, record, sizeof record);
        char *at = text;
        cJSON *item;

        for (size_t k = 0; k < size; k++)
            at = amble__hex_put(at, record[k]);
        *at = '\0';
        item = cJSON_CreateString(text);
        good = size && cJSON_AddItemToArray(records, item);
        amble__wipe(record, sizeof record);
        amble__wipe(text, sizeof text);
    }
    if (good)
        return root;
    cJSON_Delete(root);
    return NULL;
}

static int save(void *user, size_t count, size_t (*give)(void *source, size_t index, void *record, size_t room),
                void *source)
{
    cJSON *root = new_root(count, give, source);
    char *text = cJSON_Print(root);
    int r = AMBLE_ERR_NO_MEMORY;

    cJSON_Delete(root);
    if (text) {
        r = save_text(user, text);
        amble__wipe(text, strlen(text));
        cJSON_free(text);
    }
    return r;
}

/* --- opening ------------------------------------------------------------------------------------------------------ */
static int system_open(const char *path, int flags, unsigned mode) { return open(path, flags, (mode_t)mode); }
static long system_write(int fd, const void *data, unsigned long size) { return (long)write(fd, data, size); }

static int lock_file(amble__bond_file *file)
{
    char path[PATH + 8];

    (void)snprintf(path, sizeof path, "%s.lock", file->path);
    file->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (file->lock < 0)
        return io_error(file, "cannot be locked; see whether its folder is there and may be written");
    if (flock(file->lock, LOCK_EX | LOCK_NB) == 0)
        return 0;
    explain(file, "is in use by another host; close that one, or use another file", "");
    return AMBLE_ERR_BUSY;
}

int amble__bond_file_open_with(amble__bond_file **out, const char *path, void (*explain_to)(const char *sentence),
                               const amble__file_calls *calls)
{
    amble__bond_file *file = calloc(1, sizeof *file);
    int r;

    *out = NULL;
    if (!file)
        return AMBLE_ERR_NO_MEMORY;
    file->store = (amble_bond_store){.load = load, .save = save, .user = file};
    file->calls = *calls;
    file->explain = explain_to;
    file->lock = -1;
    if (strlen(path) >= sizeof file->path) {
        free(file);
        return AMBLE_ERR_TOO_LONG;
    }
    memcpy(file->path, path, strlen(path) + 1);
    r = lock_file(file);
    if (r < 0)
        amble__bond_file_close(file);
    else
        *out = file;
    return r;
}

int amble__bond_file_open(amble__bond_file **file, const char *path, void (*explain_to)(const char *sentence))
{
    static const amble__file_calls calls = {
        .open = system_open, .write = system_write, .fsync = fsync, .close = close, .rename = rename};

    return amble__bond_file_open_with(file, path, explain_to, &calls);
}

void amble__bond_file_close(amble__bond_file *file)
{
    if (!file)
        return;
    if (file->lock >= 0)
        (void)close(file->lock); /* the lock goes with it */
    free(file);
}

const amble_bond_store *amble__bond_file_store(amble__bond_file *file) { return &file->store; }
