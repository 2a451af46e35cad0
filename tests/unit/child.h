/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child.h - a test that takes something from its process for good (a limit, a filter): in a child.  What it finds is this program's failure.
 */
#ifndef TESTS_UNIT_CHILD_H
#define TESTS_UNIT_CHILD_H

#include "check.h"
#include <sys/wait.h>
#include <unistd.h>

static inline void in_child(void (*test)(void))
{
	int status = -1;

	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		failures = 0;
		test();
		fflush(stdout);
		_exit(failures != 0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0, "status %d", status);
}

#endif
