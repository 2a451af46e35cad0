/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_devices.c - device nodes and who may open them.
 *
 * The number says what a device is; its name says nothing.
 */
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/str.h>

static bool has_type(const struct config_device *device, const char *types)
{
	return device->type && strlen(device->type) == 1 && strchr(types, device->type[0]);
}

void judge_device_block(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	for (size_t i = 0; linux_ && i < linux_->device_count; i++) {
		if (has_type(&linux_->devices[i], "b"))
			find(finder, at(finder, "linux.devices[%zu]", i), "block device %s",
			     quote(finder, linux_->devices[i].path ? linux_->devices[i].path : ""));
	}
}

/* Character devices that are the kernel's or the processor's memory; minor -1: all. */
static const struct {
	int64_t major, minor;
	const char *name;
} memory_devices[] = {
	{1, 1, "mem"},	    {1, 2, "kmem"},   {1, 4, "port"},	  {1, 11, "kmsg"},
	{10, 144, "nvram"}, {202, -1, "msr"}, {203, -1, "cpuid"},
};

void judge_device_memory(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	for (size_t i = 0; linux_ && i < linux_->device_count; i++) {
		const struct config_device *device = &linux_->devices[i];
		for (size_t k = 0; has_type(device, "cu") && k < sizeof memory_devices / sizeof memory_devices[0];
		     k++) {
			if (device->major.value == memory_devices[k].major &&
			    (memory_devices[k].minor == -1 || device->minor.value == memory_devices[k].minor))
				find(finder, at(finder, "linux.devices[%zu]", i), "character device %lld:%lld is %s",
				     (long long)device->major.value, (long long)device->minor.value,
				     memory_devices[k].name);
		}
	}
}

static const char *complaint_about_path(const char *path)
{
	static const char *const mounted[] = {"/dev/pts", "/dev/shm", "/dev/mqueue"};

	if (!path || !path_is_clean(path) || !path_is_below(path, "/dev") || str_equal(path, "/dev"))
		return "is not a clean path below /dev";
	for (size_t i = 0; i < sizeof mounted / sizeof mounted[0]; i++) {
		if (path_is_below(path, mounted[i]))
			return "lies on a mount of its own";
	}
	return NULL;
}

static bool path_is_repeated(const struct config_linux *linux_, size_t i)
{
	const char *path = linux_->devices[i].path;

	for (size_t k = 0; path && k < i; k++) {
		if (linux_->devices[k].path && str_equal(linux_->devices[k].path, path))
			return true;
	}
	return false;
}

void judge_device_path_invalid(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	for (size_t i = 0; linux_ && i < linux_->device_count; i++) {
		const struct config_device *device = &linux_->devices[i];
		const char *where = at(finder, "linux.devices[%zu]", i);
		const char *shown = quote(finder, device->path ? device->path : "");
		const char *complaint = complaint_about_path(device->path);
		if (complaint)
			find(finder, where, "%s %s", shown, complaint);
		else if (path_is_repeated(linux_, i))
			find(finder, where, "%s stands in the list twice", shown);
		if (!has_type(device, "cbup"))
			find(finder, where, "%s has no known type", shown);
		else if (!has_type(device, "p") && (!device->major.set || !device->minor.set ||
						    device->major.value < 0 || device->minor.value < 0))
			find(finder, where, "%s has no major and minor number", shown);
	}
}

/* Is RULE about every device of its type? */
static bool names_no_number(const struct config_device_rule *rule)
{
	return (!rule->major.set || rule->major.value == -1) && (!rule->minor.set || rule->minor.value == -1);
}

static bool denies_all(const struct config_device_rule *rule)
{
	if (rule->allow || (rule->type && !str_equal(rule->type, "a")) || !names_no_number(rule))
		return false;
	return !rule->access || (strchr(rule->access, 'r') && strchr(rule->access, 'w') && strchr(rule->access, 'm'));
}

static bool denies_all_first(const struct config_resources *resources)
{
	return resources && resources->device_count && denies_all(&resources->devices[0]);
}

/* A node alone (mknod) is harmless: nobody can open it. */
static bool allows_all(const struct config_device_rule *rule)
{
	return rule->allow && (!rule->major.set || rule->major.value == -1) &&
	       (!rule->access || strpbrk(rule->access, "rw"));
}

void judge_device_cgroup_allow_all(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;
	const struct config_resources *resources = linux_ ? linux_->resources : NULL;

	/* What stands before a rule that denies everything says nothing. */
	for (size_t i = resources ? resources->device_count : 0; i-- > 0 && !denies_all(&resources->devices[i]);) {
		if (allows_all(&resources->devices[i]))
			find(finder, at(finder, "linux.resources.devices[%zu]", i), "allows devices of every number");
	}
}

void judge_device_cgroup_no_deny(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	if (linux_ && !denies_all_first(linux_->resources))
		find(finder, "linux.resources.devices", "does not begin with a rule that denies everything");
}

/* The default devices and terminals are allowed by plan/ in any case. */
void harden_device_cgroup_no_deny(struct pool *pool, struct config *config, const struct finding *finding)
{
	struct config_resources *resources = config->linux_ ? config->linux_->resources : NULL;

	(void)finding;
	if (!resources || denies_all_first(resources))
		return;
	struct config_device_rule *devices = pool_alloc(pool, (resources->device_count + 1) * sizeof *devices);
	devices[0] = (struct config_device_rule){.allow = false, .access = "rwm"};
	for (size_t i = 0; i < resources->device_count; i++)
		devices[i + 1] = resources->devices[i];
	resources->devices = devices;
	resources->device_count++;
	resources->devices_present = true;
}
