/* SPDX-License-Identifier: Apache-2.0 */
/*
 * netlink.c - rtnetlink(7) requests, each of them acknowledged before the next.
 *
 * What the kernel sends is believed (it is the kernel: the sender's port is checked), but every length is
 * compared with what was received.
 */
#include <assert.h>
#include <hrun/fd.h>
#include <hrun/netlink.h>
#include <hrun/str.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { REQUEST_SIZE = 512, ANSWER_SIZE = 32768 };

struct request {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
	};
	char attributes[REQUEST_SIZE];
};

int netlink_open(struct err *e)
{
	autofd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	if (fd < 0 || connect(fd, (const struct sockaddr *)&kernel, sizeof kernel) < 0)
		return err_errno(e, "open a netlink socket");
	return TAKE_FD(fd);
}

int netlink_index(int socket, const char *name)
{
	struct ifreq request = {0};

	if (strlen(name) >= sizeof request.ifr_name)
		return -ENODEV;
	memcpy(request.ifr_name, name, strlen(name) + 1);
	return ioctl(socket, SIOCGIFINDEX, &request) < 0 ? -errno : request.ifr_ifindex;
}

bool netlink_is_up(int socket, const char *name)
{
	struct ifreq request = {0};

	return str_format(request.ifr_name, sizeof request.ifr_name, "%s", name) >= 0 &&
	       ioctl(socket, SIOCGIFFLAGS, &request) == 0 && request.ifr_flags & IFF_UP;
}

/* The callers' attributes are of a few known sizes: they fit. */
static void add(struct request *r, unsigned short type, const void *data, size_t size)
{
	size_t at = NLMSG_ALIGN(r->header.nlmsg_len);
	struct rtattr attribute = {.rta_len = (unsigned short)RTA_LENGTH(size), .rta_type = type};

	assert(at + RTA_SPACE(size) <= sizeof *r);
	memcpy((char *)r + at, &attribute, sizeof attribute);
	memcpy((char *)r + at + RTA_LENGTH(0), data, size);
	r->header.nlmsg_len = (unsigned int)(at + RTA_SPACE(size));
}

static struct request new_request(unsigned short type, unsigned short flags, size_t size)
{
	return (struct request){.header = {.nlmsg_len = (unsigned int)NLMSG_LENGTH(size),
					   .nlmsg_type = type,
					   .nlmsg_flags = (unsigned short)(NLM_F_REQUEST | flags)}};
}

static ssize_t receive(int socket, char *buffer, size_t size)
{
	ssize_t n;

	do
		n = recv(socket, buffer, size, MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n > (ssize_t)size) {
		errno = EMSGSIZE;
		return -1;
	}
	return n;
}

/* Send R and wait for its acknowledgement. */
static int transact(int socket, struct request *r)
{
	char answer[1024];
	struct nlmsghdr header;
	struct nlmsgerr error;

	r->header.nlmsg_flags |= NLM_F_ACK;
	if (send(socket, r, r->header.nlmsg_len, 0) < 0)
		return -errno;
	ssize_t n = receive(socket, answer, sizeof answer);
	if (n < 0)
		return -errno;
	if ((size_t)n < NLMSG_LENGTH(sizeof error))
		return -EPROTO;
	memcpy(&header, answer, sizeof header);
	memcpy(&error, answer + NLMSG_HDRLEN, sizeof error);
	return header.nlmsg_type == NLMSG_ERROR ? error.error : -EPROTO;
}

static void take(const struct rtattr *attribute, uint8_t *where, struct net_address *a, bool *has)
{
	if (RTA_PAYLOAD(attribute) != a->size)
		return;
	memcpy(where, RTA_DATA(attribute), a->size);
	if (has)
		*has = true;
}

/* RTA_NEXT, with its signs in order. */
static const struct rtattr *next_attribute(const struct rtattr *at, int *left)
{
	*left -= (int)RTA_ALIGN(at->rta_len);
	return (const struct rtattr *)(const void *)((const char *)at + RTA_ALIGN(at->rta_len));
}

/* IPv4 has the own address in IFA_LOCAL and the peer's, or its own again, in IFA_ADDRESS; IPv6 leaves IFA_LOCAL out where there is no peer. */
static void read_attributes(const struct nlmsghdr *header, struct net_address *a)
{
	const struct ifaddrmsg *message = NLMSG_DATA(header);
	int left = (int)IFA_PAYLOAD(header);
	bool has_local = false;

	for (const struct rtattr *at = IFA_RTA(message); RTA_OK(at, left); at = next_attribute(at, &left)) {
		if (at->rta_type == IFA_LOCAL)
			take(at, a->local, a, &has_local);
		else if (at->rta_type == IFA_ADDRESS)
			take(at, a->peer, a, &a->has_peer);
		else if (at->rta_type == IFA_BROADCAST)
			take(at, a->broadcast, a, &a->has_broadcast);
		else if (at->rta_type == IFA_FLAGS && RTA_PAYLOAD(at) == sizeof a->flags)
			memcpy(&a->flags, RTA_DATA(at), sizeof a->flags);
	}
	if (!has_local)
		memcpy(a->local, a->peer, sizeof a->local);
	a->has_peer = has_local && a->has_peer && memcmp(a->local, a->peer, a->size) != 0;
}

