/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hasher.h - SHA-256 of bytes that are used meanwhile: the digest of a large layer is a thread's, beside the decompressor.
 *
 * The thread reads what it is given and changes nothing but the digest; who gives it bytes may read them, and may not
 * change them before hasher_make_room says so.
 */
#ifndef HRUN_IMAGE_HASHER_H
#define HRUN_IMAGE_HASHER_H

#include <hrun/sha256.h>
#include <pthread.h>
#include <stdbool.h>

enum { HASHER_JOBS = 8 };

struct hasher {
	struct sha256 hash; /* the thread's, while there is work */
	bool threaded;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t given_more, done_more;
	struct {
		const unsigned char *bytes;
		size_t size;
	} jobs[HASHER_JOBS];
	uint64_t given, done; /* jobs so far; number N is jobs[N % HASHER_JOBS] */
	bool last;	      /* nothing more is given */
};

/* THREADED: with a thread, if one can be had; else everything is done in hasher_add.  hasher_stop in any case. */
void hasher_start(struct hasher *h, bool threaded);
/* The next bytes, after hasher_make_room. */
void hasher_add(struct hasher *h, const void *bytes, size_t size);
/* Wait until less than HASHER_JOBS jobs are open: whoever takes HASHER_JOBS buffers in turn may fill the next one. */
void hasher_make_room(struct hasher *h);
/* The digest of everything that was given; the thread has ended. */
void hasher_end(struct hasher *h, unsigned char digest[SHA256_SIZE]);
/* End the thread when it has done what it was given.  Once more is nothing. */
void hasher_stop(struct hasher *h);

#endif
