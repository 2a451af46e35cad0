/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spawn.h - one new process in exactly these namespaces and this cgroup.
 */
#ifndef HRUN_SPAWN_H
#define HRUN_SPAWN_H

#include <hrun/err.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { SPAWN_MAX_JOINS = 8 };

struct spawn {
	uint64_t create;	   /* CLONE_NEW* to make */
	int join[SPAWN_MAX_JOINS]; /* borrowed: namespace descriptors to enter before, in this order */
	size_t join_count;
	int join_pidfd;	   /* borrowed: enter JOIN_TYPES of this process in one step; -1: none */
	int join_types;	   /* CLONE_NEW* */
	int cgroup;	   /* borrowed: directory for CLONE_INTO_CGROUP; -1: the caller's cgroup */
	bool joins_cgroup; /* one of the namespaces to enter is a cgroup namespace */
};

/*
 * Start CHILD(ARGUMENT), which must not return, in a copy of the caller's memory (as fork(2) does).
 * It is the caller's own child even where namespaces are joined: a borrowed body (CLONE_VM|CLONE_VFORK)
 * enters them and makes the child with CLONE_PARENT, so the caller stays where it is.  The child has
 * all signals blocked.  *ret_pidfd is owned.
 */
int spawn(const struct spawn *how, void (*child)(void *argument), void *argument, pid_t *ret_pid, int *ret_pidfd,
	  struct err *e);

/* -ESRCH, and the words for it: the init whose namespaces were to be entered has ended. */
int spawn_init_ended(struct err *e);

#endif
