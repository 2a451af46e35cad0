/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net_devices.c - host network devices into the container's network namespace (config-linux.md#network-devices).
 *
 * The kernel keeps a device's attributes when it moves it, but takes its addresses away and sets it down; they are
 * given back inside.  A create that fails brings them home.  What is inside when the container ends goes where the kernel
 * puts it: physical devices back to the first network namespace, virtual ones are gone.
 */
#include <fcntl.h>
#include <hrun/chapters.h>
#include <hrun/fd.h>
#include <hrun/netlink.h>
#include <hrun/str.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

enum { TEMPLATE_TRIES = 4096 };

/* A socket stays in the namespace in which it was made: the runtime goes there for just that. */
static int open_inside(int namespace, struct err *e)
{
	autofd int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (home < 0)
		return err_errno(e, "open /proc/self/ns/net");
	if (setns(namespace, CLONE_NEWNET) < 0)
		return err_errno(e, "visit the container's network namespace");
	autofd int socket = netlink_open(e);
	if (setns(home, CLONE_NEWNET) < 0)
		return err_errno(e, "leave the container's network namespace");
	return TAKE_FD(socket);
}

/* "eth%d" is the first of eth0, eth1, ... that is free inside. */
static int choose_name(const struct net_device_step *d, int inside, char name[IF_NAMESIZE], struct err *e)
{
	int prefix = (int)strlen(d->name) - 2;

	if (!d->is_template && str_format(name, IF_NAMESIZE, "%s", d->name) >= 0 &&
	    netlink_index(inside, name) == -ENODEV)
		return 0;
	for (int i = 0; d->is_template && i < TEMPLATE_TRIES; i++) {
		if (str_format(name, IF_NAMESIZE, "%.*s%d", prefix, d->name, i) >= 0 &&
		    netlink_index(inside, name) == -ENODEV)
			return 0;
	}
	return err_set(e, EEXIST, "the container's network namespace has a device `%s`; choose another name", d->name);
}

static int move(struct net_device_step *d, int outside, int inside, int namespace, struct err *e)
{
	char name[IF_NAMESIZE];
	struct net_addresses addresses;
	int index = netlink_index(outside, d->host_name);

	if (index < 0)
		return err_set(e, ENODEV, "the host has no such network device");
	TRY(choose_name(d, inside, name, e));
	TRY(netlink_addresses(outside, index, &addresses, e));
	d->was_up = netlink_is_up(outside, d->host_name);
	TRY(netlink_move(outside, index, namespace, name, e));
	memcpy(d->moved_as, name, sizeof name);
	index = netlink_index(inside, name);
	if (index < 0)
		return err_set(e, -index, "it is not where it was moved to");
	for (size_t i = 0; i < addresses.count; i++)
		TRY(netlink_add_address(inside, index, &addresses.item[i], e));
	return netlink_set_up(inside, index, e);
}

static int open_namespace(int proc, pid_t pid, struct err *e)
{
	char file[32];

	snprintf(file, sizeof file, "%d/ns/net", pid);
	int namespace = openat(proc, file, O_RDONLY | O_CLOEXEC);
	return namespace < 0 ? err_errno(e, "open the container's network namespace") : namespace;
}

int net_devices_apply(struct plan *plan, int proc, pid_t pid, int *ret_namespace, struct err *e)
{
	if (!plan->net_device_count)
		return 0;
	int namespace = *ret_namespace = open_namespace(proc, pid, e);
	TRY(namespace);
	autofd int outside = netlink_open(e);
	TRY(outside);
	autofd int inside = open_inside(namespace, e);
	TRY(inside);
	for (size_t i = 0; i < plan->net_device_count; i++) {
		struct net_device_step *d = &plan->net_devices[i];
		struct err why;
		int r = move(d, outside, inside, namespace, &why);
		if (r < 0)
			return err_set(e, -r, "%s: %s", d->where, why.text);
	}
	return 0;
}

/* With its addresses, and up if it was. */
static int move_back(const struct net_device_step *d, int outside, int inside, int home, struct err *e)
{
	struct net_addresses addresses;
	int index = netlink_index(inside, d->moved_as);

	if (index < 0)
		return err_set(e, -index, "it is not in the container any more");
	TRY(netlink_addresses(inside, index, &addresses, e));
	TRY(netlink_move(inside, index, home, d->host_name, e));
	index = netlink_index(outside, d->host_name);
	for (size_t i = 0; i < addresses.count; i++)
		TRY(netlink_add_address(outside, index, &addresses.item[i], e));
	return d->was_up ? netlink_set_up(outside, index, e) : 0;
}

int net_devices_return(const struct plan *plan, int namespace, struct err *e)
{
	int r = 0;

#ifdef HRUN_MUTANT_NET_DEVICES_RETURN
	return 0;
#endif
	if (namespace < 0)
		return 0;
	autofd int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return err_errno(e, "open /proc/self/ns/net");
	autofd int outside = netlink_open(e);
	TRY(outside);
	autofd int inside = open_inside(namespace, e);
	TRY(inside);
	for (size_t i = 0; i < plan->net_device_count; i++) {
		const struct net_device_step *d = &plan->net_devices[i];
		if (*d->moved_as && move_back(d, outside, inside, home, e) < 0)
			r = -EIO; /* the others still */
	}
	return r;
}
