/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netlink.h - the few rtnetlink(7) messages that moving a network device takes.
 *
 * A socket works on the network namespace in which it was opened.  Every buffer is of fixed size; what
 * does not fit is an error, never cut.
 */
#ifndef HRUN_NETLINK_H
#define HRUN_NETLINK_H

#include <hrun/err.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_address {
	uint8_t family, prefix_length;
	uint32_t flags; /* IFA_F_*, those that the owner had asked for */
	size_t size;	/* of one address: 4 or 16 */
	bool has_peer, has_broadcast;
	uint8_t local[16], peer[16], broadcast[16];
};
enum { NET_ADDRESSES_MAX = 64 };
struct net_addresses {
	struct net_address item[NET_ADDRESSES_MAX];
	size_t count;
};

/* An owned NETLINK_ROUTE socket in the caller's network namespace. */
int netlink_open(struct err *e);
/* The index of the device NAME in the socket's namespace; -ENODEV without *e where there is none. */
int netlink_index(int socket, const char *name);
bool netlink_is_up(int socket, const char *name);
/* Its permanent addresses of global scope. */
int netlink_addresses(int socket, int index, struct net_addresses *ret, struct err *e);
/* Into the network namespace NAMESPACE, as NAME. */
int netlink_move(int socket, int index, int namespace, const char *name, struct err *e);
int netlink_add_address(int socket, int index, const struct net_address *address, struct err *e);
int netlink_set_up(int socket, int index, struct err *e);

#endif
