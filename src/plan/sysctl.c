/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysctl.c - kernel settings of the container's own namespaces.
 *
 * A key becomes a path below /proc/sys, written as root: only keys whose value
 * lives in a namespace, only with that namespace, and only of letters, digits, "_"
 * and "-" between single dots (CVE-2022-0811 came in through a key's text).
 */
#include <errno.h>
#include <hrun/planning.h>
#include <hrun/str.h>

static const struct {
	const char *key;
	enum namespace_type type;
} namespaced[] = {
	{"kernel.shmall", NS_IPC},   {"kernel.shmmax", NS_IPC},
	{"kernel.shmmni", NS_IPC},   {"kernel.shm_rmid_forced", NS_IPC},
	{"kernel.msgmax", NS_IPC},   {"kernel.msgmnb", NS_IPC},
	{"kernel.msgmni", NS_IPC},   {"kernel.sem", NS_IPC},
	{"fs.mqueue.", NS_IPC},	     {"net.", NS_NETWORK},
	{"kernel.hostname", NS_UTS}, {"kernel.domainname", NS_UTS},
};

static bool key_is_clean(const char *key)
{
	char before = '.';

	for (const char *p = key; *p; before = *p++) {
		bool word = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
			    *p == '_' || *p == '-';
		if (!word && (*p != '.' || before == '.'))
			return false;
	}
	return before != '.';
}

/* An entry that ends in a dot stands for all keys below it. */
static enum namespace_type namespace_of(const char *key)
{
	for (size_t i = 0; i < sizeof namespaced / sizeof *namespaced; i++) {
		if (str_equal(key, namespaced[i].key) ||
		    (str_ends(namespaced[i].key, ".") && str_starts(key, namespaced[i].key)))
			return namespaced[i].type;
	}
	return NS_TYPES;
}

static int check_key(const struct config *config, const char *key, const char *where, struct err *e)
{
	if (!key_is_clean(key))
		return err_set(e, EINVAL, "%s: a key is made of letters, digits, _ and -, with single dots between",
			       where);
	enum namespace_type type = namespace_of(key);
	if (type == NS_TYPES)
		return err_set(e, EINVAL, "%s: belongs to the whole host, not to a namespace; set it on the host",
			       where);
	if (!plan_has_namespace(config, type))
		return err_set(e, EINVAL, "%s: would change the host; add {\"type\": \"%s\"} to linux.namespaces",
			       where, spec_namespace_name(type));
	return 0;
}

static int check_conflict(const struct config *config, const char *key, const char *where, struct err *e)
{
	if (config->hostname && *config->hostname && str_equal(key, "kernel.hostname"))
		return err_set(e, EINVAL, "%s: hostname is set too; keep one of the two", where);
	if (config->domainname && *config->domainname && str_equal(key, "kernel.domainname"))
		return err_set(e, EINVAL, "%s: domainname is set too; keep one of the two", where);
	return 0;
}

static const char *file_of(struct pool *pool, const char *key)
{
	char *file = pool_strdup(pool, key);

	for (char *p = file; *p; p++)
		*p = *p == '.' ? '/' : *p;
	return file;
}

static const char *where_of(struct pool *pool, const char *key)
{
	const char *shown = plan_quote(pool, key);

	return pool_printf(pool, *shown == '"' ? "linux.sysctl[%s]" : "linux.sysctl[\"%s\"]", shown);
}

int plan_sysctls(struct pool *pool, const struct config *config, struct plan *plan, struct err *e)
{
	for (size_t i = 0; i < config->linux_->sysctl.count; i++) {
		const struct string_pair *pair = &config->linux_->sysctl.item[i];
		const char *where = where_of(pool, pair->key);

		TRY(check_key(config, pair->key, where, e));
		TRY(check_conflict(config, pair->key, where, e));
		if (strpbrk(pair->value, "\n\r"))
			return err_set(e, EINVAL, "%s: the value is more than one line; write one", where);
		/* To the kernel a write of nothing is none: whoever asked for it would believe in it. */
		if (!*pair->value)
			return err_set(e, EINVAL, "%s: the value is empty; give one or remove the key", where);
		*pool_array_add(pool, plan->sysctls, plan->sysctl_count) = (struct sysctl_step){
			.key = pair->key,
			.file = file_of(pool, pair->key),
			.value = pair->value,
			.where = where,
		};
	}
	return 0;
}
