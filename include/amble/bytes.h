/* Numbers in the order of the air: little-endian, whatever the processor's order is. Nothing in here waits or can
 * fail. */
#ifndef AMBLE_BYTES_H
#define AMBLE_BYTES_H
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

static inline uint16_t amble_get_le16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t amble_get_le32(const uint8_t *p)
{
    return (uint32_t)amble_get_le16(p) | (uint32_t)amble_get_le16(p + 2) << 16;
}
static inline void amble_put_le16(uint8_t *p, unsigned value)
{
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}
static inline void amble_put_le32(uint8_t *p, uint32_t value)
{
    amble_put_le16(p, value & 0xffff);
    amble_put_le16(p + 2, value >> 16);
}

#ifdef __cplusplus
}
#endif
#endif
