// SPDX-License-Identifier: Apache-2.0
/*
 * layers.c - layers through layers_read into hrun-tree, or only read; what both say as one line of JSON.
 *
 *   layers verify LAYOUT MEDIATYPE DIGEST SIZE DIFFID...
 *   layers unpack HRUN-TREE TARGET FLAGS LAYOUT MEDIATYPE DIGEST SIZE DIFFID...
 *   layers walk HRUN-TREE TARGET FLAGS        the records go to standard output
 *   layers send HRUN-TREE TARGET FLAGS        the records come from standard input
 *   layers pause HRUN-TREE TARGET FLAGS       like send with nothing sent; prints hrun-tree's pid, ends with standard input
 *
 * LAYERS_MAX_BYTES, LAYERS_MAX_ENTRIES and LAYERS_RATIO change the limits; with LAYERS_DEVICES device nodes are no refusal.
 */
#include "../../libexec/hrun-image/image.h"
#include <errno.h>
#include <fcntl.h>
#include <hrun/tree_wire.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where hrun-image's own is not linked. */
__attribute__((weak)) int(refuse)(struct refusal *r, enum image_stage stage, const char *format, ...)
{
	va_list args;

	if (!r->reason[0]) {
		r->stage = stage;
		va_start(args, format);
		vsnprintf(r->reason, sizeof r->reason, format, args);
		va_end(args);
	}
	return -EBADMSG;
}

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void must(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(3);
	}
}

struct child {
	pid_t pid;
	int control, stream; /* our ends */
};

static struct child start(char **argv, uint32_t task)
{
	int control[2], stream[2], own;
	struct child child;
	struct tree_request request = {.magic = TREE_WIRE_MAGIC,
				       .task = task,
				       .flags = (uint32_t)atoi(argv[4]),
				       .max_entries = setting("LAYERS_MAX_ENTRIES", 1000000),
				       .max_bytes = setting("LAYERS_MAX_BYTES", 4ULL << 30)};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(2 * sizeof(int))];
	} control_bytes = {0};
	struct iovec iov = {&request, sizeof request};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control_bytes,
				 .msg_controllen = sizeof control_bytes};

	must(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, control), "socketpair");
	must(pipe2(stream, O_CLOEXEC), "pipe");
	fcntl(stream[0], F_SETPIPE_SZ, 1 << 20);
	own = stream[task == TREE_APPLY];
	int directory = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	must(directory, argv[3]);
	child.pid = fork();
	if (child.pid == 0) {
		if (control[1] == 3)
			fcntl(3, F_SETFD, 0);
		else
			dup2(control[1], 3);
		static char name[] = "hrun-tree";
		char *const args[] = {name, NULL};
		execv(argv[2], args);
		_exit(127);
	}
	int fds[2] = {directory, stream[task != TREE_APPLY]};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fds);
	memcpy(CMSG_DATA(c), fds, sizeof fds);
	must((int)sendmsg(control[0], &message, 0), "sendmsg");
	close(control[1]);
	close(fds[1]);
	close(directory);
	child.control = control[0];
	child.stream = own;
	return child;
}

static void print_text(const char *name, const char *text)
{
	printf(", \"%s\": \"", name);
	for (; *text; text++)
		printf((unsigned char)*text < ' ' || *text == '"' || *text == '\\' || (unsigned char)*text > 126
			       ? "\\u%04x"
			       : "%c",
		       (unsigned int)(unsigned char)*text);
	printf("\"");
}

static void finish(struct child *child)
{
	struct tree_answer answer = {0};
	int status = 0;

	if (child->stream >= 0)
		close(child->stream);
	ssize_t n = recv(child->control, &answer, sizeof answer, 0);
	waitpid(child->pid, &status, 0);
	printf(", \"tree\": %d, \"status\": %d, \"entries\": %llu, \"bytes\": %llu",
	       n == sizeof answer ? answer.error : -1000, status, (unsigned long long)answer.entries,
	       (unsigned long long)answer.bytes);
	print_text("tree_reason", answer.reason);
}

