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
#include <hrun/mount_words.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <sys/mount.h>

/* A word that takes an earlier superblock flag back. */
static const struct {
	const char *word, *undoes;
} undoing[] = {
	{"async", "sync"},	    {"async", "dirsync"}, {"nolazytime", "lazytime"},
	{"noiversion", "iversion"}, {"nomand", "mand"},
};

bool plan_mount_is_bind(const struct config_mount *mount)
{
	for (size_t i = 0; i < mount->options.count; i++) {
		if (str_equal(mount->options.item[i], "bind") || str_equal(mount->options.item[i], "rbind"))
			return true;
	}
	return mount->type && str_equal(mount->type, "bind");
}

static void change(uint64_t *set, uint64_t *clear, const struct mount_word *word)
{
	*set = (*set & ~word->clear) | word->set;
	*clear = (*clear & ~word->set) | word->clear;
}

/* A recursive word is about the top as well: it takes back what plain words said of these bits before. */
static void change_recursively(struct mount_step *step, const struct mount_word *word)
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
	const struct mount_word *word = mount_word_find(text);

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
