/* dkim_tool.c - signs messages with sign/ alone, for verifiers that know nothing of it.
 *
 *   dkim_tool make rsa|ed25519 BITS          a private key (PEM) to standard output
 *   dkim_tool record KEY                     the TXT record of the key in that file
 *   dkim_tool sign TIME SEED SIGNER...       SIGNER: domain:selector:FORM/FORM:identity:KEY
 *
 * Signs what stands on standard input: each message as its size in decimal, a line feed and its
 * octets, and the same out again. Lines may end with CRLF, LF or CR; they go out as message/body.h
 * sends them, with one DKIM-Signature field for each signer on top. The body is hashed from the
 * source in pieces of chance, the whole of it but for messages whose lines have to be broken. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/prng.h"
#include "message/body.h"
#include "message/header.h"
#include "sign/dkim.h"
#include "sign/dkim_record.h"
#include "sign/sign_batch.h"

#define SIGNERS_MAX 4
#define MESSAGE_MAX (16 * MIB)

struct signer {
    struct dkim_plan plan;
    struct sign_key *key;
};

struct signing {
    struct signer signers[SIGNERS_MAX];
    uint32_t signers_count;
    uint64_t time_s;
    struct prng prng;
    struct sign_batch *batch;
};

static _Noreturn void fail(const char *what, const char *detail)
{
    (void)fprintf(stderr, "dkim_tool: %s: %s\n", what, detail);
    exit(1);
}

static void *memory(size_t size)
{
    size_t whole = (size + SIGN_KEY_ALIGNMENT) / SIGN_KEY_ALIGNMENT * SIGN_KEY_ALIGNMENT;
    void *data = aligned_alloc(SIGN_KEY_ALIGNMENT, whole);

    if (data == NULL)
        fail("no memory", "stop");
    return data;
}

static struct sign_key *read_key(const char *path)
{
    static uint8_t pem[SIGN_KEY_PEM_MAX];
    FILE *file = fopen(path, "rb");
    struct sign_key *key;
    const char *error = "cannot be read";

    if (file == NULL)
        fail(path, strerror(errno));
    size_t size = fread(pem, 1, sizeof(pem), file);
    (void)fclose(file);
    if (sign_key_open(memory(sign_key_memory_size()), span_make(pem, size), &key, &error) < 0)
        fail(path, error);
    return key;
}

static int make(const char *kind, const char *bits)
{
    static uint8_t buffer[SIGN_KEY_PEM_MAX];
    struct text pem;
    bool rsa = strcmp(kind, "rsa") == 0;

    text_init(&pem, buffer, sizeof(buffer));
    if (sign_key_make(rsa ? SIGN_RSA_SHA256 : SIGN_ED25519_SHA256,
                      (uint32_t)strtoul(bits, NULL, 10), &pem) < 0)
        fail("cannot make such a key", bits);
    return fwrite(pem.data, 1, pem.size, stdout) == pem.size ? 0 : 1;
}

static int record(const char *path)
{
    static uint8_t buffer[DKIM_RECORD_TEXT_MAX];
    static struct sign_key *key; /* stays until the end, as the signers' do */
    struct text out;

    key = read_key(path);
    text_init(&out, buffer, sizeof(buffer));
    dkim_record_write(sign_key_algorithm(key), sign_key_public(key), &out);
    CHECK(!out.overflow);
    (void)printf("%.*s\n", (int)out.size, (const char *)out.data);
    return 0;
}

static enum canon_form form_of(struct span name)
{
    return span_equal(name, SPAN("simple")) ? CANON_SIMPLE : CANON_RELAXED;
}

static void read_signer(struct signer *signer, const char *argument)
{
    struct span rest = span_cstr(argument);
    struct dkim_plan_options options = {.lifetime_s = 86400};
    char buffer[300];
    struct text why;

    options.domain = span_split(&rest, ':');
    options.selector = span_split(&rest, ':');
    struct span forms = span_split(&rest, ':');
    options.identity = span_split(&rest, ':');
    options.header_form = form_of(span_split(&forms, '/'));
    options.body_form = form_of(forms);
    signer->key = read_key((const char *)rest.data);
    options.algorithm = sign_key_algorithm(signer->key);
    options.signature_size = (uint32_t)sign_key_signature_size(signer->key);
    text_init(&why, buffer, sizeof(buffer));
    if (dkim_plan_compile(&signer->plan, &options, &why) < 0)
        fail(argument, text_cstr_end(&why));
}

/* The octets behind the blank line. */
static struct span body_of(struct span message)
{
    struct header_field field;

    while (header_next(&message, &field) == 1)
        ;
    return message;
}

