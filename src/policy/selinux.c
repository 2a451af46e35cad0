/* SPDX-License-Identifier: Apache-2.0 */
/*
 * selinux.c - which labels the policy of this machine has for containers, and what the kernel lets a label do.
 *
 * libselinux would read the same files, but by whatever links lead there, and it would take the first line that looks right.
 */
#include <errno.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/path.h>
#include <hrun/selinux.h>
#include <hrun/str.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum {
	FILE_BYTES = 64 * 1024,
	NAME_BYTES = 64,
	ANSWER_BYTES = 4096, /* as much as the kernel gives at once */
	CATEGORIES = 1024,   /* c0 to c1023, what every policy with categories has */
	PERMISSIONS = 32,
};

static const struct selinux_labels fallback = {
	.process = "system_u:system_r:container_t:s0",
	.mount = "system_u:object_r:container_file_t:s0",
};

/* By its name: the texts of some errors are what engines take for a missing program. */
static int cannot_read(struct err *e, int errnum, const char *directory, const char *name)
{
	return err_set(e, errnum, "%s/%s cannot be read (%s)", directory, name, strerrorname_np(errnum));
}

/* NAME below DIRECTORY, whole; 0 and *ret_text, or 1 where it is not there. */
static int read_file(struct pool *pool, const char *directory, const char *name, uid_t owner, const char **ret_text,
		     struct err *e)
{
	struct stat st;
	struct err why;
	autofd int dir = path_open_host(directory, true, &why);
	autofd int fd = dir < 0 ? dir
				: path_open_in_root_with(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
							 RESOLVE_NO_SYMLINKS, &why);

	if (fd == -ENOENT)
		return 1;
	if (fd < 0)
		return cannot_read(e, -fd, directory, name);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size > FILE_BYTES)
		return err_set(e, EINVAL, "%s/%s is no regular file of at most %d bytes", directory, name, FILE_BYTES);
#ifdef HRUN_MUTANT_SELINUX_OWNER
	st.st_uid = owner, st.st_mode = 0;
#endif
	if (st.st_uid != owner || st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(e, EPERM, "%s/%s can be changed by others than root", directory, name);
	char *text = pool_alloc(pool, (size_t)st.st_size + 1);
	ssize_t size = fd_read_file(fd, text, (size_t)st.st_size);
	if (size != st.st_size || memchr(text, '\0', (size_t)size))
		return cannot_read(e, size < 0 ? (int)-size : EIO, directory, name);
	text[size] = '\0';
	*ret_text = text;
	return 0;
}

/* TEXT without blanks at both ends, LENGTH bytes of it. */
static const char *trimmed(struct pool *pool, const char *text, size_t length)
{
	static const char blank[] = " \t\r";

	for (; length && strchr(blank, text[length - 1]); length--)
		;
	for (; length && strchr(blank, *text); length--)
		text++;
	return pool_strndup(pool, text, length);
}

/* "a" and a are the same value. */
static const char *unquoted(struct pool *pool, const char *value)
{
	size_t length = strlen(value);

	return length >= 2 && value[0] == '"' && value[length - 1] == '"' ? pool_strndup(pool, value + 1, length - 2)
									  : value;
}

/* The value of the only line KEY=VALUE of TEXT; NULL where there is none, or more than one. */
static const char *value_of(struct pool *pool, const char *text, const char *key)
{
	const char *value = NULL;

	for (const char *line = text, *next; *line; line = next) {
		size_t length = strcspn(line, "\n");
		const char *equals = memchr(line, '=', length);
		next = line + length + (line[length] == '\n');
		if (!equals || !str_equal(trimmed(pool, line, (size_t)(equals - line)), key))
			continue;
		if (value)
			return NULL;
		value = unquoted(pool, trimmed(pool, equals + 1, (size_t)(line + length - equals - 1)));
	}
	return value;
}

/* Letters, digits and what else names of policies and types have; no path. */
static bool is_name(const char *text, size_t length)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

	return length > 0 && length < NAME_BYTES && strspn(text, letters) >= length;
}

/* "USER:ROLE:TYPE:s0": what takes categories. */
static bool is_plain_label(const char *label)
{
	for (int part = 0; part < 3; part++) {
		size_t length = strcspn(label, ":");
		if (!is_name(label, length) || !label[length])
			return false;
		label += length + 1;
	}
	return str_equal(label, "s0");
}

static int read_contexts(struct pool *pool, const char *directory, uid_t owner, const char *type,
			 struct selinux_labels *ret_labels, struct err *e)
{
	const char *name = pool_printf(pool, "%s/contexts/lxc_contexts", type), *text;
	int r = read_file(pool, directory, name, owner, &text, e);

	TRY(r);
	if (r)
		return 0;
	const struct selinux_labels found = {value_of(pool, text, "process"), value_of(pool, text, "file")};
	if (!found.process || !is_plain_label(found.process) || !found.mount || !is_plain_label(found.mount))
		return err_set(e, EINVAL, "%s/%s has not one line each that gives process and file a label of level s0",
			       directory, name);
	*ret_labels = found;
	return 0;
}

int selinux_container_labels(struct pool *pool, const char *directory, uid_t owner, struct selinux_labels *ret_labels,
			     struct err *e)
{
	const char *text;
	int r = read_file(pool, directory, "config", owner, &text, e);

	*ret_labels = fallback;
	TRY(r);
	if (r)
		return 0;
	const char *type = value_of(pool, text, "SELINUXTYPE");
	if (!type || !is_name(type, strlen(type)))
		return err_set(e, EINVAL, "%s/config has not one line SELINUXTYPE=NAME", directory);
	return read_contexts(pool, directory, owner, type, ret_labels, e);
}

