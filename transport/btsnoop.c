/* Writing btsnoop files (btsnoop.h). */
#include "transport/btsnoop.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "amble/error.h"
#include "core/log.h"
#include "task/scheduler.h"
#include "transport/opener.h"

#define VERSION 1
/* Microseconds from midnight, January 1st, 0 AD, in the calendar of the format, to 1970. */
#define EPOCH_1970 UINT64_C(0x00DCDDB30F2F8000)
/* The beginning of virtual time: 2025-01-01 00:00:00 UTC. */
#define VIRTUAL_BASE (UINT64_C(1735689600) * 1000000)

enum { FILE_HEADER_SIZE = 16, RECORD_HEADER_SIZE = 24 };

static uint8_t *put_be32(uint8_t *at, uint64_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
    return at + 4;
}

uint64_t amble__capture_base_us(void)
{
    struct timespec now;

    if (amble__scheduler_options()->virtual_time)
        return VIRTUAL_BASE;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* cannot fail for this clock */
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000 - amble_now_us();
}

static int refuse_path(const char *path, int reason)
{
    return amble__transport_refuse(AMBLE_ERR_IO, "%s: the capture cannot be written there (%s); choose another place",
                                   path, strerror(reason));
}

int amble__btsnoop_open(amble__btsnoop *snoop, const char *path, uint32_t datalink)
{
    uint8_t header[FILE_HEADER_SIZE] = "btsnoop"; /* with its closing zero */
    FILE *file = fopen(path, "wb");

    if (!file)
        return refuse_path(path, errno);
    put_be32(put_be32(header + 8, VERSION), datalink);
    if (fwrite(header, sizeof header, 1, file) != 1 || fflush(file)) {
        const int reason = errno;

        (void)fclose(file); /* nothing is in it */
        return refuse_path(path, reason);
    }
    *snoop = (amble__btsnoop){.file = file, .base_us = EPOCH_1970 + amble__capture_base_us()};
    return AMBLE_OK;
}

void amble__btsnoop_write(amble__btsnoop *snoop, uint64_t time_us, uint32_t flags, const uint8_t *bytes, size_t size)
{
    const uint64_t time = snoop->base_us + time_us;
    uint8_t header[RECORD_HEADER_SIZE], *at = header;

    if (!snoop->file)
        return;
    at = put_be32(at, size); /* of the packet */
    at = put_be32(at, size); /* of what is in the file */
    at = put_be32(at, flags);
    at = put_be32(at, 0); /* packets lost so far */
    at = put_be32(at, time >> 32);
    put_be32(at, time);
    if (fwrite(header, sizeof header, 1, snoop->file) == 1 && (!size || fwrite(bytes, size, 1, snoop->file) == 1) &&
        !fflush(snoop->file))
        return;
    amble__log(AMBLE__LOG_ERROR, "the capture file cannot be written (%s); the capture ends here", strerror(errno));
    (void)fclose(snoop->file); /* it is lost already */
    snoop->file = NULL;
}

void amble__btsnoop_close(amble__btsnoop *snoop)
{
    if (snoop->file && fclose(snoop->file))
        amble__log(AMBLE__LOG_ERROR, "the end of the capture file is lost (%s)", strerror(errno));
    snoop->file = NULL;
}
