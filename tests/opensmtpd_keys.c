// Loaded into Debian 12's OpenSMTPD (6.8.0p2) by tests/opensmtpd.py, so that its TLS works with
// OpenSSL 3.
//
// OpenSMTPD keeps private keys in a process of their own. The process that talks TLS has public
// keys alone, marked with the name of the private one (RSA_set_ex_data), and an engine whose
// methods ask the other process where they find the mark. OpenSSL 3 hands those methods a copy of
// the key, made without the mark, and every handshake fails with an alert (OpenSMTPD's issue 1171).
// Here a key without a mark gets the mark of the key with the same modulus. Nothing else changes.
#include <dlfcn.h>
#include <stddef.h>

// Of libcrypto, whose headers would be in BoringSSL's way.
struct rsa_st;
struct bignum_st;
// NOLINTBEGIN(readability-identifier-naming): the names are OpenSSL's
const struct bignum_st *RSA_get0_n(const struct rsa_st *key);
struct bignum_st *BN_dup(const struct bignum_st *number);
int BN_cmp(const struct bignum_st *a, const struct bignum_st *b);
__attribute__((visibility("default"))) int RSA_set_ex_data(struct rsa_st *key, int index,
                                                           void *mark);
__attribute__((visibility("default"))) void *RSA_get_ex_data(const struct rsa_st *key, int index);

enum { MARKS = 64 };

static struct {
    struct bignum_st *modulus;
    void *mark;
} marked[MARKS];
static size_t marks;

int RSA_set_ex_data(struct rsa_st *key, int index, void *mark)
{
    int (*real)(struct rsa_st *, int, void *) = 0;
    *(void **)&real = dlsym(RTLD_NEXT, "RSA_set_ex_data");
    if (index == 0 && mark && marks < MARKS) {
        marked[marks].modulus = BN_dup(RSA_get0_n(key));
        marked[marks++].mark = mark;
    }
    return real(key, index, mark);
}

void *RSA_get_ex_data(const struct rsa_st *key, int index)
{
    void *(*real)(const struct rsa_st *, int) = 0;
    *(void **)&real = dlsym(RTLD_NEXT, "RSA_get_ex_data");
    void *mark = real(key, index);
    for (size_t i = marks; !mark && index == 0 && i > 0; i--) {
        if (BN_cmp(marked[i - 1].modulus, RSA_get0_n(key)) == 0)
            mark = marked[i - 1].mark;
    }
    return mark;
}
// NOLINTEND(readability-identifier-naming)
