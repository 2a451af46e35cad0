/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_options.c - the words of mounts[].options as bits of mount_setattr(2).
 *
 * Later words win over earlier ones.  A word that is not in the table is data for
 * the file system (fsconfig(2), and the kernel refuses what it does not know); on a
 * bind mount nobody would read it, so there it is an error: `readonly` must not
 * end as a writable mount.
 */
#include <errno.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <sys/mount.h>

enum word_effect {
	WORD_ATTR,	     /* bits of this mount */
	WORD_ATTR_RECURSIVE, /* bits of this mount and all below it */
	WORD_PROPAGATION,
	WORD_BIND,
	WORD_NOTHING,	 /* the default, or without meaning in the mount API */
	WORD_SUPERBLOCK, /* a flag for fsconfig(2); a bind mount has no superblock of its own */
	WORD_COPY_UP,
	WORD_IDMAP,
};

struct word {
	const char *word;
	enum word_effect effect;
	uint64_t set, clear; /* WORD_PROPAGATION: the type; recursive */
};

/* The access time setting is a number in the bits of MOUNT_ATTR__ATIME, so all of them change together. */
#define ATIME(value) (value), MOUNT_ATTR__ATIME

static const struct word words[] = {
	{"", WORD_NOTHING, 0, 0},
	{"async", WORD_NOTHING, 0, 0},
	{"atime", WORD_ATTR, ATIME(MOUNT_ATTR_RELATIME)},
	{"bind", WORD_BIND, 0, 0},
	{"defaults", WORD_NOTHING, 0, 0},
	{"dev", WORD_ATTR, 0, MOUNT_ATTR_NODEV},
	{"diratime", WORD_ATTR, 0, MOUNT_ATTR_NODIRATIME},
	{"dirsync", WORD_SUPERBLOCK, 0, 0},
	{"exec", WORD_ATTR, 0, MOUNT_ATTR_NOEXEC},
	{"idmap", WORD_IDMAP, 0, 0},
	{"iversion", WORD_SUPERBLOCK, 0, 0},
	{"lazytime", WORD_SUPERBLOCK, 0, 0},
	{"loud", WORD_NOTHING, 0, 0},
	{"mand", WORD_SUPERBLOCK, 0, 0},
	{"noatime", WORD_ATTR, ATIME(MOUNT_ATTR_NOATIME)},
	{"nodev", WORD_ATTR, MOUNT_ATTR_NODEV, 0},
	{"nodiratime", WORD_ATTR, MOUNT_ATTR_NODIRATIME, 0},
	{"noexec", WORD_ATTR, MOUNT_ATTR_NOEXEC, 0},
	{"noiversion", WORD_NOTHING, 0, 0},
	{"nolazytime", WORD_NOTHING, 0, 0},
	{"nomand", WORD_NOTHING, 0, 0},
	{"norelatime", WORD_ATTR, ATIME(MOUNT_ATTR_RELATIME)},
	{"nostrictatime", WORD_ATTR, ATIME(MOUNT_ATTR_RELATIME)},
	{"nosuid", WORD_ATTR, MOUNT_ATTR_NOSUID, 0},
	{"nosymfollow", WORD_ATTR, MOUNT_ATTR_NOSYMFOLLOW, 0},
	{"private", WORD_PROPAGATION, MS_PRIVATE, 0},
	{"ratime", WORD_ATTR_RECURSIVE, ATIME(MOUNT_ATTR_RELATIME)},
	{"rbind", WORD_BIND, 1, 0},
	{"rdev", WORD_ATTR_RECURSIVE, 0, MOUNT_ATTR_NODEV},
	{"rdiratime", WORD_ATTR_RECURSIVE, 0, MOUNT_ATTR_NODIRATIME},
	{"relatime", WORD_ATTR, ATIME(MOUNT_ATTR_RELATIME)},
	{"remount", WORD_NOTHING, 0, 0},
	{"rexec", WORD_ATTR_RECURSIVE, 0, MOUNT_ATTR_NOEXEC},
	{"ridmap", WORD_IDMAP, 1, 0},
	{"rnoatime", WORD_ATTR_RECURSIVE, ATIME(MOUNT_ATTR_NOATIME)},
	{"rnodev", WORD_ATTR_RECURSIVE, MOUNT_ATTR_NODEV, 0},
	{"rnodiratime", WORD_ATTR_RECURSIVE, MOUNT_ATTR_NODIRATIME, 0},
	{"rnoexec", WORD_ATTR_RECURSIVE, MOUNT_ATTR_NOEXEC, 0},
	{"rnorelatime", WORD_ATTR_RECURSIVE, ATIME(MOUNT_ATTR_RELATIME)},
	{"rnostrictatime", WORD_ATTR_RECURSIVE, ATIME(MOUNT_ATTR_RELATIME)},
	{"rnosuid", WORD_ATTR_RECURSIVE, MOUNT_ATTR_NOSUID, 0},
	{"rnosymfollow", WORD_ATTR_RECURSIVE, MOUNT_ATTR_NOSYMFOLLOW, 0},
	{"ro", WORD_ATTR, MOUNT_ATTR_RDONLY, 0},
	{"rprivate", WORD_PROPAGATION, MS_PRIVATE, 1},
	{"rrelatime", WORD_ATTR_RECURSIVE, ATIME(MOUNT_ATTR_RELATIME)},
	{"rro", WORD_ATTR_RECURSIVE, MOUNT_ATTR_RDONLY, 0},
	{"rrw", WORD_ATTR_RECURSIVE, 0, MOUNT_ATTR_RDONLY},
	{"rshared", WORD_PROPAGATION, MS_SHARED, 1},
	{"rslave", WORD_PROPAGATION, MS_SLAVE, 1},
	{"rstrictatime", WORD_ATTR_RECURSIVE, ATIME(MOUNT_ATTR_STRICTATIME)},
	{"rsuid", WORD_ATTR_RECURSIVE, 0, MOUNT_ATTR_NOSUID},
	{"rsymfollow", WORD_ATTR_RECURSIVE, 0, MOUNT_ATTR_NOSYMFOLLOW},
	{"runbindable", WORD_PROPAGATION, MS_UNBINDABLE, 1},
	{"rw", WORD_ATTR, 0, MOUNT_ATTR_RDONLY},
	{"shared", WORD_PROPAGATION, MS_SHARED, 0},
	{"silent", WORD_NOTHING, 0, 0},
	{"slave", WORD_PROPAGATION, MS_SLAVE, 0},
	{"strictatime", WORD_ATTR, ATIME(MOUNT_ATTR_STRICTATIME)},
	{"suid", WORD_ATTR, 0, MOUNT_ATTR_NOSUID},
	{"symfollow", WORD_ATTR, 0, MOUNT_ATTR_NOSYMFOLLOW},
	{"sync", WORD_SUPERBLOCK, 0, 0},
	{"tmpcopyup", WORD_COPY_UP, 0, 0},
	{"unbindable", WORD_PROPAGATION, MS_UNBINDABLE, 0},
};

