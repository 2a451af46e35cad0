/* SPDX-License-Identifier: Apache-2.0 */
/*
 * overlay.c - the directories of an overlay, by descriptor.
 *
 * The kernel takes them as text and looks them up when the file system is made; a path could lead elsewhere by then.  Each
 * is opened again in this mount namespace, must be the directory that was judged, and is named by its descriptor.
 */
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/mnt.h>
#include <hrun/str.h>
#include <stdio.h>

enum { TEXT_MAX = 255 }; /* fsconfig(2) */

static int hold(struct overlay_fds *fds, const struct mount_data *data, struct err *e)
{
	if (fds->count == OVERLAY_FDS_MAX)
		return err_set(e, E2BIG, "too many directories of one kind");
	fds->fd[fds->count] = objects_reopen(data->fd, data->value, e);
	TRY(fds->fd[fds->count]);
	return fds->fd[fds->count++];
}

static bool is_lower(const struct mount_data *data)
{
	return data->fd >= 0 && str_equal(data->key, "lowerdir+");
}

/* Few enough for one text: every kernel takes that; lowerdir+ came with Linux 6.7. */
static bool fits_one_text(const struct mount_step *m)
{
	size_t lower = 0;

	for (size_t i = 0; i < m->data_count; i++) {
		lower += is_lower(&m->data[i]);
		if (str_equal(m->data[i].key, "datadir+"))
			return false;
	}
	return lower * sizeof "/proc/self/fd/1234" <= TEXT_MAX;
}

static int set_lower(const struct mount_step *m, int fs, struct overlay_fds *fds, struct err *e)
{
	char text[TEXT_MAX + 1] = "";
	size_t length = 0;

	for (size_t i = 0; i < m->data_count; i++) {
		if (!is_lower(&m->data[i]))
			continue;
		int fd = hold(fds, &m->data[i], e);
		TRY(fd);
		int n = snprintf(text + length, sizeof text - length, "%s/proc/self/fd/%d", length ? ":" : "", fd);
		if (n < 0 || (size_t)n >= sizeof text - length)
			return err_set(e, E2BIG, "too many lower directories");
		length += (size_t)n;
	}
	return length ? mnt_fs_set(fs, "lowerdir", text, e) : 0;
}

/* A kernel that knows lowerdir+ looks at once, so the descriptor need not stay; upperdir and workdir may be old. */
static int set_one(const struct mount_data *data, int fs, struct overlay_fds *fds, struct err *e)
{
	char text[64];
	bool stays = data->key[strlen(data->key) - 1] != '+';
	autofd int passing = stays ? -EBADF : objects_reopen(data->fd, data->value, e);
	int fd = stays ? hold(fds, data, e) : passing;

	TRY(fd);
	snprintf(text, sizeof text, "/proc/self/fd/%d", fd);
	return mnt_fs_set(fs, data->key, text, e);
}

int overlay_set(const struct mount_step *m, int fs, struct overlay_fds *fds, struct err *e)
{
	bool joined = fits_one_text(m);

	if (joined)
		TRY(set_lower(m, fs, fds, e));
	for (size_t i = 0; i < m->data_count; i++) {
		const struct mount_data *data = &m->data[i];
		if (data->fd >= 0 && !(joined && is_lower(data)))
			TRY(set_one(data, fs, fds, e));
	}
	return 0;
}

void overlay_close(struct overlay_fds *fds)
{
	for (size_t i = 0; i < fds->count; i++)
		fd_close(&fds->fd[i]);
}
