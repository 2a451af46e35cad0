/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor.h - what this machine lacks for containers, and what to do about it.
 *
 * Looks only: nothing is written, no program of somebody else is started, and what has to be tried is tried on objects
 * that nobody else can see (trial.c).  Files of other programs are read up to a bound, as data.
 */
#ifndef HRUN_DOCTOR_H
#define HRUN_DOCTOR_H

#include <hrun/pool.h>
#include <stdbool.h>
#include <stddef.h>

enum doctor_status {
	DOCTOR_OK,
	DOCTOR_NONE, /* not there, and nothing here needs it */
	DOCTOR_WARN, /* a wall is missing, or something that some containers need */
	DOCTOR_FAIL, /* no container starts, or the policy does not hold */
	DOCTOR_STATUSES
};

struct doctor_line {
	const char *id; /* "kernel.openat2": stable, for scripts */
	enum doctor_status status;
	const char *text;   /* what was found; no control characters */
	const char *remedy; /* NULL where there is nothing to do */
};

/* Whose machine: as the verbs that start containers would be called. */
struct doctor_asked {
	const char *root;	  /* --root, or NULL: the default */
	const char *policy;	  /* --policy, or NULL */
	const char *class_name;	  /* NAME of hrun-NAME, or NULL */
	const char *filter_cache; /* the directory of compiled profiles; NULL: there is none */
	const char *systemd;	  /* the socket that --systemd-cgroup would take; NULL: there is none */
	bool users_systemd;	  /* the user's own, not the machine's */
};

struct doctor {
	struct pool *pool;
	const struct doctor_asked *asked;
	struct doctor_line *lines;
	size_t line_count;
	size_t count[DOCTOR_STATUSES]; /* how many lines have it */
};

/* Every line, in an order that stays; doctor->lines is the pool's. */
void doctor_examine(struct pool *pool, const struct doctor_asked *asked, struct doctor *ret_doctor);

/* "ok", "none", "warn", "fail" */
const char *doctor_status_name(enum doctor_status status);

#endif
