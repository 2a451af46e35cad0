/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake.c - an hrun-image that was taken over.  What it does is the name of the directory in which it lies.
 *
 * In a directory `hold` it is either program: it stops itself before it begins, and then becomes the real one beside it.
 */
#include <hrun/image_wire.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SOCKET = 3 };

static const char digest[] = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
static const char config[] = "{}";
static struct image_answer answer;

static void say(const void *data, size_t size)
{
	if (send(SOCKET, data, size, MSG_NOSIGNAL) != (ssize_t)size)
		_exit(9);
}

static void accept_all(void)
{
	answer.version = IMAGE_WIRE_VERSION;
	answer.done = 1;
	answer.verdict = IMAGE_ACCEPT;
	memcpy(answer.image_digest, digest, sizeof digest);
	memcpy(answer.manifest_digest, digest, sizeof digest);
	memcpy(answer.config_digest, digest, sizeof digest);
	answer.config_size = sizeof config - 1;
}

static void say_answer(void)
{
	say(&answer, sizeof answer);
	say(config, sizeof config - 1);
}

static void ask_for(const char *hex)
{
	struct image_ask ask = {.version = IMAGE_WIRE_VERSION, .kind = IMAGE_ASK_BLOB};

	snprintf(ask.hex, sizeof ask.hex, "%s", hex);
	say(&ask, sizeof ask);
}

/* Three descriptors that nobody asked for. */
static void say_with_descriptors(void)
{
	const int fds[3] = {0, 1, 2};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof fds)];
	} control = {0};
	struct iovec iov = {&answer, sizeof answer};
	struct msghdr message = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fds);
	memcpy(CMSG_DATA(c), fds, sizeof fds);
	if (sendmsg(SOCKET, &message, MSG_NOSIGNAL) != sizeof answer)
		_exit(9);
}

/* An accepting answer with one thing wrong. */
static void spoil(const char *how)
{
	accept_all();
	if (strcmp(how, "no-digest") == 0)
		answer.manifest_digest[0] = '\0';
	else if (strcmp(how, "odd-digest") == 0)
		answer.image_digest[10] = 'G';
	else if (strcmp(how, "unterminated") == 0)
		memset(answer.reason, 'x', sizeof answer.reason);
	else if (strcmp(how, "verdict") == 0)
		answer.verdict = 77;
	else if (strcmp(how, "unread") == 0)
		answer.verdict = IMAGE_LAYERS_UNREAD;
	else if (strcmp(how, "count") == 0)
		answer.signature_count = 1000;
	else if (strcmp(how, "huge-config") == 0)
		answer.config_size = UINT64_C(1) << 40;
	else if (strcmp(how, "stage") == 0)
		answer.stage = IMAGE_STAGE_LAYER;
	else if (strcmp(how, "devices") == 0)
		answer.devices = (struct image_devices){1, "dev/null"};
	else if (strcmp(how, "version") == 0)
		answer.version++;
}

/* DIRECTORY/real/NAME, for a test that wants something to be done in the middle. */
static int hold(const char *directory, char *name)
{
	static char path[8192];
	char *const argv[] = {name, NULL}, *const none[] = {NULL};

	snprintf(path, sizeof path, "%s/real/%s", directory, name);
	raise(SIGSTOP);
	execve(path, argv, none);
	return 9;
}

int main(int argc, char **argv)
{
	static struct image_request request;
	static char path[4096];
	char byte;

	if (readlink("/proc/self/exe", path, sizeof path - 1) <= 0)
		return 9;
	const char *directory = dirname(path);
	static char copy[4096];
	memcpy(copy, directory, strlen(directory) + 1);
	const char *mode = basename(copy);
	if (argc == 1 && strcmp(mode, "hold") == 0)
		return hold(directory, argv[0]);
	if (recv(SOCKET, &request, sizeof request, 0) != sizeof request)
		return 8;
	if (strcmp(mode, "hang") == 0)
		pause();
	if (strcmp(mode, "crash") == 0)
		abort();
	if (strcmp(mode, "quiet") == 0)
		return 0;
	if (strcmp(mode, "path") == 0)
		ask_for("../../../../../../../etc/passwd");
	while (strcmp(mode, "flood") == 0) {
		ask_for(digest + strlen("sha256:"));
		if (recv(SOCKET, &byte, 1, 0) <= 0)
			return 9;
	}
	spoil(mode);
	while (strcmp(mode, "progress") == 0) {
		answer.done = 0;
		answer.config_size = 0;
		say(&answer, sizeof answer);
	}
	if (strcmp(mode, "descriptors") == 0)
		say_with_descriptors();
	if (strcmp(mode, "short") == 0)
		say(&answer, sizeof answer - 1);
	else if (strcmp(mode, "half") == 0)
		say(&answer, sizeof answer);
	else
		say_answer();
	return strcmp(mode, "status") == 0 ? 1 : 0;
}
