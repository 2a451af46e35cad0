/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bundle_files.c - what `hrun sign` leaves in a bundle: the list of the tree, and a file for each signer.
 */
#include <dirent.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_bundle.h>
#include <hrun/str.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PREFIX "rootfs."
#define SUFFIX ".sigstore.json"
enum { KEY_DIGITS = 16, NAMES_SEEN_MAX = 4096 };

void bundle_signature_name(const char *key_id, char name[BUNDLE_SIGNATURE_NAME_SIZE])
{
	str_format(name, BUNDLE_SIGNATURE_NAME_SIZE, PREFIX "%.16s" SUFFIX, key_id);
}

static bool is_signature(const char *name)
{
	return strlen(name) == strlen(PREFIX) + KEY_DIGITS + strlen(SUFFIX) && str_starts(name, PREFIX) &&
	       strspn(name + strlen(PREFIX), "0123456789abcdef") == KEY_DIGITS && str_ends(name, SUFFIX);
}

struct names {
	char item[IMAGE_SIGNATURES_MAX][BUNDLE_SIGNATURE_NAME_SIZE];
	size_t count;
};

/* Whoever may write to the directory may fill it: only so many names are looked at. */
static int find_names(int dir, struct names *names)
{
	autofd int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	size_t seen = 0;
	int r = 0;

	if (!stream)
		return -errno;
	(void)TAKE_FD(fd); /* the stream's */
	while (r == 0 && (entry = readdir(stream))) {
		if (++seen > NAMES_SEEN_MAX || (is_signature(entry->d_name) && names->count == IMAGE_SIGNATURES_MAX))
			r = -E2BIG;
		else if (is_signature(entry->d_name))
			str_format(names->item[names->count++], BUNDLE_SIGNATURE_NAME_SIZE, "%s", entry->d_name);
	}
	closedir(stream);
	return r;
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

bool bundle_has_signature(int dir)
{
	struct names names = {0};

	return find_names(dir, &names) == -E2BIG || names.count > 0;
}

int bundle_open_signatures(struct pool *pool, int dir, int ret_fds[IMAGE_SIGNATURES_MAX], struct err *e)
{
	struct names *names = pool_alloc(pool, sizeof *names);
	int r = find_names(dir, names);

	if (r == -E2BIG)
		return err_set(e, E2BIG, "the bundle's directory has more than %d signatures or %d files",
			       IMAGE_SIGNATURES_MAX, NAMES_SEEN_MAX);
	if (r < 0)
		return err_set(e, -r, "the bundle's directory cannot be listed: %s", strerrordesc_np(-r));
	qsort(names->item, names->count, sizeof names->item[0], compare);
	for (size_t i = 0; i < names->count; i++) {
		ret_fds[i] = image_open_file(dir, names->item[i], false);
		if (ret_fds[i] >= 0)
			continue;
		r = ret_fds[i];
		while (i-- > 0)
			fd_close(&ret_fds[i]);
		return err_set(e, -r, "a signature of the bundle cannot be opened: %s", strerrordesc_np(-r));
	}
	return (int)names->count;
}

int bundle_open_list(int dir, struct err *e)
{
	int fd = image_open_file(dir, STATEMENT_TREE_NAME, false);

	if (fd == -ENOENT)
		return err_set(e, ENOENT, "the bundle has no " STATEMENT_TREE_NAME "; `hrun sign` writes it");
	return fd < 0 ? err_set(e, -fd, STATEMENT_TREE_NAME " cannot be opened: %s", strerrordesc_np(-fd)) : fd;
}

int bundle_check_root(const struct bundle *bundle, struct err *e)
{
	const struct open_how how = {.flags = O_PATH | (bundle->root_is_file ? 0 : O_DIRECTORY) | O_CLOEXEC,
				     .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	const struct stat *root = bundle_root_stat(bundle);
	const char *path = bundle->config->root.path;
	struct stat st;

	if (bundle->rootfs < 0 && !bundle->root_is_file)
		return err_set(e, -bundle->rootfs, "root.path of the bundle cannot be opened");
	autofd int fd = (int)syscall(SYS_openat2, bundle->dir, path, &how, sizeof how);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(
			e, errno,
			"root.path `%.200s` leads out of the bundle or through a link; a signed bundle holds its root",
			path);
	if (fd_is_same_stat(&st, &bundle->dir_stat))
		return err_set(e, EINVAL, "root.path is the bundle itself; a signature has its place beside the root");
	if (!fd_is_same_stat(&st, root))
		return err_set(e, EBUSY, "the bundle's root changes while it is looked at");
	return 0;
}