static void hash_body(struct signing *signing, enum canon_form form, struct span body,
                      uint8_t ret_hash[CANON_HASH_SIZE])
{
    struct canon_body state;

    canon_body_begin(&state, form);
    while (body.size > 0) {
        size_t size = 1 + (size_t)prng_below(&signing->prng, 1 + prng_below(&signing->prng, 3000));

        canon_body_add(&state, span_first(body, size));
        body = span_skip(body, size);
    }
    canon_body_end(&state, ret_hash);
}

/* As the message goes out. */
static void send_form(struct span source, struct text *out)
{
    struct body body;

    body_init(&body, false);
    if (!body_put(&body, &source, out) || !body_end(&body, out))
        fail("a message", "too large");
}

static void sign(struct signing *signing, struct span source, struct text *out)
{
    static struct dkim_fields fields;
    struct sign_job jobs[SIGNERS_MAX];
    size_t places[SIGNERS_MAX + 1] = {0};
    uint8_t drafts[SIGNERS_MAX * DKIM_FIELD_MAX];
    struct text draft;

    text_init(&draft, drafts, sizeof(drafts));
    dkim_fields_init(&fields);
    int result = dkim_fields_add(&fields, source);
    for (uint32_t i = 0; i < signing->signers_count && result == 0; i++) {
        const struct signer *signer = &signing->signers[i];
        uint8_t body_hash[CANON_HASH_SIZE];

        hash_body(signing, signer->plan.body_form, body_of(source), body_hash);
        jobs[i].key = signer->key;
        result =
            dkim_begin(&signer->plan, &fields, body_hash, signing->time_s, &draft, jobs[i].digest);
        places[i + 1] = draft.size;
    }
    if (result < 0)
        fail("a message cannot be signed", strerror(-result));
    if (sign_batch_run(signing->batch, jobs, signing->signers_count) != signing->signers_count)
        fail("a message", "a signature failed");
    for (uint32_t i = 0; i < signing->signers_count; i++) {
        const struct dkim_plan *plan = &signing->signers[i].plan;
        size_t start = out->size;

        text_add(out, span_slice(text_span(&draft), places[i], places[i + 1] - places[i]));
        dkim_end(plan, span_make(jobs[i].signature, jobs[i].signature_size), out);
        if (out->size - start != dkim_size(plan, &fields, signing->time_s))
            fail("a field", "not of the size that was foretold");
    }
}

static void sign_one(struct signing *signing, struct span source, struct text *out)
{
    struct body_scan scan = {0};

    text_reset(out);
    body_scan_add(&scan, source);
    body_scan_end(&scan);
    if (scan.breaks == 0) {
        sign(signing, source, out);
        send_form(source, out);
        return;
    }
    struct text broken; /* what is signed is what goes out */
    text_init(&broken, memory(source.size * 4 + 64), source.size * 4 + 64);
    send_form(source, &broken);
    sign(signing, text_span(&broken), out);
    text_add(out, text_span(&broken));
    free(broken.data);
}

/* The size in front of a message. False at the end of the input. */
static bool read_size(size_t *ret_size)
{
    char line[32], *end;

    if (fgets(line, sizeof(line), stdin) == NULL)
        return false;
    *ret_size = strtoull(line, &end, 10);
    if (end == line || *end != '\n')
        fail("standard input", "has no size in front of a message");
    return true;
}

static int sign_all(struct signing *signing)
{
    static uint8_t source[MESSAGE_MAX], buffer[2 * MESSAGE_MAX];
    struct text out;
    size_t size;

    text_init(&out, buffer, sizeof(buffer));
    while (read_size(&size)) {
        if (size > sizeof(source) || fread(source, 1, size, stdin) != size)
            fail("standard input", "is cut short");
        sign_one(signing, span_make(source, size), &out);
        CHECK(!out.overflow);
        (void)printf("%zu\n", out.size);
        if (fwrite(out.data, 1, out.size, stdout) != out.size)
            fail("standard output", strerror(errno));
    }
    return fflush(stdout) == 0 ? 0 : 1;
}

int main(int count, char **arguments)
{
    static struct signing signing;

    if (count == 4 && strcmp(arguments[1], "make") == 0)
        return make(arguments[2], arguments[3]);
    if (count == 3 && strcmp(arguments[1], "record") == 0)
        return record(arguments[2]);
    if (count < 5 || count > 4 + SIGNERS_MAX || strcmp(arguments[1], "sign") != 0)
        fail("usage", "make KIND BITS, record KEY, sign TIME SEED SIGNER...");
    signing.time_s = strtoull(arguments[2], NULL, 10);
    prng_seed(&signing.prng, strtoull(arguments[3], NULL, 10));
    for (int i = 4; i < count; i++)
        read_signer(&signing.signers[signing.signers_count++], arguments[i]);
    signing.batch = sign_batch_open(memory(sign_batch_memory_size()), sign_batch_best());
    return sign_all(&signing);
}
