/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_devices.c - device nodes and who may open them.
 *
 * The number says what a device is; its name says nothing.
 */
#include <hrun/device_class.h>
#include <hrun/judging.h>
#include <hrun/path.h>
#include <hrun/str.h>

static bool has_type(const struct config_device *device, const char *types)
{
	return device->type && strlen(device->type) == 1 && strchr(types, device->type[0]);
}

static const struct device_class block_devices[] = {{'b', 0, INT64_MAX, DEVICE_ALL, "a block device"}};

/* The kernel's or the processor's memory. */
static const struct device_class memory_devices[] = {
	{'c', 1, 1, 1, "mem"},
	{'c', 1, 1, 2, "kmem"},
	{'c', 1, 1, 4, "port"},
	{'c', 1, 1, 11, "kmsg"},
	{'c', 10, 10, 144, "nvram"},
	{'c', 202, 202, DEVICE_ALL, "msr"},
	{'c', 203, 203, DEVICE_ALL, "cpuid"},
};

/* What steers the host; numbers from 240 on are given out as drivers come (hidraw). */
static const struct device_class control_devices[] = {
	{'c', 4, 4, DEVICE_ALL, "a terminal of the host"},
	{'c', 5, 5, 1, "the console"},
	{'c', 10, 10, 196, "vfio"},
	{'c', 10, 10, 203, "cuse"},
	{'c', 10, 10, 223, "uinput"},
	{'c', 10, 10, 234, "btrfs-control"},
	{'c', 10, 10, 235, "autofs"},
	{'c', 10, 10, 236, "mapper/control"},
	{'c', 10, 10, 237, "loop-control"},
	{'c', 10, 10, 238, "vhost-net"},
	{'c', 10, 10, 241, "vhost-vsock"},
	{'c', 13, 13, DEVICE_ALL, "an input device"},
	{'c', 21, 21, DEVICE_ALL, "a SCSI device"},
	{'c', 162, 162, DEVICE_ALL, "a raw block device"},
	{'c', 240, INT64_MAX, DEVICE_ALL, "a device with a number that changes, such as hidraw"},
};

/* What every container has. */
static const struct device_class default_devices[] = {
	{'c', 1, 1, 3, "null"},	  {'c', 1, 1, 5, "zero"},    {'c', 1, 1, 7, "full"},
	{'c', 1, 1, 8, "random"}, {'c', 1, 1, 9, "urandom"}, {'c', 5, 5, 0, "tty"},
};

#define TABLE(classes) ((struct device_table){(classes), sizeof(classes) / sizeof(classes)[0]})

static const struct device_class *class_of(struct device_table table, char type, int64_t major, int64_t minor)
{
	for (size_t i = 0; i < table.count; i++) {
		const struct device_class *class = table.class + i;
		if (class->type == type && major >= class->first_major && major <= class->last_major &&
		    (class->minor == DEVICE_ALL || class->minor == minor))
			return class;
	}
	return NULL;
}

/* 'b' or 'c' where DEVICE is one with a number; "u" is an old word for "c". */
static char kind_of(const struct config_device *device)
{
	if (!device->major.set || !device->minor.set || device->major.value < 0 || device->minor.value < 0)
		return '\0';
	return has_type(device, "cu") ? 'c' : has_type(device, "b") ? 'b' : '\0';
}

unsigned int device_access(const char *access)
{
	if (!access)
		return DEVICE_READ | DEVICE_WRITE | DEVICE_MKNOD;
	return (strchr(access, 'r') ? DEVICE_READ : 0U) | (strchr(access, 'w') ? DEVICE_WRITE : 0U) |
	       (strchr(access, 'm') ? DEVICE_MKNOD : 0U);
}

bool device_covers(int64_t one, int64_t number)
{
	return one == DEVICE_ALL || one == number;
}

