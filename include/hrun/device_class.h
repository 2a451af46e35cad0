/* SPDX-License-Identifier: Apache-2.0 */
/*
 * device_class.h - which device numbers are a danger: to the rules about nodes and to those about the device filter.
 */
#ifndef HRUN_DEVICE_CLASS_H
#define HRUN_DEVICE_CLASS_H

#include <hrun/rules.h>
#include <stdbool.h>
#include <stdint.h>

enum { DEVICE_ALL = -1, DEVICE_READ = 1, DEVICE_WRITE = 2, DEVICE_MKNOD = 4 };

/* Numbers of one driver or of several. */
struct device_class {
	char type; /* 'b' or 'c' */
	int64_t first_major, last_major;
	int64_t minor; /* or DEVICE_ALL */
	const char *name;
};
struct device_table {
	const struct device_class *class;
	size_t count;
};
enum { DANGEROUS_TABLES = 3 };
/* block devices, memory, control */
extern const struct device_table dangerous_devices[DANGEROUS_TABLES];

/* The letters r, w and m as bits; NULL: all.  Other letters are refused by plan/. */
unsigned int device_access(const char *access);
/* Is ONE (a number, or DEVICE_ALL) about NUMBER? */
bool device_covers(int64_t one, int64_t number);
/* What of ACCESS the policy file's allow.devices does not allow for the device. */
unsigned int device_left_by_policy(const struct finder *finder, char type, int64_t major, int64_t minor,
				   unsigned int access);

#endif
