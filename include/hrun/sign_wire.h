/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sign_wire.h - what hrun and hrun-sign say to each other.
 *
 * hrun-sign holds a private key for as long as one answer takes, and can open no file.  hrun starts it with a SEQPACKET socket as
 * descriptor 3 and sends the request with descriptors; one answer comes back.  Each is one of these structs, whole.
 */
#ifndef HRUN_SIGN_WIRE_H
#define HRUN_SIGN_WIRE_H

#include <stdint.h>

enum {
	SIGN_WIRE_VERSION = 2,
	SIGN_HEX_SIZE = 65,
	SIGN_KEY_FILE_MAX = 1 << 16,
	SIGN_PASSPHRASE_MAX = 1024,
};

enum sign_task {
	SIGN_KEYGEN,	/* a new key */
	SIGN_STATEMENT, /* the statement over a bundle: image_statement.h */
	SIGN_TASKS
};
enum sign_key { SIGN_P256, SIGN_P384, SIGN_P521, SIGN_ED25519, SIGN_RSA, SIGN_KEYS };

/*
 * Descriptors with it: the private key's file (SIGN_STATEMENT); then, where has_passphrase, where its passphrase is: one line,
 * or all there is.
 */
struct sign_request {
	uint32_t version, task;
	uint32_t key; /* SIGN_KEYGEN: enum sign_key */
	uint32_t has_passphrase;
	uint32_t root_is_file; /* SIGN_STATEMENT: the digest is that of an EROFS file, not of a list */
	char root_hex[SIGN_HEX_SIZE], config_hex[SIGN_HEX_SIZE]; /* SIGN_STATEMENT: 64 lower-case digits each */
	char verity_hex[SIGN_HEX_SIZE];				 /* of a file, its fs-verity digest, or "" */
};

struct sign_answer {
	uint32_t version;
	int32_t error; /* 0 or a negative errno, with the reason */
	char reason[256];
	char key_id[SIGN_HEX_SIZE]; /* SHA-256 of the public key (SubjectPublicKeyInfo, DER) */
	/* SIGN_KEYGEN: both keys as PEM.  SIGN_STATEMENT: the Sigstore bundle. */
	uint32_t text_size, public_size;
	char text[16384], public_text[4096];
};

#endif
