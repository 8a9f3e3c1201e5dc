/* UUIDs.
 *
 * Services, characteristics and descriptors are named by UUIDs: 16-bit ones that the Bluetooth SIG assigned, and
 * 128-bit ones that anybody may draw. An amble_uuid holds either, in the order of the air (little-endian). A 16-bit
 * UUID is short for 0000xxxx-0000-1000-8000-00805F9B34FB (Vol 3 Part B 2.5.1), so compare with amble_uuid_equal, which
 * knows that, never with memcmp.
 *
 * The initialisers are constants for a table in flash:
 *
 *     static const amble_uuid environment = AMBLE_UUID16(0x181A);
 *     static const amble_uuid control = AMBLE_UUID128("6e400001-b5a3-f393-e0a9-e50e24dcca9e");
 *
 * They are braces, not expressions: a UUID is a named constant, and everything else points to it.
 *
 * Nothing in here waits or keeps a pointer. */
#ifndef AMBLE_UUID_H
#define AMBLE_UUID_H
#include <stdbool.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    uint8_t size;      /* 2 or 16; 0 is no UUID at all */
    uint8_t bytes[16]; /* the first `size` count, least significant first */
} amble_uuid;

/* A UUID of 16 bits, 0 to 0xFFFF. */
#define AMBLE_UUID16(value)                                                                                            \
    {                                                                                                                  \
        2, { (uint8_t)((value)&0xff), (uint8_t)((value) >> 8 & 0xff) }                                                 \
    }

/* A UUID of 32 bits, kept as its 128-bit form, since ATT knows no others (Vol 3 Part B 2.5.1). */
#define AMBLE_UUID32(value)                                                                                            \
    {                                                                                                                  \
        16,                                                                                                            \
        {                                                                                                              \
            0xfb, 0x34, 0x9b, 0x5f, 0x80, 0, 0, 0x80, 0, 0x10, 0, 0, (uint8_t)((value)&0xff),                          \
                (uint8_t)((value) >> 8 & 0xff), (uint8_t)((value) >> 16 & 0xff), (uint8_t)((value) >> 24 & 0xff)       \
        }                                                                                                              \
    }

/* A UUID from a literal of 36 characters as above, in capital or small letters. Another length does not compile; the
 * characters themselves are not checked. */
#define AMBLE_UUID128(text)                                                                                            \
    {                                                                                                                  \
        (uint8_t)(16 * sizeof(char[sizeof(text) == 37 ? 1 : -1])),                                                     \
        {                                                                                                              \
            AMBLE__HEX_AT(text, 34), AMBLE__HEX_AT(text, 32), AMBLE__HEX_AT(text, 30), AMBLE__HEX_AT(text, 28),        \
                AMBLE__HEX_AT(text, 26), AMBLE__HEX_AT(text, 24), AMBLE__HEX_AT(text, 21), AMBLE__HEX_AT(text, 19),    \
                AMBLE__HEX_AT(text, 16), AMBLE__HEX_AT(text, 14), AMBLE__HEX_AT(text, 11), AMBLE__HEX_AT(text, 9),     \
                AMBLE__HEX_AT(text, 6), AMBLE__HEX_AT(text, 4), AMBLE__HEX_AT(text, 2), AMBLE__HEX_AT(text, 0)         \
        }                                                                                                              \
    }
/* In ASCII the low four bits of '0' to '9' are the value, of 'A' to 'F' and 'a' to 'f' (bit 6 set) the value less
 * nine. */
#define AMBLE__HEX_DIGIT(text, i) (((text)[i] & 15) + 9 * ((text)[i] >> 6))
#define AMBLE__HEX_AT(text, i)    (uint8_t)(AMBLE__HEX_DIGIT(text, i) * 16 + AMBLE__HEX_DIGIT(text, (i) + 1))

/* The characters that amble_uuid_text needs, with the closing zero. */
#define AMBLE_UUID_TEXT 37

/* Whether both are the same UUID; a 16-bit one equals its 128-bit form. */
bool amble_uuid_equal(const amble_uuid *a, const amble_uuid *b);

/* Reads "181A" or "0x181A" (16 bits), eight digits with or without "0x" (32 bits, kept as the 128-bit form, since ATT
 * knows no others), or the 36 characters of a 128-bit one. A 128-bit text that is the long form of a 16-bit UUID stays
 * long. Returns 0, or AMBLE_ERR_ARGUMENT, and then `*out` is as before. */
int amble_uuid_parse(amble_uuid *out, const char *text);

/* Writes "181A" or the 36 characters, in the letters that amble_uuid_parse reads back ("" for no UUID), and returns
 * `text`. */
const char *amble_uuid_text(const amble_uuid *uuid, char text[AMBLE_UUID_TEXT]);

#ifdef __cplusplus
}
#endif
#endif
