/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sign_mounts.c - before a root is signed: the places of config.json's mounts that are missing in it.
 *
 * The first container would make them, and then the root would not be what was signed when the second one starts.  So they are made
 * now, as create makes them, and that is said.
 */
#include <fcntl.h>
#include <hrun/cli.h>
#include <hrun/cli_image.h>
#include <hrun/fd.h>
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* A bind takes what it shows: a file onto a file. */
static bool is_directory(const struct bundle *bundle, const struct config_mount *mount)
{
	struct stat st;

	if (!mount_is_bind(mount) || !mount->source)
		return true;
	return fstatat(bundle->dir, mount->source, &st, 0) < 0 || S_ISDIR(st.st_mode);
}

/* A tmpfs that says no mode takes that of the directory which it covers; over none it is open to all, but for /dev. */
static mode_t mode_of(const struct config_mount *mount, bool directory)
{
	if (!directory)
		return 0644;
	if (!mount->type || !str_equal(mount->type, "tmpfs") || str_equal(mount->destination, "/dev"))
		return 0755;
	for (size_t i = 0; i < mount->options.count; i++) {
		if (str_starts(mount->options.item[i], "mode="))
			return 0755;
	}
	return 01777;
}

/* A name out of config.json: what would move a terminal's cursor is not shown. */
static void tell_made(struct pool *pool, const struct config_mount *mount, size_t index)
{
	char *shown = pool_strdup(pool, mount->destination);

	str_remove_controls(shown);
	printf("made %s in the root: mounts[%zu] needs it\n", shown, index);
}

int sign_make_mount_points(struct pool *pool, const struct bundle *bundle, struct err *e)
{
	const struct config *config = bundle->config;

	umask(0);
	for (size_t i = 0; i < config->mount_count; i++) {
		const struct config_mount *mount = &config->mounts[i];
		struct err ignored;
		autofd int there = path_open_in_root(bundle->rootfs, mount->destination, &ignored);
		if (there != -ENOENT || config_mount_is_covered(pool, config, i))
			continue;
		bool directory = is_directory(bundle, mount);
		autofd int made =
			path_make_in_root(bundle->rootfs, mount->destination, directory, mode_of(mount, directory), e);
		TRY(made);
		tell_made(pool, mount, i);
	}
	return 0;
}