static int digest_of(const char *text, struct digest *digest)
{
	if (strlen(text) != 71)
		return -1;
	memcpy(digest->text, text, 72);
	for (int i = 0; i < 32; i++) {
		char pair[3] = {text[7 + 2 * i], text[8 + 2 * i], 0};
		digest->bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
	}
	return 0;
}

/* ru_maxrss would be that of who started us. */
static long peak_kib(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];
	long peak = -1;

	while (file && fgets(line, sizeof line, file)) {
		if (strncmp(line, "VmHWM:", 6) == 0)
			peak = strtol(line + 6, NULL, 10);
	}
	if (file)
		fclose(file);
	return peak;
}

static void read_layers(int argc, char **argv, int tree)
{
	static struct descriptor layers[128];
	static struct digest ids[128];
	struct layer_limits limits = {.max_layer_bytes = setting("LAYERS_MAX_BYTES", 4ULL << 30),
				      .max_total_bytes = setting("LAYERS_MAX_BYTES", 4ULL << 30),
				      .max_entries = setting("LAYERS_MAX_ENTRIES", 1000000),
				      .max_ratio = (uint32_t)setting("LAYERS_RATIO", 200)};
	struct image_devices devices = {0};
	struct refusal r = {0};
	struct pool pool = {NULL};
	size_t count = 0;
	int layout = open(argv[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	must(layout, argv[0]);
	for (int i = 1; i + 3 < argc && count < 128; i += 4, count++) {
		layers[count].media_type = argv[i];
		must(digest_of(argv[i + 1], &layers[count].digest), "digest");
		layers[count].size = strtoull(argv[i + 2], NULL, 10);
		must(digest_of(argv[i + 3], &ids[count]), "diff_id");
	}
	limits.devices = getenv("LAYERS_DEVICES") ? &devices : NULL;
	int result = layers_read(&pool, layout, layers, ids, count, &limits, tree, NULL, &r);
	printf("{\"read\": %d, \"stage\": \"%s\", \"peak_kib\": %ld", result,
	       r.stage == IMAGE_STAGE_LAYER    ? "layer"
	       : r.stage == IMAGE_STAGE_UNPACK ? "unpack"
					       : "",
	       peak_kib());
	print_text("reason", r.reason);
	printf(", \"devices\": %u", devices.count);
	print_text("first", devices.first);
	pool_free(&pool);
}

static void copy(int from, int to)
{
	char buffer[65536];
	ssize_t n;

	while ((n = read(from, buffer, sizeof buffer)) > 0) {
		if (write(to, buffer, (size_t)n) != n)
			return;
	}
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	struct child child;

	signal(SIGPIPE, SIG_IGN);
	if (strcmp(what, "verify") == 0 && argc > 2) {
		read_layers(argc - 2, argv + 2, -1);
	} else if (strcmp(what, "unpack") == 0 && argc > 5) {
		child = start(argv, TREE_APPLY);
		read_layers(argc - 5, argv + 5, child.stream);
		finish(&child);
	} else if (argc > 4 && strcmp(what, "walk") == 0) {
		child = start(argv, TREE_WALK);
		copy(child.stream, 1);
		fflush(stdout);
		dup2(2, 1);
		printf("{\"read\": 0");
		finish(&child);
	} else if (argc > 4 && (strcmp(what, "send") == 0 || strcmp(what, "pause") == 0)) {
		child = start(argv, TREE_APPLY);
		if (strcmp(what, "pause") == 0) {
			printf("%d\n", child.pid);
			fflush(stdout);
		}
		copy(0, child.stream);
		printf("{\"read\": 0");
		finish(&child);
	} else {
		fprintf(stderr, "layers verify|unpack|walk|send|pause ...\n");
		return 3;
	}
	printf("}\n");
	return 0;
}
