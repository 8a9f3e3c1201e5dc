/* Names that cannot leave a directory, and digests (board_files.h). Every part of a name is opened by itself, relative
 * to the one before and without following links, so nothing can change in between what was checked and what is
 * opened. */
#include "board_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <psa/crypto.h>

/* One part of a name, up to the next slash; false for what must not be followed. */
static bool next_part(const char **name, char part[FILES_NAME + 8])
{
    const size_t length = strcspn(*name, "/");
    const bool is_last = !(*name)[length];

    if (!length || length >= FILES_NAME + 8)
        return false;
    memcpy(part, *name, length);
    part[length] = '\0';
    for (size_t i = 0; i < length; i++)
        if (board_is_control(part, i))
            return false;
    *name += length + !is_last;
    return strcmp(part, "..") != 0 && strcmp(part, ".") != 0 && (is_last || **name);
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

int files_may_be(int directory, const char *name)
{
    char last[FILES_NAME + 8];
    const int at = open_parent(directory, name, last);
    struct stat there;
    int r = at;

    if (at < 0)
        return -1;
    if (fstatat(at, last, &there, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(there.st_mode)) {
        errno = EISDIR;
        r = -1;
    }
    close(at);
    return r < 0 ? -1 : 0;
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

/* The number behind "--psm"; false after a sentence. */
static bool take_psm(const char *program, const char *value, uint16_t *psm)
{
    enum { MOST_PSM = 0xff }; /* of channels, Vol 3 Part A 4.22 */
    char *end;
    const long number = strtol(value, &end, 0);

    *psm = (uint16_t)number;
    if (end != value && !*end && number >= 1 && number <= MOST_PSM)
        return true;
    (void)fprintf(stderr, "%s: --psm takes a number from 1 to 255, such as 0x80, and not %s; see --help\n", program,
                  value);
    return false;
}

int files_take_words(const char *program, int argc, char **argv, uint16_t *psm, const char **words, int most)
{
    bool only_words = false;
    int count = 0;

    for (int i = 0; i < most; i++)
        words[i] = NULL;
    for (int i = 1; i < argc; i++) {
        const char *problem = NULL;

        if (!only_words && strcmp(argv[i], "--") == 0) {
            only_words = true;
        } else if (!only_words && strcmp(argv[i], "--psm") == 0) {
            if (!take_psm(program, i + 1 < argc ? argv[i + 1] : "nothing", psm))
                return -1;
            i++;
        } else if (!only_words && argv[i][0] == '-') {
            problem = "is no option (-- goes before a name that begins so)";
        } else if (count == most) {
            problem = "is one word too many";
        } else {
            words[count++] = argv[i];
        }
        if (problem) {
            (void)fprintf(stderr, "%s: %s %s; see --help\n", program, argv[i], problem);
            return -1;
        }
    }
    return count;
}
