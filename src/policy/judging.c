/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judging.c - questions that the predicates of several chapters ask of a config.
 *
 * Where the config names a host object, the object is opened and judged, not its
 * name: a link, a second bind mount or another spelling changes nothing.
 */
#include <hrun/judging.h>
#include <hrun/mount_words.h>
#include <hrun/path.h>
#include <hrun/str.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

bool word_is_one_of(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (str_equal(word, words[i]))
			return true;
	}
	return false;
}

bool list_has(const struct string_list *list, const char *word)
{
	for (size_t i = 0; i < list->count; i++) {
		if (str_equal(list->item[i], word))
			return true;
	}
	return false;
}

bool annotation_is_listed(const struct string_list *list, const char *key)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *entry = list->item[i];
		if (str_equal(entry, key) || (str_ends(entry, ".*") && strncmp(key, entry, strlen(entry) - 1) == 0))
			return true;
	}
	return false;
}

void list_append(struct pool *pool, struct string_list *list, const char *word)
{
	const char **item = pool_alloc(pool, (list->count + 1) * sizeof *item);

	for (size_t i = 0; i < list->count; i++)
		item[i] = list->item[i];
	item[list->count] = word;
	*list = (struct string_list){.item = item, .count = list->count + 1, .present = true};
}

void mount_options_add(struct pool *pool, struct config_mount *mount, const char *word)
{
	uint64_t bit = mount_word_find(word)->set;
	const struct string_list *old = &mount->options;
	const char **item = pool_alloc(pool, (old->count + 1) * sizeof *item);
	size_t kept = 0;

	for (size_t i = 0; i < old->count; i++) {
		const struct mount_word *one = mount_word_find(old->item[i]);
		if (!one || one->effect != WORD_ATTR || !((one->set | one->clear) & bit))
			item[kept++] = old->item[i];
	}
	item[kept++] = word;
	mount->options = (struct string_list){.item = item, .count = kept, .present = true};
}

const struct config_namespace *namespace_of(const struct config *config, const char *type)
{
	for (size_t i = 0; config->linux_ && i < config->linux_->namespace_count; i++) {
		if (str_equal(config->linux_->namespaces[i].type, type))
			return &config->linux_->namespaces[i];
	}
	return NULL;
}

bool mount_is_bind(const struct config_mount *mount)
{
	return list_has(&mount->options, "bind") || list_has(&mount->options, "rbind") || mount_type_is(mount, "bind");
}

bool mount_type_is(const struct config_mount *mount, const char *type)
{
	return mount->type && str_equal(mount->type, type);
}

struct mount_attributes mount_attributes(const struct config_mount *mount)
{
	struct mount_attributes attributes = {0};

	for (size_t i = 0; i < mount->options.count; i++) {
		const struct mount_word *word = mount_word_find(mount->options.item[i]);
		if (!word || (word->effect != WORD_ATTR && word->effect != WORD_ATTR_RECURSIVE))
			continue;
		attributes.set = (attributes.set & ~word->clear) | word->set;
		attributes.cleared = (attributes.cleared & ~word->set) | word->clear;
	}
	return attributes;
}

const char *option_value(const struct config_mount *mount, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = mount->options.count; i-- > 0;) {
		const char *option = mount->options.item[i];
		if (str_starts(option, name) && option[length] == '=')
			return option + length + 1;
	}
	return NULL;
}

const char *path_of_fd(struct pool *pool, int fd)
{
	char link[PATH_MAX], path[PATH_MAX];

	if (str_format(link, sizeof link, "/proc/self/fd/%d", fd) < 0)
		return NULL;
	ssize_t length = readlink(link, path, sizeof path);
	if (length <= 0 || (size_t)length >= sizeof path || path[0] != '/')
		return NULL;
	return pool_strndup(pool, path, (size_t)length);
}

bool path_is_covered(const struct string_list *list, const char *path)
{
	for (size_t i = 0; i < list->count; i++) {
		if (list->item[i][0] == '/' && path_is_below(path, list->item[i]))
			return true;
	}
	return false;
}
