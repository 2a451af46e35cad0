/* SPDX-License-Identifier: Apache-2.0 */
/*
 * identity.c - a file recognised again.
 */
#include <hrun/identity.h>

static uint64_t nanoseconds(const struct timespec *time)
{
	return (uint64_t)time->tv_sec * UINT64_C(1000000000) + (uint64_t)time->tv_nsec;
}

struct file_identity file_identity_of(const struct stat *st)
{
	return (struct file_identity){
		.known = true,
		.device = st->st_dev,
		.inode = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime = nanoseconds(&st->st_mtim),
		.ctime = nanoseconds(&st->st_ctim),
	};
}

bool file_identity_is(const struct file_identity *id, const struct stat *st)
{
	struct file_identity now = file_identity_of(st);

	return id->known && now.device == id->device && now.inode == id->inode && now.size == id->size &&
	       now.mtime == id->mtime && now.ctime == id->ctime;
}