static int read_address(const struct nlmsghdr *header, int index, struct net_addresses *ret, struct err *e)
{
	const struct ifaddrmsg *message = NLMSG_DATA(header);

	if (header->nlmsg_type != RTM_NEWADDR || header->nlmsg_len < NLMSG_LENGTH(sizeof *message))
		return 0;
	struct net_address a = {.family = message->ifa_family,
				.prefix_length = message->ifa_prefixlen,
				.flags = message->ifa_flags,
				.size = message->ifa_family == AF_INET ? 4 : 16};
	if ((int)message->ifa_index != index || message->ifa_scope != RT_SCOPE_UNIVERSE ||
	    (a.family != AF_INET && a.family != AF_INET6))
		return 0;
	read_attributes(header, &a);
	if (!(a.flags & IFA_F_PERMANENT))
		return 0;
	a.flags &= IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN;
	if (ret->count == NET_ADDRESSES_MAX)
		return err_set(e, E2BIG, "it has more than %d addresses", NET_ADDRESSES_MAX);
	ret->item[ret->count++] = a;
	return 0;
}

/* One datagram of a dump; 1: the last one. */
static int read_dump(char *buffer, size_t size, int index, struct net_addresses *ret, struct err *e)
{
	struct nlmsghdr *header = (struct nlmsghdr *)(void *)buffer;
	unsigned int left = (unsigned int)size;

	for (; NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
		if (header->nlmsg_type == NLMSG_DONE)
			return 1;
		if (header->nlmsg_type == NLMSG_ERROR || header->nlmsg_flags & NLM_F_DUMP_INTR)
			return err_set(e, EAGAIN, "the list of addresses changed while it was read; try again");
		TRY(read_address(header, index, ret, e));
	}
	return 0;
}

int netlink_addresses(int socket, int index, struct net_addresses *ret, struct err *e)
{
	static _Alignas(struct nlmsghdr) char buffer[ANSWER_SIZE];
	struct request r = new_request(RTM_GETADDR, NLM_F_DUMP, sizeof r.address);
	int done = 0;

	ret->count = 0;
	if (send(socket, &r, r.header.nlmsg_len, 0) < 0)
		return err_errno(e, "ask for its addresses");
	while (!done) {
		ssize_t n = receive(socket, buffer, sizeof buffer);
		if (n < 0)
			return err_errno(e, "read its addresses");
		done = read_dump(buffer, (size_t)n, index, ret, e);
		TRY(done);
	}
	return 0;
}

static int finish(int r, struct err *e, const char *what)
{
	errno = -r;
	return r < 0 ? err_errno(e, "%s", what) : 0;
}

int netlink_move(int socket, int index, int namespace, const char *name, struct err *e)
{
	struct request r = new_request(RTM_NEWLINK, 0, sizeof r.link);

	r.link = (struct ifinfomsg){.ifi_index = index};
	add(&r, IFLA_NET_NS_FD, &namespace, sizeof namespace);
	add(&r, IFLA_IFNAME, name, strlen(name) + 1);
	return finish(transact(socket, &r), e, "move it to the other network namespace");
}

int netlink_add_address(int socket, int index, const struct net_address *a, struct err *e)
{
	struct request r = new_request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof r.address);

	r.address = (struct ifaddrmsg){
		.ifa_family = a->family,
		.ifa_prefixlen = a->prefix_length,
		.ifa_scope = RT_SCOPE_UNIVERSE,
		.ifa_index = (unsigned int)index,
	};
	add(&r, IFA_LOCAL, a->local, a->size);
	add(&r, IFA_ADDRESS, a->has_peer ? a->peer : a->local, a->size);
	if (a->has_broadcast)
		add(&r, IFA_BROADCAST, a->broadcast, a->size);
	add(&r, IFA_FLAGS, &a->flags, sizeof a->flags);
	return finish(transact(socket, &r), e, "give it back its addresses");
}

int netlink_set_up(int socket, int index, struct err *e)
{
	struct request r = new_request(RTM_NEWLINK, 0, sizeof r.link);

	r.link = (struct ifinfomsg){.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	return finish(transact(socket, &r), e, "set it up");
}
