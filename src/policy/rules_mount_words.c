/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_mount_words.c - mount options that say too much, the wrong thing or two things at once.
 */
#include <hrun/judging.h>
#include <hrun/mount_words.h>
#include <hrun/str.h>
#include <sys/mount.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Words that take each other back; which of two wins is not the same in all runtimes. */
static const struct {
	const char *word, *opposite;
} pairs[] = {
	/* "rrw,ro" is none: the mounts below stay writable, the top does not. */
	{"ro", "rw"},	{"suid", "nosuid"},   {"dev", "nodev"},	  {"exec", "noexec"},
	{"rro", "rrw"}, {"rsuid", "rnosuid"}, {"rdev", "rnodev"}, {"rexec", "rnoexec"},
};

static const char *const propagations[] = {"shared",  "rshared",  "slave",	"rslave",
					   "private", "rprivate", "unbindable", "runbindable"};

static const char *other_propagation(const struct config_mount *mount, const char **ret_first)
{
	*ret_first = NULL;
	for (size_t i = 0; i < mount->options.count; i++) {
		const char *word = mount->options.item[i];
		if (!IS_ONE_OF(word, propagations))
			continue;
		if (*ret_first && !str_equal(*ret_first, word))
			return word;
		*ret_first = word;
	}
	return NULL;
}

static bool is_bind_type(const struct config_mount *mount)
{
	static const char *const types[] = {"", "none", "bind", "rbind"};

	return !mount->type || IS_ONE_OF(mount->type, types);
}

static void find_both(struct finder *finder, size_t i, const char *one, const char *other)
{
	find_item(finder, i, NULL, at(finder, "mounts[%zu].options", i), "both %s and %s", one, other);
}

void judge_mount_option_conflict(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct config_mount *mount = &config->mounts[i];
		const char *first, *other = other_propagation(mount, &first);
		for (size_t k = 0; k < COUNT(pairs); k++) {
			if (list_has(&mount->options, pairs[k].word) && list_has(&mount->options, pairs[k].opposite))
				find_both(finder, i, pairs[k].word, pairs[k].opposite);
		}
		if (other)
			find_both(finder, i, first, other);
		if (mount_is_bind(mount) && !is_bind_type(mount))
			find_item(finder, i, NULL, at(finder, "mounts[%zu].type", i), "a bind mount of type %s",
				  quote(finder, mount->type));
	}
}

/* Types whose own options nobody needs to know: mount-type-unsafe is about them. */
static bool has_known_options(const struct config_mount *mount)
{
	static const char *const types[] = {"proc",   "sysfs",	"tmpfs",   "devpts",
					    "mqueue", "cgroup", "cgroup2", "overlay"};

	return mount_is_bind(mount) || (mount->type && IS_ONE_OF(mount->type, types));
}

static bool is_known(const struct config_mount *mount, const char *option)
{
	if (mount_word_find(option))
		return true;
	return mount_data_is_known(mount_is_bind(mount) ? "bind" : mount->type, option);
}

/* Each is a finding of its own, as waivers name words; of hundreds the rest is one that no waiver names. */
enum { UNKNOWN_MAX = 64 };

static void find_unknown(struct finder *finder, size_t i, const struct config_mount *mount)
{
	size_t found = 0;

	for (size_t k = 0; k < mount->options.count && found <= UNKNOWN_MAX; k++) {
		const char *option = mount->options.item[k], *where;
		if (is_known(mount, option))
			continue;
		where = at(finder, "mounts[%zu].options[%zu]", i, k);
		if (found++ == UNKNOWN_MAX)
			find_item(finder, i, NULL, where, "more than %d words are unknown", UNKNOWN_MAX);
		else
			find_item(finder, i, option, where, "%s is no option of %s", quote(finder, option),
				  mount_is_bind(mount) ? "a bind mount" : mount->type);
	}
}

void judge_mount_option_unknown(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		if (has_known_options(&config->mounts[i]))
			find_unknown(finder, i, &config->mounts[i]);
	}
}

/* The third part of user:role:type:level is container_..._t; the whole may stand in double quotes. */
static bool is_container_type(const char *label)
{
	const char *type = strchr(label, ':');

	type = type ? strchr(type + 1, ':') : NULL;
	if (!type)
		return false;
	type++;
	size_t length = strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789_");
	return (type[length] == ':' || type[length] == '\0' || str_equal(type + length, "\"")) &&
	       str_starts(type, "container_") && length > sizeof "container_t" - 2 &&
	       memcmp(type + length - 2, "_t", 2) == 0;
}

