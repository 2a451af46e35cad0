/* SPDX-License-Identifier: Apache-2.0 */
/*
 * places.c - where signatures stand beside an engine's store: layouts that the operator keeps, as images.signatures names them.
 *
 * Whose they are does not matter: a signature proves itself, and what is missing can only refuse an image.
 */
#include <dirent.h>
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image_engine.h>
#include <hrun/str.h>
#include <sys/stat.h>
#include <unistd.h>

struct places {
	int *fds;
	size_t count;
	struct err *e;
};

static bool is_layout(int dir)
{
	struct stat st;

	return fstatat(dir, "oci-layout", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

static int add_place(struct places *places, int dir, const char *path)
{
	if (places->count == IMAGE_PLACES_MAX)
		return err_set(places->e, E2BIG,
			       "policy: images.signatures: `%s`: more than %d layouts; put their "
			       "signatures into one (skopeo copy does)",
			       path, IMAGE_PLACES_MAX);
	int copy = fcntl(dir, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return err_errno(places->e, "policy: images.signatures: `%s`", path);
	places->fds[places->count++] = copy;
	return 0;
}

static int add_below(struct places *places, DIR *stream, const char *path)
{
	for (struct dirent *entry; (entry = readdir(stream));) {
		autofd int dir = -EBADF;
		if (entry->d_name[0] == '.')
			continue;
		dir = openat(dirfd(stream), entry->d_name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (dir >= 0 && is_layout(dir))
			TRY(add_place(places, dir, path));
	}
	return 0;
}

static int add_directory(struct places *places, const char *path)
{
	autofd int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_errno(places->e, "policy: images.signatures: `%s`", path);
	if (is_layout(dir))
		return add_place(places, dir, path);
	int again = fcntl(dir, F_DUPFD_CLOEXEC, 3);
	DIR *stream = again < 0 ? NULL : fdopendir(again);
	if (!stream) {
		fd_close(&again);
		return err_errno(places->e, "policy: images.signatures: `%s`", path);
	}
	int r = add_below(places, stream, path);
	closedir(stream);
	return r;
}

int signature_places(const struct policy_images *images, int ret_places[IMAGE_PLACES_MAX], struct err *e)
{
	struct places places = {.fds = ret_places, .e = e};
	int r = 0;

	for (size_t i = 0; i < images->source_count && r >= 0; i++) {
		const struct string_list *list = &images->sources[i].signatures;
		for (size_t k = 0; k < list->count && r >= 0; k++)
			r = add_directory(&places, list->item[k]);
	}
	if (r >= 0)
		return (int)places.count;
	while (places.count > 0)
		fd_close(&ret_places[--places.count]);
	return r;
}
