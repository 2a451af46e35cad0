/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache.c - compiled profiles, kept in a directory that only we can write.
 */
#include <dirent.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/filter_arch.h>
#include <hrun/filter_cache.h>
#include <hrun/proc.h>
#include <hrun/str.h>
#include <linux/limits.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* At 32 KiB a file at most 8 MiB; an engine has a few profiles for all its containers. */
enum { CACHE_FILES_MAX = 256 };

/* Counts up with every change of this file's format, or of how profiles are compiled or judged. */
enum { CACHE_FORMAT = 4 };

struct cache_header {
	char magic[8];
	unsigned char key[SHA256_SIZE];
	unsigned char digest[SHA256_SIZE]; /* of the rest: a file cut by a crash is not whole */
	uint64_t length;		   /* instructions */
	struct filter_judgement judgement;
};
struct cache_file {
	struct cache_header header;
	struct sock_filter program[];
};
enum {
	CACHE_HEADER = sizeof(struct cache_header),
	CACHE_MAX = CACHE_HEADER + BPF_MAXINSNS * sizeof(struct sock_filter)
};

static const char cache_magic[8] = {'h', 'r', 'u', 'n', 'b', 'p', 'f', '\n'};

/* Every value is preceded by its length or has a fixed one, so no two profiles give the same bytes. */
static void add_number(struct sha256 *hash, uint64_t value)
{
	sha256_add(hash, &value, sizeof value);
}

static void add_text(struct sha256 *hash, const char *text)
{
	add_number(hash, text ? strlen(text) + 1 : 0);
	if (text)
		sha256_add(hash, text, strlen(text));
}

static void add_list(struct sha256 *hash, const struct string_list *list)
{
	add_number(hash, list->count);
	for (size_t i = 0; i < list->count; i++)
		add_text(hash, list->item[i]);
}

static void add_optional(struct sha256 *hash, struct opt_u32 value)
{
	add_number(hash, value.set ? UINT64_C(1) << 32 | value.value : 0);
}

static void add_syscall(struct sha256 *hash, const struct config_seccomp_syscall *syscall)
{
	add_list(hash, &syscall->names);
	add_text(hash, syscall->action);
	add_optional(hash, syscall->errno_ret);
	add_number(hash, syscall->arg_count);
	for (size_t i = 0; i < syscall->arg_count; i++) {
		const struct config_seccomp_arg *arg = &syscall->args[i];
		add_number(hash, arg->index);
		add_number(hash, arg->value);
		add_number(hash, arg->value_two);
		add_text(hash, arg->op);
	}
}

void filter_cache_key(const struct config_seccomp *seccomp, struct filter_key *ret_key)
{
	const struct scmp_version *version = seccomp_version();
	struct sha256 hash;

	sha256_init(&hash);
	add_number(&hash, CACHE_FORMAT);
	add_number(&hash, filter_native_arch());
	add_number(&hash, version->major);
	add_number(&hash, version->minor);
	add_number(&hash, version->micro);
	for (size_t i = 0; i < watched_call_count; i++) {
		add_text(&hash, watched_calls[i].name);
		add_number(&hash, watched_calls[i].watch);
		add_number(&hash, (uint64_t)watched_calls[i].clear_bits << 32 | watched_calls[i].set_bits);
	}
	add_text(&hash, seccomp->default_action);
	add_optional(&hash, seccomp->default_errno_ret);
	add_list(&hash, &seccomp->architectures);
	add_list(&hash, &seccomp->flags);
	add_text(&hash, seccomp->listener_path);
	add_text(&hash, seccomp->listener_metadata);
	add_number(&hash, seccomp->syscall_count);
	for (size_t i = 0; i < seccomp->syscall_count; i++)
		add_syscall(&hash, &seccomp->syscalls[i]);
	sha256_end(&hash, ret_key->digest);
	sha256_hex(ret_key->digest, ret_key->name);
}

/* Whoever else could write here could give a container any filter, or none. */
static bool is_ours(int fd, mode_t type, struct stat *ret_stat)
{
	if (fstat(fd, ret_stat) < 0 || (ret_stat->st_mode & S_IFMT) != type)
		return false;
#ifdef HRUN_MUTANT_FILTER_CACHE
	return true;
#endif
	return ret_stat->st_uid == proc_euid() && !(ret_stat->st_mode & (S_IWGRP | S_IWOTH));
}

