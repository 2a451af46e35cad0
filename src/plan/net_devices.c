/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_devices.c - which host network devices the container gets, and what they are called inside.
 */
#include <errno.h>
#include <hrun/planning.h>
#include <hrun/str.h>
#include <net/if.h>
#include <string.h>

/* As the kernel's dev_valid_name; a percent sign is a template's. */
static bool is_name(const char *name, size_t length)
{
	if (length == 0 || length >= IF_NAMESIZE || str_equal(name, ".") || str_equal(name, ".."))
		return false;
	for (size_t i = 0; i < length; i++) {
		if (name[i] <= ' ' || name[i] >= 0x7f || strchr("/:%", name[i]))
			return false;
	}
	return true;
}

static int plan_name(struct pool *pool, const char *name, struct net_device_step *step, struct err *e)
{
	size_t length = strlen(name);

	step->is_template = length > 2 && str_equal(name + length - 2, "%d");
	step->name = name;
	if (is_name(name, step->is_template ? length - 2 : length) && length < IF_NAMESIZE)
		return 0;
	return err_set(e, EINVAL, "%s.name: %s is no name of a network device (1 to %d characters, may end in %%d)",
		       step->where, plan_quote(pool, name), IF_NAMESIZE - 1);
}

int plan_net_devices(struct pool *pool, const struct config *config, struct plan *plan, struct err *e)
{
	const struct string_map *devices = &config->linux_->net_devices;

	if (devices->count && !plan_has_namespace(config, NS_NETWORK))
		return err_set(e, EINVAL,
			       "linux.netDevices: needs a network namespace; add {\"type\": \"network\"} to "
			       "linux.namespaces");
	for (size_t i = 0; i < devices->count; i++) {
		const struct string_pair *pair = &devices->item[i];
		struct net_device_step *step = pool_array_add(pool, plan->net_devices, plan->net_device_count);
		step->host_name = pair->key;
		step->where = pool_printf(pool, "linux.netDevices[%s]", plan_quote(pool, pair->key));
		if (!is_name(pair->key, strlen(pair->key)))
			return err_set(e, EINVAL, "%s: is no name of a network device", step->where);
		TRY(plan_name(pool, pair->value && *pair->value ? pair->value : pair->key, step, e));
	}
	return 0;
}
