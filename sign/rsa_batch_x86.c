/* Which lanes an x86-64 has. The compiler's run-time asks CPUID, and XGETBV whether the kernel
 * saves the registers. */
#include "sign/rsa_batch.h"

const struct rsa_batch_limb *rsa_batch_find(enum rsa_batch_kind kind)
{
    bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq");

    switch (kind) {
    case RSA_BATCH_MODEL:
        return &rsa_batch_limb_model;
    case RSA_BATCH_AVX512:
        return wide ? &rsa_batch_limb_avx512 : NULL;
    case RSA_BATCH_IFMA:
        return wide && __builtin_cpu_supports("avx512ifma") ? &rsa_batch_limb_ifma : NULL;
    }
    return NULL;
}
