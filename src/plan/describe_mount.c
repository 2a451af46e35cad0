/* SPDX-License-Identifier: Apache-2.0 */
/*
 * describe_mount.c - one mount in words: "/srv/data -> /data  ro nosuid nodev".
 */
#include <hrun/planning.h>
#include <hrun/str.h>
#include <sys/mount.h>

static const struct {
	uint64_t bit;
	const char *set, *clear;
} attributes[] = {
	{MOUNT_ATTR_RDONLY, "ro", "rw"},
	{MOUNT_ATTR_NOSUID, "nosuid", "suid"},
	{MOUNT_ATTR_NODEV, "nodev", "dev"},
	{MOUNT_ATTR_NOEXEC, "noexec", "exec"},
	{MOUNT_ATTR_NODIRATIME, "nodiratime", "diratime"},
	{MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow", "symfollow"},
};

static void add_word(struct pool *pool, const char **words, const char *prefix, const char *word)
{
	*words = pool_printf(pool, "%s%s%s%s", *words, **words ? " " : "  ", prefix, word);
}

static const char *atime_word(uint64_t set)
{
	switch (set & MOUNT_ATTR__ATIME) {
	case MOUNT_ATTR_NOATIME:
		return "noatime";
	case MOUNT_ATTR_STRICTATIME:
		return "strictatime";
	default:
		return "relatime";
	}
}

static void add_attributes(struct pool *pool, const char **words, const char *prefix, uint64_t set, uint64_t clear)
{
	for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
		if (set & attributes[i].bit)
			add_word(pool, words, prefix, attributes[i].set);
		else if (clear & attributes[i].bit)
			add_word(pool, words, prefix, attributes[i].clear);
	}
	if (clear & MOUNT_ATTR__ATIME)
		add_word(pool, words, prefix, atime_word(set));
}

const char *plan_propagation_word(uint64_t propagation)
{
	switch (propagation) {
	case MS_SHARED:
		return "shared";
	case MS_SLAVE:
		return "slave";
	case MS_UNBINDABLE:
		return "unbindable";
	default:
		return "private";
	}
}

static void add_data(struct pool *pool, const char **words, const struct mount_data *data)
{
	const char *key = plan_quote(pool, data->key);

	if (data->value)
		add_word(pool, words, "", pool_printf(pool, "%s=%s", key, plan_quote(pool, data->value)));
	else
		add_word(pool, words, "", key);
}

static const char *map_text(struct pool *pool, const struct id_mapping *map, size_t count)
{
	const char *text = "";

	for (size_t i = 0; i < count; i++)
		text = pool_printf(pool, "%s%s%u-%u-%u", text, i ? "," : "", map[i].container_id, map[i].host_id,
				   map[i].size);
	return text;
}

static const char *idmap_text(struct pool *pool, const struct mount_step *step)
{
	if (step->idmap_namespace >= 0)
		return "idmap=joined";
	return pool_printf(pool, "idmap=uids:%s;gids:%s", map_text(pool, step->idmap.uid, step->idmap.uid_count),
			   map_text(pool, step->idmap.gid, step->idmap.gid_count));
}

const char *plan_describe_mount(struct pool *pool, const struct mount_step *step)
{
	const char *words = "";

	add_attributes(pool, &words, "", step->attr_set, step->attr_clear);
	add_attributes(pool, &words, "r", step->recursive_attr_set, step->recursive_attr_clear);
	if (step->propagation)
		add_word(pool, &words, step->propagation_recursive ? "r" : "",
			 plan_propagation_word(step->propagation));
	if (step->copy_up)
		add_word(pool, &words, "", "tmpcopyup");
	if (step->idmapped)
		add_word(pool, &words, step->idmap_recursive ? "r" : "", idmap_text(pool, step));
	for (size_t i = 0; i < step->data_count; i++)
		add_data(pool, &words, &step->data[i]);
	if (step->label)
		add_word(pool, &words, "label=", plan_quote(pool, step->label));
	if (step->kind == MOUNT_BIND)
		return pool_printf(pool, "%s -> %s%s", plan_quote(pool, step->source),
				   plan_quote(pool, step->destination), words);
	return pool_printf(pool, "%s%s", plan_quote(pool, step->destination), words);
}
