/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_mount_options.c - what mounts lack, and adding it.
 *
 * What is added comes last, where the last word of a pair wins; and its opposite goes, so that the repaired config
 * does not say two things at once.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/judging.h>
#include <hrun/mount_words.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static bool has_all(const struct mount_look *look, uint64_t attributes)
{
	return (look->attributes.set & attributes) == attributes;
}

static void ensure(struct pool *pool, struct config_mount *mount, const char *word)
{
	if (!(mount_attributes(mount).set & mount_word_find(word)->set))
		mount_options_add(pool, mount, word);
}

static bool goes_to(const struct finder *finder, const struct config_mount *mount, const char *path)
{
	return mount->destination && str_equal(path_clean(finder->judged->pool, mount->destination), path);
}

static void find_lack(struct finder *finder, size_t i, const char *word)
{
	find_item(finder, i, NULL, at(finder, "mounts[%zu].options", i), "%s on %s is not %s",
		  finder->judged->config->mounts[i].type ? finder->judged->config->mounts[i].type : "bind",
		  quote(finder, finder->judged->config->mounts[i].destination), word);
}

void judge_mount_proc_options(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct config_mount *mount = &config->mounts[i];
		const struct mount_look *look = &finder->judged->mounts[i];
		if (!mount_type_is(mount, "proc") || look->is_bind || !goes_to(finder, mount, "/proc"))
			continue;
		if (!has_all(look, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC))
			find_lack(finder, i, "nosuid,nodev,noexec");
	}
}

void harden_mount_proc_options(struct pool *pool, struct config *config, const struct finding *finding)
{
	struct config_mount *mount = &config->mounts[finding->index];

	ensure(pool, mount, "nosuid");
	ensure(pool, mount, "nodev");
	ensure(pool, mount, "noexec");
}

/* /dev itself holds the device nodes. */
void judge_mount_tmpfs_options(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct config_mount *mount = &config->mounts[i];
		const struct mount_look *look = &finder->judged->mounts[i];
		if (!mount_type_is(mount, "tmpfs") || look->is_bind || !mount->destination)
			continue;
		if (!has_all(look, MOUNT_ATTR_NOSUID))
			find_lack(finder, i, "nosuid");
		if (!has_all(look, MOUNT_ATTR_NODEV) && !goes_to(finder, mount, "/dev"))
			find_lack(finder, i, "nodev");
	}
}

void harden_mount_tmpfs_options(struct pool *pool, struct config *config, const struct finding *finding)
{
	struct config_mount *mount = &config->mounts[finding->index];

	ensure(pool, mount, "nosuid");
	if (!str_equal(path_clean(pool, mount->destination), "/dev"))
		ensure(pool, mount, "nodev");
}

void judge_mount_tmpfs_exec(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct config_mount *mount = &config->mounts[i];
		const struct mount_look *look = &finder->judged->mounts[i];
		if (mount_type_is(mount, "tmpfs") && !look->is_bind && mount->destination &&
		    !goes_to(finder, mount, "/dev") && !has_all(look, MOUNT_ATTR_RDONLY) &&
		    !has_all(look, MOUNT_ATTR_NOEXEC))
			find_lack(finder, i, "noexec");
	}
}

void harden_mount_tmpfs_exec(struct pool *pool, struct config *config, const struct finding *finding)
{
	ensure(pool, &config->mounts[finding->index], "noexec");
}

static bool source_is_device(const struct mount_look *look)
{
	return look->has_source && (S_ISCHR(look->source.st_mode) || S_ISBLK(look->source.st_mode));
}

void judge_mount_bind_nosuid_nodev(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct config_mount *mount = &config->mounts[i];
		const struct mount_look *look = &finder->judged->mounts[i];
		if (!look->is_bind || !mount->destination)
			continue;
		if (!has_all(look, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV) && !source_is_device(look))
			find_lack(finder, i, "nosuid,nodev");
	}
}

void harden_mount_bind_nosuid_nodev(struct pool *pool, struct config *config, const struct finding *finding)
{
	struct config_mount *mount = &config->mounts[finding->index];

#ifdef HRUN_MUTANT_BIND_NOSUID
	return;
#endif
	ensure(pool, mount, "nosuid");
	ensure(pool, mount, "nodev");
}

static bool mode_lets_others_write(const char *mode)
{
	unsigned int bits = 0;

	if (!mode)
		return false;
	for (; *mode >= '0' && *mode <= '7'; mode++)
		bits = (bits << 3 | (unsigned int)(*mode - '0')) & 07777;
	return *mode != '\0' || (bits & 02);
}

static bool ptmxmode_is_good(const char *mode)
{
	static const char *const good[] = {"0666", "666", "000", "0000", "0"};

	return !mode || IS_ONE_OF(mode, good);
}

void judge_mount_devpts_options(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct config_mount *mount = &config->mounts[i];
		if (!mount_type_is(mount, "devpts") || finder->judged->mounts[i].is_bind || !mount->destination)
			continue;
		if (!list_has(&mount->options, "newinstance"))
			find_lack(finder, i, "newinstance");
		if (mode_lets_others_write(option_value(mount, "mode")))
			find_lack(finder, i, "mode=0620");
		if (!ptmxmode_is_good(option_value(mount, "ptmxmode")))
			find_lack(finder, i, "ptmxmode=0666");
	}
}

void harden_mount_devpts_options(struct pool *pool, struct config *config, const struct finding *finding)
{
	struct config_mount *mount = &config->mounts[finding->index];

	if (!list_has(&mount->options, "newinstance"))
		list_append(pool, &mount->options, "newinstance");
	if (mode_lets_others_write(option_value(mount, "mode")))
		list_append(pool, &mount->options, "mode=0620");
	if (!ptmxmode_is_good(option_value(mount, "ptmxmode")))
		list_append(pool, &mount->options, "ptmxmode=0666");
}

static bool mounts_dev(struct pool *pool, const struct config *config)
{
	for (size_t i = 0; i < config->mount_count; i++) {
		const char *path = config->mounts[i].destination;
		if (path && str_equal(path_clean(pool, path), "/dev"))
			return true;
	}
	return false;
}

void judge_mount_dev_missing(struct finder *finder)
{
	if (!mounts_dev(finder->judged->pool, finder->judged->config))
		find(finder, "mounts", "nothing is mounted at /dev: device nodes would be made in the image");
}

/* Before the first mount below /dev, which it would hide otherwise; else at the end, so that numbers stay. */
void harden_mount_dev_missing(struct pool *pool, struct config *config, const struct finding *finding)
{
	static const char *options[] = {"nosuid", "strictatime", "mode=755", "size=65536k"};
	size_t place = 0;

	(void)finding;
	if (mounts_dev(pool, config))
		return;
	while (place < config->mount_count && config->mounts[place].destination &&
	       !path_is_below(path_clean(pool, config->mounts[place].destination), "/dev"))
		place++;
	struct config_mount *mounts = pool_alloc(pool, (config->mount_count + 1) * sizeof *mounts);
	for (size_t i = 0; i < config->mount_count; i++)
		mounts[i < place ? i : i + 1] = config->mounts[i];
	mounts[place] = (struct config_mount){
		.destination = "/dev",
		.type = "tmpfs",
		.source = "tmpfs",
		.options = {.item = options, .count = sizeof options / sizeof options[0], .present = true},
	};
	config->mounts = mounts;
	config->mount_count++;
}