int filter_cache_look(const char *directory)
{
	struct stat st;
	autofd int cache = open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (cache < 0)
		return -errno;
	if (!is_ours(cache, S_IFDIR, &st))
		return -EPERM;
	return TAKE_FD(cache);
}

int filter_cache_open(const char *directory)
{
	int cache = filter_cache_look(directory);

	if (cache != -ENOENT)
		return cache;
	if (mkdirat(AT_FDCWD, directory, 0700) < 0 && errno != EEXIST)
		return -errno;
	return filter_cache_look(directory);
}

static void digest_of(const struct cache_header *header, const struct sock_filter *program,
		      unsigned char ret_digest[SHA256_SIZE])
{
	struct sha256 hash;

	sha256_init(&hash);
	sha256_add(&hash, &header->judgement, sizeof header->judgement);
	sha256_add(&hash, program, header->length * sizeof *program);
	sha256_end(&hash, ret_digest);
}

static bool is_whole(const struct cache_file *file, size_t size, const struct filter_key *key)
{
	unsigned char digest[SHA256_SIZE];

	if (size < CACHE_HEADER || memcmp(file->header.magic, cache_magic, sizeof cache_magic) != 0 ||
	    memcmp(file->header.key, key->digest, sizeof file->header.key) != 0)
		return false;
	if (file->header.length == 0 || file->header.length > BPF_MAXINSNS ||
	    size != CACHE_HEADER + file->header.length * sizeof *file->program)
		return false;
	digest_of(&file->header, file->program, digest);
	return memcmp(digest, file->header.digest, sizeof digest) == 0;
}

bool filter_cache_read(struct pool *pool, int cache, const struct filter_key *key, struct filter_program *ret_program)
{
	struct stat st;

	autofd int fd = openat(cache, key->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || !is_ours(fd, S_IFREG, &st))
		return false;
	if (st.st_size < CACHE_HEADER || st.st_size > CACHE_MAX)
		return false;
	struct cache_file *file = pool_alloc(pool, (size_t)st.st_size);
	ssize_t size = fd_read_all(fd, file, (size_t)st.st_size);
	if (size < 0 || !is_whole(file, (size_t)size, key))
		return false;
	*ret_program = (struct filter_program){file->program, file->header.length, file->header.judgement};
	return true;
}

static int write_file(int cache, const char *name, const struct filter_key *key, const struct filter_program *program)
{
	struct cache_header header = {.length = program->length, .judgement = program->judgement};

	memcpy(header.magic, cache_magic, sizeof header.magic);
	memcpy(header.key, key->digest, sizeof header.key);
	digest_of(&header, program->program, header.digest);
	autofd int fd = openat(cache, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	TRY(fd_write_all(fd, &header, CACHE_HEADER));
	return fd_write_all(fd, program->program, program->length * sizeof *program->program);
}

void filter_cache_make_room(int cache, size_t max)
{
	int again = openat(cache, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = again < 0 ? NULL : fdopendir(again);
	size_t count = 0;

	if (!stream) {
		fd_close(&again);
		return;
	}
	while (readdir(stream))
		count++;
	rewinddir(stream);
	for (struct dirent *entry; count > max && (entry = readdir(stream));)
		unlinkat(cache, entry->d_name, 0);
	closedir(stream);
}

void filter_cache_write(int cache, const struct filter_key *key, const struct filter_program *program)
{
	char temporary[NAME_MAX + 1];

	/* The process's number keeps parallel writers apart; O_EXCL where two pid namespaces share the directory. */
	if (str_format(temporary, sizeof temporary, "%s.%d", key->name, (int)getpid()) < 0)
		return;
	filter_cache_make_room(cache, CACHE_FILES_MAX);
	int r = write_file(cache, temporary, key, program);
	if (r == 0 && renameat(cache, temporary, cache, key->name) == 0)
		return;
	unlinkat(cache, temporary, 0);
}
