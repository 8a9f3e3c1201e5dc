/* Whether two numbers are the coordinates of a point of P-256: y^2 = x^3 - 3x + b modulo p (FIPS 186-4 D.1.2.3).
 *
 * A controller that computes with a point of another curve gives its secret away bit by bit, and not every controller
 * looks. Public keys are no secrets, so time may depend on them; it is some 1,500 additions of 256 bits. Numbers are
 * eight words, the least significant first, and below p after each operation. */
#include <string.h>

#include "core/bytes.h"
#include "smp/cipher.h"

enum { WORDS = 8, WORD_BITS = 32, COORDINATE = 32 };

typedef struct {
    uint32_t words[WORDS];
} number;

static const number prime = {{0xffffffff, 0xffffffff, 0xffffffff, 0, 0, 0, 1, 0xffffffff}};
static const number curve_b = {
    {0x27d2604b, 0x3bce3c3e, 0xcc53b0f6, 0x651d06b0, 0x769886bc, 0xb3ebbd55, 0xaa3a93e7, 0x5ac635d8}};

static bool below(const number *a, const number *b)
{
    for (int i = WORDS - 1; i >= 0; i--)
        if (a->words[i] != b->words[i])
            return a->words[i] < b->words[i];
    return false;
}

static void subtract(number *a, const number *b)
{
    uint32_t borrow = 0;

    for (int i = 0; i < WORDS; i++) {
        const uint64_t difference = (uint64_t)a->words[i] - b->words[i] - borrow;

        a->words[i] = (uint32_t)difference;
        borrow = difference >> WORD_BITS ? 1 : 0;
    }
}

static void add(number *a, const number *b)
{
    uint64_t sum = 0;

    for (int i = 0; i < WORDS; i++) {
        sum += (uint64_t)a->words[i] + b->words[i];
        a->words[i] = (uint32_t)sum;
        sum >>= WORD_BITS;
    }
    if (sum || !below(a, &prime))
        subtract(a, &prime);
}

static number multiply(const number *a, const number *b)
{
    number product = {{0}};

    for (int bit = WORDS * WORD_BITS - 1; bit >= 0; bit--) {
        const number twice = product;

        add(&product, &twice);
        if (b->words[bit / WORD_BITS] >> bit % WORD_BITS & 1)
            add(&product, a);
    }
    return product;
}

static number read_number(const uint8_t *bytes)
{
    number n;

    for (size_t i = 0; i < WORDS; i++)
        n.words[i] = amble__get_le32(bytes + 4 * i);
    return n;
}

bool amble__curve_has(const uint8_t point[64])
{
    const number x = read_number(point), y = read_number(point + COORDINATE);
    number left, right;

    if (!below(&x, &prime) || !below(&y, &prime))
        return false;
    left = multiply(&y, &y);
    for (int i = 0; i < 3; i++)
        add(&left, &x); /* y^2 + 3x = x^3 + b */
    right = multiply(&x, &x);
    right = multiply(&right, &x);
    add(&right, &curve_b);
    return memcmp(&left, &right, sizeof left) == 0;
}