int selinux_root_label(struct pool *pool, const struct host_files *files, uid_t owner, const char **ret_label,
		       struct err *e)
{
	struct selinux_labels labels;
	int enforcing = host_flag(files->selinux_enforce, '1');

	*ret_label = NULL;
	if (enforcing < 0)
		return err_set(e, -enforcing, "%s cannot be read (%s)", files->selinux_enforce,
			       strerrorname_np(-enforcing));
	if (!enforcing)
		return 0;
	TRY(selinux_container_labels(pool, files->selinux_policies, owner, &labels, e));
	*ret_label = labels.mount;
	return 0;
}

/* Ten bits of 32 that the kernel draws are a category: no value is more likely than another. */
static int draw(unsigned int *ret_category, struct err *e)
{
	uint32_t number;

	if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
		return err_errno(e, "draw a category");
	*ret_category = number % CATEGORIES;
	return 0;
}

int selinux_add_categories(struct pool *pool, struct selinux_labels *labels, struct err *e)
{
	unsigned int one, other;

	TRY(draw(&one, e));
	do
		TRY(draw(&other, e));
	while (other == one);
#ifdef HRUN_MUTANT_SELINUX_CATEGORIES
	one = 1, other = 2;
#endif
	/* The lower one first: that is how the kernel writes it, so what it says is what was asked for. */
	const char *pair = pool_printf(pool, "c%u,c%u", one < other ? one : other, one < other ? other : one);
	labels->process = pool_printf(pool, "%s:%s", labels->process, pair);
	if (labels->mount)
		labels->mount = pool_printf(pool, "%s:%s", labels->mount, pair);
	return 0;
}

int selinux_label_of(struct pool *pool, int fd, const char **ret_label, struct err *e)
{
	char path[64], label[ANSWER_BYTES];

	TRY(str_format(path, sizeof path, "/proc/self/fd/%d", fd));
	ssize_t length = getxattr(path, "security.selinux", label, sizeof label - 1);
	if (length <= 0)
		return err_set(e, length < 0 ? errno : ENODATA, "its label cannot be read (%s)",
			       strerrorname_np(length < 0 ? errno : ENODATA));
	label[length] = '\0';
	if (strlen(label) + 1 < (size_t)length || str_has_control(label) || strchr(label, ' '))
		return err_set(e, EINVAL, "its label is none");
	*ret_label = pool_strdup(pool, label);
	return 0;
}

/* A decimal number, with or without a newline, of the file NAME of selinuxfs. */
static int read_number(const char *selinuxfs, const char *name, unsigned int max, unsigned int *ret, struct err *e)
{
	char path[256], text[32];
	uint64_t number;

	TRY(str_format(path, sizeof path, "%s/%s", selinuxfs, name));
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	ssize_t size = fd < 0 ? -errno : fd_read_all(fd, text, sizeof text - 1);
	if (size < 0)
		return cannot_read(e, (int)-size, selinuxfs, name);
	text[size] = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (str_to_u64(text, max, &number) < 0 || number == 0)
		return err_set(e, EINVAL, "%s holds no number", path);
	*ret = (unsigned int)number;
	return 0;
}

/* The permissions as the kernel's bits: number 1 is the lowest. */
static int bits_of(const char *selinuxfs, const struct selinux_question *question, uint32_t *ret_bits, struct err *e)
{
	char name[128];
	unsigned int number;

	*ret_bits = 0;
	for (size_t i = 0; i < question->count; i++) {
		TRY(str_format(name, sizeof name, "class/%s/perms/%s", question->class, question->permissions[i]));
		TRY(read_number(selinuxfs, name, PERMISSIONS, &number, e));
		*ret_bits |= UINT32_C(1) << (number - 1);
	}
	return 0;
}

/* "ALLOWED DECIDED ...", hexadecimal. */
static bool read_allowed(const char *answer, uint32_t *ret_allowed)
{
	size_t length = strspn(answer, "0123456789abcdef");

	if (length == 0 || length > 8 || answer[length] != ' ')
		return false;
	*ret_allowed = (uint32_t)strtoul(answer, NULL, 16);
	return true;
}

static int ask(const struct host_files *files, const char *question, uint32_t *ret_allowed, struct err *e)
{
	char path[256], answer[ANSWER_BYTES];

	TRY(str_format(path, sizeof path, "%s/access", files->selinux_fs));
	ssize_t size = files->ask(path, question, answer, sizeof answer - 1);
	if (size < 0)
		return err_set(e, (int)-size, "%s does not answer (%s)", path, strerrorname_np((int)-size));
	answer[size] = '\0';
	return read_allowed(answer, ret_allowed) ? 0 : err_set(e, EINVAL, "%s says what nobody understands", path);
}

int selinux_may(const struct host_files *files, const struct selinux_question *question, struct err *e)
{
	char name[64], text[3 * ANSWER_BYTES];
	unsigned int class;
	uint32_t wanted, allowed;

	TRY(bits_of(files->selinux_fs, question, &wanted, e));
	TRY(str_format(name, sizeof name, "class/%s/index", question->class));
	TRY(read_number(files->selinux_fs, name, UINT16_MAX, &class, e));
	TRY(str_format(text, sizeof text, "%s %s %u", question->process, question->target, class));
	TRY(ask(files, text, &allowed, e));
#ifdef HRUN_MUTANT_SELINUX_MAY
	return 1;
#endif
	return (allowed & wanted) == wanted;
}
