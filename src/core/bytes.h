/* Bounded readers and writers for bytes in the order of the wire (little-endian).
 *
 * Every byte that comes from a peer or a controller is read through amble__reader. A reader never runs past its end: a
 * read that does not fit returns zero (or NULL), moves to the end and sets `failed`, and every later read fails too. So
 * a parser reads all its fields first and asks once. Writers behave the same towards the end of their buffer. */
#ifndef AMBLE_CORE_BYTES_H
#define AMBLE_CORE_BYTES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A view of bytes that somebody else owns. */
typedef struct {
    const uint8_t *data;
    size_t size;
} amble__bytes;

static inline uint16_t amble__get_le16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t amble__get_le24(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
}
static inline uint32_t amble__get_le32(const uint8_t *p) { return amble__get_le24(p) | (uint32_t)p[3] << 24; }
static inline uint64_t amble__get_le64(const uint8_t *p)
{
    return (uint64_t)amble__get_le32(p) | (uint64_t)amble__get_le32(p + 4) << 32;
}
static inline void amble__put_le16(uint8_t *p, unsigned value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}
static inline void amble__put_le24(uint8_t *p, uint32_t value)
{
    amble__put_le16(p, value & 0xffff);
    p[2] = (uint8_t)(value >> 16);
}
static inline void amble__put_le32(uint8_t *p, uint32_t value)
{
    amble__put_le24(p, value);
    p[3] = (uint8_t)(value >> 24);
}
static inline void amble__put_le64(uint8_t *p, uint64_t value)
{
    amble__put_le32(p, (uint32_t)value);
    amble__put_le32(p + 4, (uint32_t)(value >> 32));
}

/* --- reading ------------------------------------------------------------------------------------------------------ */
typedef struct {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
} amble__reader;

static inline amble__reader amble__reader_of(const void *data, size_t size)
{
    const uint8_t *start = data;
    return (amble__reader){.at = start, .end = size ? start + size : start, .failed = false};
}
static inline amble__reader amble__reader_over(amble__bytes bytes) { return amble__reader_of(bytes.data, bytes.size); }
static inline size_t amble__read_left(const amble__reader *r) { return (size_t)(r->end - r->at); }

/* Whether so many more can be read; if not, nothing can any more. */
static inline bool amble__read_fits(amble__reader *r, size_t size)
{
    if (!r->failed && amble__read_left(r) >= size)
        return true;
    r->failed = true;
    r->at = r->end;
    return false;
}
/* The next `size` bytes as a view, or NULL when fewer are left. */
static inline const uint8_t *amble__read_view(amble__reader *r, size_t size)
{
    const uint8_t *view = r->at;

    if (!amble__read_fits(r, size))
        return NULL;
    if (size)
        r->at += size;
    return view;
}
static inline uint8_t amble__read_u8(amble__reader *r) { return amble__read_fits(r, 1) ? *r->at++ : 0; }
static inline uint16_t amble__read_le16(amble__reader *r)
{
    if (!amble__read_fits(r, 2))
        return 0;
    r->at += 2;
    return amble__get_le16(r->at - 2);
}
static inline uint32_t amble__read_le24(amble__reader *r)
{
    if (!amble__read_fits(r, 3))
        return 0;
    r->at += 3;
    return amble__get_le24(r->at - 3);
}
static inline uint32_t amble__read_le32(amble__reader *r)
{
    if (!amble__read_fits(r, 4))
        return 0;
    r->at += 4;
    return amble__get_le32(r->at - 4);
}
static inline uint64_t amble__read_le64(amble__reader *r)
{
    if (!amble__read_fits(r, 8))
        return 0;
    r->at += 8;
    return amble__get_le64(r->at - 8);
}
/* Copies the next `size` bytes; zeros when fewer are left. */
static inline void amble__read_copy(amble__reader *r, void *out, size_t size)
{
    const uint8_t *p = amble__read_view(r, size);

    if (p && size)
        memcpy(out, p, size);
    else if (size)
        memset(out, 0, size);
}
/* Everything that is left, as a view. */
static inline amble__bytes amble__read_rest(amble__reader *r)
{
    amble__bytes rest = {.data = r->at, .size = amble__read_left(r)};
    r->at = r->end;
    return rest;
}
/* True when every read fitted and nothing is left over. */
static inline bool amble__read_complete(const amble__reader *r) { return !r->failed && r->at == r->end; }

/* --- writing ------------------------------------------------------------------------------------------------------ */
typedef struct {
    uint8_t *start;
    uint8_t *at;
    uint8_t *end;
    bool failed;
} amble__writer;

static inline amble__writer amble__writer_of(void *buffer, size_t size)
{
    uint8_t *start = buffer;
    return (amble__writer){.start = start, .at = start, .end = size ? start + size : start, .failed = false};
}
static inline size_t amble__written_size(const amble__writer *w) { return (size_t)(w->at - w->start); }
static inline size_t amble__write_room(const amble__writer *w) { return (size_t)(w->end - w->at); }

/* Room for the next `size` bytes, or NULL when they do not fit. */
static inline uint8_t *amble__write_space(amble__writer *w, size_t size)
{
    uint8_t *space = w->at;

    if (w->failed || amble__write_room(w) < size) {
        w->failed = true;
        return NULL;
    }
    if (size)
        w->at += size;
    return space;
}
static inline void amble__write_u8(amble__writer *w, unsigned value)
{
    uint8_t *p = amble__write_space(w, 1);
    if (p)
        p[0] = (uint8_t)value;
}
static inline void amble__write_le16(amble__writer *w, unsigned value)
{
    uint8_t *p = amble__write_space(w, 2);
    if (p)
        amble__put_le16(p, value);
}
static inline void amble__write_le24(amble__writer *w, uint32_t value)
{
    uint8_t *p = amble__write_space(w, 3);
    if (p)
        amble__put_le24(p, value);
}
static inline void amble__write_le32(amble__writer *w, uint32_t value)
{
    uint8_t *p = amble__write_space(w, 4);
    if (p)
        amble__put_le32(p, value);
}
static inline void amble__write_le64(amble__writer *w, uint64_t value)
{
    uint8_t *p = amble__write_space(w, 8);
    if (p)
        amble__put_le64(p, value);
}
static inline void amble__write_bytes(amble__writer *w, const void *data, size_t size)
{
    uint8_t *p = amble__write_space(w, size);
    if (p && size)
        memcpy(p, data, size);
}
#endif
