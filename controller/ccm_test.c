/* AES-CCM against the sample data of Vol 6, Part C, 1, and against whoever changes a bit. */
#include "controller/ccm.h"

#include "port/testing.h"

#define LONGEST 251

static const char *const names[] = {"ll_start_enc_rsp_central", "ll_start_enc_rsp_peripheral", "ll_data_central",
                                    "ll_data_peripheral"};

/* One sample: its key, its nonce, its header. The IV is that of the session in the same data. */
typedef struct {
    amble__aes_key key;
    amble__ccm_nonce nonce;
    uint8_t iv[AMBLE__CCM_IV];
    uint8_t header, plain[LONGEST + 1], sealed[LONGEST + 1];
    size_t plain_size, sealed_size;
} packet;

static void open_sample(packet *p, const char *name)
{
    const cJSON *object = cJSON_GetObjectItemCaseSensitive(vectors, name);
    uint8_t secret[17], half[5];

    sample(name, "session_key", secret, sizeof secret);
    assert_int_equal(amble__aes_expand(&p->key, secret), 0);
    sample("ll_session_key", "iv_c", half, sizeof half);
    for (int i = 0; i < 4; i++)
        p->iv[i] = half[3 - i];
    sample("ll_session_key", "iv_p", half, sizeof half);
    for (int i = 0; i < 4; i++)
        p->iv[4 + i] = half[3 - i];
    p->nonce = (amble__ccm_nonce){
        .counter = (uint64_t)cJSON_GetObjectItemCaseSensitive(object, "packet_counter")->valueint,
        .from_central = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, "from_central")),
        .iv = p->iv,
    };
    sample(name, "header", &p->header, 2);
    p->plain_size = sample(name, "payload_air", p->plain, sizeof p->plain);
    p->sealed_size = sample(name, "result", p->sealed, sizeof p->sealed);
}

static void test_samples(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        uint8_t out[LONGEST + AMBLE__CCM_MIC];
        packet p;

        open_sample(&p, names[i]);
        assert_int_equal(p.sealed_size, p.plain_size + AMBLE__CCM_MIC);
        amble__ccm_seal(&p.key, &p.nonce, p.header, p.plain, p.plain_size, out);
        assert_memory_equal(out, p.sealed, p.sealed_size);
        assert_true(amble__ccm_open(&p.key, &p.nonce, p.header, p.sealed, p.sealed_size, out));
        assert_memory_equal(out, p.plain, p.plain_size);
    }
}

static void test_nothing_can_be_changed(void **state)
{
    uint8_t out[LONGEST + AMBLE__CCM_MIC];
    amble__ccm_nonce nonce;
    packet p;

    (void)state;
    open_sample(&p, "ll_data_central");
    for (size_t bit = 0; bit < p.sealed_size * 8; bit++) {
        p.sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(amble__ccm_open(&p.key, &p.nonce, p.header, p.sealed, p.sealed_size, out));
        p.sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t size = 0; size < p.sealed_size; size++)
        assert_false(amble__ccm_open(&p.key, &p.nonce, p.header, p.sealed, size, out));
    for (unsigned bit = 0; bit < 8; bit++) /* NESN, SN and MD change when a packet is repeated; the others do not */
        assert_int_equal(
            amble__ccm_open(&p.key, &p.nonce, p.header ^ (uint8_t)(1 << bit), p.sealed, p.sealed_size, out),
            bit >= 2 && bit <= 4);
    nonce = p.nonce;
    nonce.from_central = false; /* a packet thrown back */
    assert_false(amble__ccm_open(&p.key, &nonce, p.header, p.sealed, p.sealed_size, out));
    for (int bit = 0; bit < 39; bit++) {
        nonce = p.nonce;
        nonce.counter ^= UINT64_C(1) << bit;
        assert_false(amble__ccm_open(&p.key, &nonce, p.header, p.sealed, p.sealed_size, out));
    }
}

static void test_every_length(void **state)
{
    uint8_t plain[LONGEST], sealed[LONGEST + AMBLE__CCM_MIC], out[LONGEST];
    packet p;

    (void)state;
    open_sample(&p, "ll_data_central");
    for (size_t size = 1; size <= LONGEST; size++) {
        for (size_t i = 0; i < size; i++)
            plain[i] = (uint8_t)(i * 7 + size);
        amble__ccm_seal(&p.key, &p.nonce, p.header, plain, size, sealed);
        memset(out, 0, sizeof out);
        assert_true(amble__ccm_open(&p.key, &p.nonce, p.header, sealed, size + AMBLE__CCM_MIC, out));
        assert_memory_equal(out, plain, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_nothing_can_be_changed),
        cmocka_unit_test(test_every_length),
    };
    return cmocka_run_group_tests(tests, read_vectors, drop_vectors);
}
