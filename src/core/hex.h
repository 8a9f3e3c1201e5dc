/* Bytes as two hexadecimal digits, the way UUIDs, addresses and keys are written. No state, no allocation. */
#ifndef AMBLE_CORE_HEX_H
#define AMBLE_CORE_HEX_H
#include <stdbool.h>
#include <stdint.h>

/* The value of a digit in capital or small letters, or -1. */
static inline int amble__hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Reads two digits; false when they are none. Never looks beyond a closing zero. */
static inline bool amble__hex_byte(const char *text, uint8_t *byte)
{
    const int high = amble__hex_digit(text[0]);
    const int low = high < 0 ? -1 : amble__hex_digit(text[1]);

    if (low < 0)
        return false;
    *byte = (uint8_t)(high << 4 | low);
    return true;
}

/* Writes two capital digits, no closing zero; returns the place after them. */
static inline char *amble__hex_put(char *at, unsigned byte)
{
    static const char digits[] = "0123456789ABCDEF";

    at[0] = digits[byte >> 4 & 15];
    at[1] = digits[byte & 15];
    return at + 2;
}
#endif
