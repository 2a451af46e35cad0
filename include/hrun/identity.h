/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.h - a file recognised again: what was judged is what is executed.
 */
#ifndef HRUN_IDENTITY_H
#define HRUN_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

/* Nobody can set a ctime, so a file that was written to or exchanged has another identity. */
struct file_identity {
	bool known;
	uint64_t device, inode, size;
	uint64_t mtime, ctime; /* nanoseconds */
};

struct file_identity file_identity_of(const struct stat *st);
/* Is ST the file that ID remembers?  Nothing is where nothing is known. */
bool file_identity_is(const struct file_identity *id, const struct stat *st);

#endif
