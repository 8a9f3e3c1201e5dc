/* port/system.h for Linux and other POSIX systems: the monotonic clock, the kernel's random bytes, mapped stacks.
 *
 * Invariants: a stack's pages cost nothing until they are touched, and the page below the lowest usable address can
 * never be touched, so that a task that runs over its stack ends the process at that instruction and corrupts
 * nobody. */
#include "port/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/random.h>
#endif

#ifndef MAP_NORESERVE /* only a hint, absent on some systems */
#define MAP_NORESERVE 0
#endif
#ifndef MAP_STACK
#define MAP_STACK 0
#endif

uint64_t amble__port_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* --- random bytes ------------------------------------------------------------------------------------------------- */
static ssize_t read_some(void *buffer, size_t size)
{
#if defined(__linux__)
    const ssize_t got = getrandom(buffer, size, 0);

    if (got >= 0 || errno != ENOSYS)
        return got;
#endif
    const int file = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    const ssize_t taken = read(file, buffer, size);
    const int saved = errno;
    close(file);
    errno = saved;
    return taken ? taken : -1;
}

void amble__port_random(void *buffer, size_t size)
{
    uint8_t *at = buffer;

    while (size) {
        const ssize_t got = read_some(at, size);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            perror("amble: the system has no random bytes");
            abort();
        }
        at += got;
        size -= (size_t)got;
    }
}

/* --- stacks ------------------------------------------------------------------------------------------------------- */
size_t amble__port_page_size(void) { return (size_t)sysconf(_SC_PAGESIZE); }

void *amble__port_stack_map(size_t size, size_t *usable)
{
    const size_t page = amble__port_page_size();
    uint8_t *area;

    if (!size || size > SIZE_MAX / 2)
        return NULL;
    size = (size + page - 1) / page * page;
    area =
        mmap(NULL, page + size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (area == MAP_FAILED)
        return NULL;
    if (mprotect(area, page, PROT_NONE)) {
        munmap(area, page + size);
        return NULL;
    }
    *usable = size;
    return area + page;
}

void amble__port_stack_unmap(void *stack, size_t usable)
{
    const size_t page = amble__port_page_size();

    if (stack)
        munmap((uint8_t *)stack - page, page + usable);
}

/* --- standard streams --------------------------------------------------------------------------------------------- */
void amble__port_fill_standard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
            return; /* a system without that device has to do without */
}
