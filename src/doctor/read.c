/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read.c - files that other programs wrote: regular, bounded, never waited for.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <hrun/doctor_look.h>
#include <hrun/fd.h>
#include <hrun/proc.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WORD_MAX = 4096 };

const char *doctor_read(struct pool *pool, const char *path, size_t max, size_t *ret_size, int *ret_errno)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	*ret_errno = errno;
	if (fd < 0)
		return NULL;
	*ret_errno = EINVAL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return NULL;
	char *text = pool_alloc(pool, max + 2);
	ssize_t size = fd_read_all(fd, text, max + 1);
	if (size < 0 || (size_t)size > max) {
		*ret_errno = size < 0 ? (int)-size : EFBIG;
		return NULL;
	}
	if (memchr(text, '\0', (size_t)size))
		return NULL;
	*ret_size = (size_t)size;
	return text;
}

const char *doctor_word(struct pool *pool, const char *path)
{
	size_t size;
	int error;
	const char *text = doctor_read(pool, path, WORD_MAX, &size, &error);

	return text ? pool_strndup(pool, text, strcspn(text, "\n")) : NULL;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **doctor_names(struct pool *pool, const char *directory, const char *suffix, size_t *ret_count)
{
	const char **names = pool_alloc(pool, DOCTOR_NAMES * sizeof *names);
	DIR *stream = opendir(directory);
	size_t count = 0;

	for (struct dirent *entry; stream && count < DOCTOR_NAMES && (entry = readdir(stream));) {
		if (entry->d_name[0] != '.' && str_ends(entry->d_name, suffix))
			names[count++] = pool_strdup(pool, entry->d_name);
	}
	if (stream)
		closedir(stream);
	qsort(names, count, sizeof *names, compare);
	*ret_count = count;
	return names;
}

bool doctor_is_roots(const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == proc_host_root()) && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

bool doctor_has_word(const char *text, const char *word)
{
	static const char between[] = " ,\t\n";
	size_t length = strlen(word);

	for (text += strspn(text, between); *text; text += strspn(text, between)) {
		size_t n = strcspn(text, between);
		if (n == length && memcmp(text, word, n) == 0)
			return true;
		text += n;
	}
	return false;
}