unsigned int device_left_by_policy(const struct finder *finder, char type, int64_t major, int64_t minor,
				   unsigned int access)
{
	const struct policy *policy = finder->judged->policy;

	for (size_t i = 0; i < policy->allow.device_count; i++) {
		const struct policy_device *device = &policy->allow.devices[i];
		if (device->type == type && device_covers(device->major, major) && device_covers(device->minor, minor))
			access &= ~device_access(device->access);
	}
	return access;
}

static bool policy_allows(const struct finder *finder, char type, const struct config_device *device)
{
	unsigned int all = device_access(NULL);

	return device_left_by_policy(finder, type, device->major.value, device->minor.value, all) != all;
}

static void find_device(struct finder *finder, size_t i, char type, const char *what)
{
	const struct config_device *device = &finder->judged->config->linux_->devices[i];
	const char *number =
		at(finder, "%c %lld:%lld", type, (long long)device->major.value, (long long)device->minor.value);

	find_value(finder, number, at(finder, "linux.devices[%zu]", i), "%s (%s) is %s",
		   quote(finder, device->path ? device->path : ""), number, what);
}

/* A node by its number; what the policy file allows is nothing to report (what may be done with it is the filter's word). */
static void find_devices(struct finder *finder, struct device_table table)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	for (size_t i = 0; linux_ && i < linux_->device_count; i++) {
		const struct config_device *device = &linux_->devices[i];
		char type = kind_of(device);
		const struct device_class *class = class_of(table, type, device->major.value, device->minor.value);
		if (class && !policy_allows(finder, type, device))
			find_device(finder, i, type, class->name);
	}
}

void judge_device_block(struct finder *finder)
{
	find_devices(finder, TABLE(block_devices));
}

void judge_device_memory(struct finder *finder)
{
	find_devices(finder, TABLE(memory_devices));
}

void judge_device_control(struct finder *finder)
{
	find_devices(finder, TABLE(control_devices));
}

const struct device_table dangerous_devices[DANGEROUS_TABLES] = {
	{block_devices, sizeof block_devices / sizeof block_devices[0]},
	{memory_devices, sizeof memory_devices / sizeof memory_devices[0]},
	{control_devices, sizeof control_devices / sizeof control_devices[0]},
};

void judge_device_extra(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	for (size_t i = 0; linux_ && i < linux_->device_count; i++) {
		const struct config_device *device = &linux_->devices[i];
		char type = kind_of(device);
		bool named = !type || class_of(TABLE(default_devices), type, device->major.value, device->minor.value);
		for (size_t k = 0; k < DANGEROUS_TABLES; k++)
			named |= class_of(dangerous_devices[k], type, device->major.value, device->minor.value) != NULL;
		if (!named && !policy_allows(finder, type, device))
			find_device(finder, i, type, "not one of those that every container has");
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

/* The kernel's dev_t has 12 and 20 bits: more would be another device. */
static bool has_number(const struct config_device *device)
{
	return device->major.set && device->minor.set && device->major.value >= 0 && device->minor.value >= 0 &&
	       device->major.value <= 0xfff && device->minor.value <= 0xfffff;
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

static void find_node(struct finder *finder, size_t i, const char *complaint)
{
	const char *path = finder->judged->config->linux_->devices[i].path;

	find(finder, at(finder, "linux.devices[%zu]", i), "%s %s", quote(finder, path ? path : ""), complaint);
}

void judge_device_path_invalid(struct finder *finder)
{
	const struct config_linux *linux_ = finder->judged->config->linux_;

	for (size_t i = 0; linux_ && i < linux_->device_count; i++) {
		const struct config_device *device = &linux_->devices[i];
		const char *complaint = complaint_about_path(device->path);
		if (complaint)
			find_node(finder, i, complaint);
		else if (path_is_repeated(linux_, i))
			find_node(finder, i, "stands in the list twice");
		if (!has_type(device, "cbup"))
			find_node(finder, i, "has no known type");
		else if (!has_type(device, "p") && !has_number(device))
			find_node(finder, i, "has no major number up to 4095 and minor number up to 1048575");
	}
}
