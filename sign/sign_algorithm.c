#include "sign/sign_algorithm.h"

static const struct {
    const char *name, *key, *words;
} names[] = {
    [SIGN_RSA_SHA256] = {"rsa-sha256", "rsa", "RSA"},
    [SIGN_ED25519_SHA256] = {"ed25519-sha256", "ed25519", "Ed25519"},
};

const char *sign_algorithm_name(enum sign_algorithm algorithm)
{
    return names[algorithm].name;
}

const char *sign_algorithm_key(enum sign_algorithm algorithm)
{
    return names[algorithm].key;
}

const char *sign_algorithm_words(enum sign_algorithm algorithm)
{
    return names[algorithm].words;
}