/* A word that takes an earlier superblock flag back. */
static const struct {
	const char *word, *undoes;
} undoing[] = {
	{"async", "sync"},	    {"async", "dirsync"}, {"nolazytime", "lazytime"},
	{"noiversion", "iversion"}, {"nomand", "mand"},
};

static const struct word *find_word(const char *text)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (str_equal(text, words[i].word))
			return &words[i];
	}
	return NULL;
}

bool plan_mount_is_bind(const struct config_mount *mount)
{
	for (size_t i = 0; i < mount->options.count; i++) {
		if (str_equal(mount->options.item[i], "bind") || str_equal(mount->options.item[i], "rbind"))
			return true;
	}
	return mount->type && str_equal(mount->type, "bind");
}

static void change(uint64_t *set, uint64_t *clear, const struct word *word)
{
	*set = (*set & ~word->clear) | word->set;
	*clear = (*clear & ~word->set) | word->clear;
}

/* A recursive word is about the top as well: it takes back what plain words said of these bits before. */
static void change_recursively(struct mount_step *step, const struct word *word)
{
	change(&step->recursive_attr_set, &step->recursive_attr_clear, word);
	step->attr_set &= ~(word->set | word->clear);
	step->attr_clear &= ~(word->set | word->clear);
}

static void drop_data(struct mount_step *step, const char *key)
{
	size_t kept = 0;

	for (size_t i = 0; i < step->data_count; i++) {
		if (step->data[i].value || !str_equal(step->data[i].key, key))
			step->data[kept++] = step->data[i];
	}
	step->data_count = kept;
}

/* async and friends are the default: nothing to set, but an earlier word to take back. */
static void undo(struct mount_step *step, const char *text)
{
	for (size_t i = 0; i < sizeof undoing / sizeof *undoing; i++) {
		if (str_equal(text, undoing[i].word))
			drop_data(step, undoing[i].undoes);
	}
}

static int refuse_word(struct pool *pool, const struct mount_step *step, const char *text, const char *why,
		       struct err *e)
{
	return err_set(e, EINVAL, "%s.options: %s %s", step->where, plan_quote(pool, text), why);
}

static int add_data(struct pool *pool, struct mount_step *step, const char *text, struct err *e)
{
	const char *equals = strchr(text, '=');
	const char *key = equals ? pool_strndup(pool, text, (size_t)(equals - text)) : text;

	if (step->kind == MOUNT_BIND)
		return refuse_word(pool, step, text, "means nothing on a bind mount; remove or correct it", e);
	if (step->kind == MOUNT_CGROUP)
		return refuse_word(pool, step, text, "would change the host's whole cgroup tree; remove it", e);
	/* fsconfig(2) takes the source as a parameter too: it has a field of its own, which was judged. */
	if (!*key || str_equal(key, "source"))
		return refuse_word(pool, step, text, "is no option of a file system; remove it", e);
	return plan_add_mount_data(pool, step, key, equals ? equals + 1 : NULL, e);
}

static int apply_word(struct pool *pool, struct mount_step *step, const char *text, struct err *e)
{
	const struct word *word = find_word(text);

	if (!word || word->effect == WORD_SUPERBLOCK)
		return add_data(pool, step, text, e);
	switch (word->effect) {
	case WORD_ATTR:
		change(&step->attr_set, &step->attr_clear, word);
		break;
	case WORD_ATTR_RECURSIVE:
		change_recursively(step, word);
		break;
	case WORD_PROPAGATION:
		step->propagation = word->set;
		step->propagation_recursive = word->clear;
		break;
	case WORD_BIND:
		/* Engines write both words; the other runtimes then copy the whole tree. */
		step->recursive |= word->set;
		break;
	case WORD_IDMAP:
		step->idmapped = true;
		step->idmap_recursive = word->set;
		break;
	case WORD_COPY_UP:
		if (step->kind != MOUNT_FILESYSTEM || !str_equal(step->type, "tmpfs"))
			return refuse_word(pool, step, text, "needs type tmpfs", e);
		step->copy_up = true;
		break;
	default:
		undo(step, text);
	}
	return 0;
}

int plan_mount_options(struct pool *pool, const struct config_mount *mount, struct mount_step *step, struct err *e)
{
	for (size_t i = 0; i < mount->options.count; i++)
		TRY(apply_word(pool, step, mount->options.item[i], e));
	return 0;
}
