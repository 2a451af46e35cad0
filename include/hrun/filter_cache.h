/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_cache.h - compiled profiles, kept in a directory that only we can write.
 *
 * Whoever writes there decides what containers may do.  A directory or a file that is
 * not ours, or not whole, counts as missing.
 */
#ifndef HRUN_FILTER_CACHE_H
#define HRUN_FILTER_CACHE_H

#include <hrun/config.h>
#include <hrun/filter_program.h>
#include <hrun/pool.h>
#include <hrun/sha256.h>
#include <stdbool.h>

struct filter_key {
	unsigned char digest[SHA256_SIZE];
	char name[2 * SHA256_SIZE + 1]; /* the file's */
};

/* The key of everything that the compiled program depends on. */
void filter_cache_key(const struct config_seccomp *seccomp, struct filter_key *ret_key);

/* An owned descriptor of DIRECTORY (made 0700 where it is missing), or negative errno where it cannot be trusted. */
int filter_cache_open(const char *directory);
/* The same where it is there, and nothing is made. */
int filter_cache_look(const char *directory);

/* The program of KEY and its judgement.  False: compile it. */
bool filter_cache_read(struct pool *pool, int cache, const struct filter_key *key, struct filter_program *ret_program);

/* Keep a program; a failure costs the next start some milliseconds, nothing else. */
void filter_cache_write(int cache, const struct filter_key *key, const struct filter_program *program);

/* Nobody says when a file is out of use: with more than MAX a cache begins again, with what a killed writer left behind gone too. */
void filter_cache_make_room(int cache, size_t max);

#endif