void judge_mount_option_context(struct finder *finder)
{
	static const char *const keys[] = {"context=", "fscontext=", "defcontext=", "rootcontext="};
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct config_mount *mount = &config->mounts[i];
		for (size_t k = 0; k < mount->options.count; k++) {
			const char *option = mount->options.item[k];
			for (size_t n = 0; n < COUNT(keys); n++) {
				if (str_starts(option, keys[n]) && !is_container_type(option + strlen(keys[n])))
					find_item(finder, i, option, at(finder, "mounts[%zu].options[%zu]", i, k),
						  "%s is no label of a container", quote(finder, option));
			}
		}
	}
}

/* The word about BIT that the kernel ends up with, where it allows what nosuid or nodev forbid; else NULL. */
static const char *effective_permission(const struct config_mount *mount, uint64_t bit)
{
	const char *allows = NULL;

	for (size_t i = 0; i < mount->options.count; i++) {
		const struct mount_word *word = mount_word_find(mount->options.item[i]);
		if (!word || (word->effect != WORD_ATTR && word->effect != WORD_ATTR_RECURSIVE))
			continue;
		if (word->clear & bit)
			allows = word->word;
		else if (word->set & bit)
			allows = NULL;
	}
	return allows;
}

void judge_mount_explicit_suid_dev(struct finder *finder)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		if (!(finder->judged->mounts[i].attributes.cleared & (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)))
			continue;
		const char *suid = effective_permission(&config->mounts[i], MOUNT_ATTR_NOSUID);
		const char *dev = effective_permission(&config->mounts[i], MOUNT_ATTR_NODEV);
		if (suid || dev)
			find_item(finder, i, suid ? suid : dev, at(finder, "mounts[%zu].options", i),
				  "%s%s%s asked for", suid ? suid : "", suid && dev ? "," : "", dev ? dev : "");
	}
}

/* The list without the words that LEAVES_OUT names, and WORD (or NULL) at its end. */
static void replace_words(struct pool *pool, struct config_mount *mount, const char *const *words, size_t count,
			  const char *word)
{
	const struct string_list *old = &mount->options;
	const char **item = pool_alloc(pool, (old->count + 1) * sizeof *item);
	size_t kept = 0;

	for (size_t i = 0; i < old->count; i++) {
		if (!word_is_one_of(old->item[i], words, count))
			item[kept++] = old->item[i];
	}
	if (word)
		item[kept++] = word;
	mount->options = (struct string_list){.item = item, .count = kept, .present = true};
}

void harden_mount_explicit_suid_dev(struct pool *pool, struct config *config, const struct finding *finding)
{
	static const char *const words[] = {"suid", "dev", "rsuid", "rdev"};
	struct config_mount *mount = &config->mounts[finding->index];
	bool suid = effective_permission(mount, MOUNT_ATTR_NOSUID) != NULL;
	bool dev = effective_permission(mount, MOUNT_ATTR_NODEV) != NULL;

	replace_words(pool, mount, words, COUNT(words), NULL);
	if (suid)
		mount_options_add(pool, mount, "nosuid");
	if (dev && !(mount_type_is(mount, "tmpfs") && !mount_is_bind(mount) && str_equal(mount->destination, "/dev")))
		mount_options_add(pool, mount, "nodev");
}

static void find_propagation(struct finder *finder, const char *word, const char *recursive, const char *text)
{
	const struct config *config = finder->judged->config;

	for (size_t i = 0; i < config->mount_count; i++) {
		const struct string_list *options = &config->mounts[i].options;
		if (list_has(options, word) || list_has(options, recursive))
			find_item(finder, i, finder->judged->mounts[i].real_source,
				  at(finder, "mounts[%zu].options", i), "%s: %s",
				  list_has(options, recursive) ? recursive : word, text);
	}
}

void judge_mount_propagation_shared(struct finder *finder)
{
	find_propagation(finder, "shared", "rshared", "mounts made inside appear on the host");
}

void harden_mount_propagation_shared(struct pool *pool, struct config *config, const struct finding *finding)
{
	replace_words(pool, &config->mounts[finding->index], propagations, COUNT(propagations), "rslave");
}

void judge_mount_propagation_slave(struct finder *finder)
{
	find_propagation(finder, "slave", "rslave", "mounts made on the host appear inside");
}

void harden_mount_propagation_slave(struct pool *pool, struct config *config, const struct finding *finding)
{
	replace_words(pool, &config->mounts[finding->index], propagations, COUNT(propagations), "rprivate");
}
