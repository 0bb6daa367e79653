/* Processors other than x86-64 have the model only. */
#include "sign/rsa_batch.h"

const struct rsa_batch_limb *rsa_batch_find(enum rsa_batch_kind kind)
{
    return kind == RSA_BATCH_MODEL ? &rsa_batch_limb_model : NULL;
}
