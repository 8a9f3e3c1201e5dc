/* Names that cannot leave a directory, and digests (board_files.h). Every part of a name is opened by itself, relative to the one before and
 * without following links, so nothing can change in between what was checked and what is opened. */
#include "board_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <psa/crypto.h>

/* One part of a name, up to the next slash; false for what must not be followed. */
static bool next_part(const char **name, char part[FILES_NAME + 8])
{
    const size_t length = strcspn(*name, "/");

    if (!length || length >= FILES_NAME + 8)
        return false;
    memcpy(part, *name, length);
    part[length] = '\0';
    *name += length + ((*name)[length] == '/');
    return strcmp(part, "..") != 0 && strcmp(part, ".") != 0;
}

/* The directory that the last part of a name is in; the caller closes it. `last` gets that part. */
static int open_parent(int directory, const char *name, char last[FILES_NAME + 8])
{
    int at = dup(directory);

    while (at >= 0) {
        int below;

        if (!next_part(&name, last)) {
            close(at);
            errno = EACCES;
            return -1;
        }
        if (!*name)
            return at;
        below = openat(at, last, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        close(at);
        at = below;
    }
    return -1;
}

int files_open(int directory, const char *name, int flags)
{
    char last[FILES_NAME + 8];
    const int at = open_parent(directory, name, last);
    int file;

    if (at < 0)
        return -1;
    file = openat(at, last, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
    close(at);
    return file;
}

bool files_part_name(const char *name, char part[FILES_NAME + 8])
{
    const char *slash = strrchr(name, '/');
    const int before = slash ? (int)(slash + 1 - name) : 0;
    const int n = snprintf(part, FILES_NAME + 8, "%.*s.%s.part", before, name, name + before);

    return n > 0 && n < FILES_NAME + 8;
}

int files_finish(int directory, const char *name)
{
    char part[FILES_NAME + 8], last[FILES_NAME + 8], last_part[FILES_NAME + 8];
    const int at = open_parent(directory, name, last);
    int r = -1;

    if (at < 0)
        return -1;
    if (files_part_name(last, part) && strlen(part) < sizeof last_part)
        r = renameat(at, part, at, last);
    close(at);
    return r;
}

int files_digest(int file, uint32_t size, uint8_t digest[FILES_DIGEST])
{
    psa_hash_operation_t operation = PSA_HASH_OPERATION_INIT;
    uint8_t block[FILES_BLOCK];
    size_t length;
    ssize_t n = 0;

    if (psa_crypto_init() != PSA_SUCCESS || lseek(file, 0, SEEK_SET) != 0 ||
        psa_hash_setup(&operation, PSA_ALG_SHA_256) != PSA_SUCCESS)
        return -1;
    for (uint32_t left = size; n >= 0 && left; left -= (uint32_t)(n > 0 ? n : 0)) {
        n = read(file, block, left < sizeof block ? left : sizeof block);
        if (n <= 0 || psa_hash_update(&operation, block, (size_t)n) != PSA_SUCCESS)
            n = -1;
    }
    if (n >= 0 && psa_hash_finish(&operation, digest, FILES_DIGEST, &length) != PSA_SUCCESS)
        n = -1;
    (void)psa_hash_abort(&operation); /* nothing is left to be said about it */
    return n >= 0 ? 0 : -1;
}

int files_take_psm(const char *program, int argc, char **argv, int *i, uint16_t *psm)
{
    enum { MOST_PSM = 0xff }; /* of channels, Vol 3 Part A 4.22 */
    const char *value = *i + 1 < argc ? argv[*i + 1] : "nothing";
    char *end;
    long number;

    if (strcmp(argv[*i], "--psm") != 0)
        return 0;
    number = strtol(value, &end, 0);
    if (end == value || *end || number < 1 || number > MOST_PSM) {
        (void)fprintf(stderr, "%s: --psm takes a number from 1 to 255, such as 0x80, and not %s; see --help\n", program,
                      value);
        return -1;
    }
    *psm = (uint16_t)number;
    (*i)++;
    return 1;
}
