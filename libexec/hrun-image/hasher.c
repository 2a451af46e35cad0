// SPDX-License-Identifier: Apache-2.0
/*
 * hasher.c - see hasher.h.
 */
#include "hasher.h"

/* Who has to wait waits for half of the jobs at once: going to sleep and waking up cost more than a small job. */
enum { STACK = 64 << 10, HALF = HASHER_JOBS / 2 };

static void *work(void *context)
{
	struct hasher *h = context;

	pthread_mutex_lock(&h->lock);
	for (;;) {
		if (h->given == h->done && h->last)
			break;
		if (h->given == h->done) {
			while (h->given - h->done < HALF && !h->last)
				pthread_cond_wait(&h->given_more, &h->lock);
			continue;
		}
		const unsigned char *bytes = h->jobs[h->done % HASHER_JOBS].bytes;
		size_t size = h->jobs[h->done % HASHER_JOBS].size;
		pthread_mutex_unlock(&h->lock);
		sha256_add(&h->hash, bytes, size);
		pthread_mutex_lock(&h->lock);
		h->done++;
		if (h->given - h->done == HALF)
			pthread_cond_signal(&h->done_more);
	}
	pthread_mutex_unlock(&h->lock);
	return NULL;
}

void hasher_start(struct hasher *h, bool threaded)
{
	pthread_attr_t attributes;

	sha256_init(&h->hash);
	h->given = h->done = 0;
	h->last = h->threaded = false;
	if (!threaded || pthread_attr_init(&attributes) != 0)
		return;
	pthread_mutex_init(&h->lock, NULL);
	pthread_cond_init(&h->given_more, NULL);
	pthread_cond_init(&h->done_more, NULL);
	h->threaded = pthread_attr_setstacksize(&attributes, STACK) == 0 &&
		      pthread_create(&h->thread, &attributes, work, h) == 0;
	pthread_attr_destroy(&attributes);
}

void hasher_add(struct hasher *h, const void *bytes, size_t size)
{
	if (!h->threaded) {
		sha256_add(&h->hash, bytes, size);
		return;
	}
	pthread_mutex_lock(&h->lock);
	h->jobs[h->given % HASHER_JOBS].bytes = bytes;
	h->jobs[h->given % HASHER_JOBS].size = size;
	h->given++;
	if (h->given - h->done >= HALF)
		pthread_cond_signal(&h->given_more);
	pthread_mutex_unlock(&h->lock);
}

void hasher_make_room(struct hasher *h)
{
#ifdef HRUN_MUTANT_HASHER_ROOM
	return;
#endif
	if (!h->threaded)
		return;
	pthread_mutex_lock(&h->lock);
	if (h->given - h->done >= HASHER_JOBS) {
		while (h->given - h->done > HALF)
			pthread_cond_wait(&h->done_more, &h->lock);
	}
	pthread_mutex_unlock(&h->lock);
}

void hasher_end(struct hasher *h, unsigned char digest[SHA256_SIZE])
{
	hasher_stop(h);
	sha256_end(&h->hash, digest);
}

void hasher_stop(struct hasher *h)
{
	if (!h->threaded)
		return;
	pthread_mutex_lock(&h->lock);
	h->last = true;
	pthread_cond_signal(&h->given_more);
	pthread_mutex_unlock(&h->lock);
	pthread_join(h->thread, NULL);
	h->threaded = false;
}
