/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sign.h - the parts of hrun-sign, the one program that ever sees a private key.
 *
 * Walls and the words for keys are hrun-image's (program.c, confine.c, filter.c, key.c, verify.c, dsse.c).  Memory that held a key or a passphrase is
 * wiped before it is given back; it is libcrypto's secure heap where the kernel lets us lock it.
 */
#ifndef HRUN_SIGN_PARTS_H
#define HRUN_SIGN_PARTS_H

#include "../hrun-image/signature.h"
#include <hrun/sign_wire.h>

struct signer {
	struct sign_request request;
	int key_fd, passphrase_fd;
	struct pool pool; /* nothing secret is in it */
	struct sign_answer answer;
};

/* Fills the answer's reason once; returns -ERRNUM. */
int sign_fail(struct signer *s, int errnum, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ---- private_key.c ---- */
/* The key of the request's descriptor, to be freed with EVP_PKEY_free. */
int private_key_read(struct signer *s, EVP_PKEY **ret_key);
/* A new one, with both texts in the answer. */
int private_key_make(struct signer *s);
/* answer.key_id, and the same bytes. */
int private_key_name(struct signer *s, EVP_PKEY *key, unsigned char id[32]);

/* ---- statement.c ---- */
/* The Sigstore bundle over the request's two digests into the answer. */
int statement_sign(struct signer *s);

#endif
