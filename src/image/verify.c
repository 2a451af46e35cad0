/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify.c - hrun's half of a verification: start hrun-image, give it what it asks for, believe nothing but a whole answer.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/image.h>
#include <hrun/libexec.h>
#include <hrun/proc.h>
#include <hrun/str.h>
#include <hrun/unix.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { QUESTIONS_MAX = 100000, MILLISECONDS = 1000 };

int image_open_layout(const char *path, struct err *e)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	const char *name = strerrorname_np(errno);
	return err_set(e, errno, "image layout `%s` cannot be opened (%s); name a directory that holds oci-layout",
		       path, name ? name : "unknown error");
}

static int take_word(const char **text, char *word, size_t size)
{
	size_t length = strcspn(*text, "/");

	if (length == 0 || length >= size)
		return -EINVAL;
	memcpy(word, *text, length);
	word[length] = '\0';
	*text += length;
	if (**text == '/')
		++*text;
	return 0;
}

int image_platform(struct image_request *request, const char *text, struct err *e)
{
	static const char *const machines[][2] = {
		{"x86_64", "amd64"}, {"aarch64", "arm64"}, {"i686", "386"}, {"riscv64", "riscv64"}, {"s390x", "s390x"},
	};
	const char *rest = text;
	struct utsname machine;

	if (text) {
		if (str_has_control(text) || take_word(&rest, request->os, sizeof request->os) < 0 ||
		    take_word(&rest, request->architecture, sizeof request->architecture) < 0 ||
		    (*rest && take_word(&rest, request->variant, sizeof request->variant) < 0) || *rest)
			return err_set(e, EINVAL, "option --platform takes OS/ARCH or OS/ARCH/VARIANT, not `%.100s`",
				       text);
		return 0;
	}
	if (uname(&machine) < 0)
		return err_errno(e, "ask for this machine's platform; give --platform");
	const char *architecture = machine.machine;
	for (size_t i = 0; i < sizeof machines / sizeof *machines; i++) {
		if (str_equal(machine.machine, machines[i][0]))
			architecture = machines[i][1];
	}
	TRY(str_format(request->os, sizeof request->os, "linux"));
	return str_format(request->architecture, sizeof request->architecture, "%s", architecture) < 0
		       ? err_set(e, EINVAL, "this machine's name is too long; give --platform")
		       : 0;
}

void image_request_limit(struct image_request *request)
{
	request->max_layer_bytes = UINT64_C(16) << 30;
	request->max_total_bytes = UINT64_C(32) << 30;
	request->max_entries = 2000000;
	request->max_ratio = 1100; /* more than deflate can reach is nothing that was compressed */
}

void image_request_default(struct image_request *request)
{
	*request = (struct image_request){
		.version = IMAGE_WIRE_VERSION,
		.task = IMAGE_VERIFY,
		.signatures_required = 1,
		.now = (int64_t)time(NULL),
	};
	image_request_limit(request);
}

/* What one call works with. */
struct conversation {
	const struct image_call *call;
	struct pool *pool;
	struct image_result *result;
	int socket;
	int64_t deadline; /* CLOCK_MONOTONIC, milliseconds */
	unsigned int questions;
	bool ended; /* the program closed its end */
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * MILLISECONDS + now.tv_nsec / 1000000;
}

/* Everything that is not a whole answer ends here: a refusal, whatever the program had said before. */
static int no_answer(struct conversation *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int no_answer(struct conversation *c, const char *format, ...)
{
	struct image_answer *answer = &c->result->answer;
	va_list list;

	memset(answer, 0, sizeof *answer);
	answer->version = IMAGE_WIRE_VERSION;
	answer->done = 1;
	answer->verdict = IMAGE_REJECT;
	va_start(list, format);
	vsnprintf(answer->reason, sizeof answer->reason, format, list);
	va_end(list);
	c->result->config = NULL;
	c->result->config_size = 0;
	return -EBADMSG;
}

/* Wait for a message or the end of the program. */
static int wait_message(struct conversation *c)
{
	struct pollfd poll_fd = {.fd = c->socket, .events = POLLIN};

	for (;;) {
		int64_t left = c->deadline - now_ms();
		int r = left <= 0 ? 0 : poll(&poll_fd, 1, left > INT32_MAX ? INT32_MAX : (int)left);
		if (r > 0)
			return 0;
		if (r == 0)
			return no_answer(c, "hrun-image took too long");
		if (errno != EINTR)
			return no_answer(c, "waiting for hrun-image failed");
	}
}

#define IS_TERMINATED(array) (memchr((array), '\0', sizeof(array)) != NULL)

static bool signature_is_sound(struct image_signature *s)
{
	if (s->scheme > IMAGE_SCHEME_NOTATION || s->ok > 1 || !IS_TERMINATED(s->format) || !IS_TERMINATED(s->key) ||
	    !IS_TERMINATED(s->identity) || !IS_TERMINATED(s->reason))
		return false;
	str_remove_controls(s->format);
	str_remove_controls(s->key);
	str_remove_controls(s->identity);
	str_remove_controls(s->reason);
	return true;
}

static bool digest_is_sound(const char *text, size_t size, bool needed)
{
	return memchr(text, '\0', size) && ((!text[0] && !needed) || str_is_digest(text));
}

/* Of a bundle nothing but its signatures is asked, and these are of what was given; of a file that was measured, its SHA-256 is told. */
static bool bundle_is_sound(const struct image_answer *a, const struct image_request *request)
{
	return (request->verity_digest[0] || str_equal(a->image_digest, request->tree_digest)) &&
	       str_equal(a->config_digest, request->bundle_config_digest) && !a->manifest_digest[0] && !a->config_size;
}

/* Nothing was left out unless it was asked for, and of an image that is refused nothing is told. */
static bool devices_are_sound(struct image_devices *devices, bool wanted)
{
	if (!IS_TERMINATED(devices->first) || (devices->count > 0) != (devices->first[0] != 0))
		return false;
	str_remove_controls(devices->first);
	return wanted || !devices->count;
}

/* A list, and nothing about an image. */
static bool list_is_sound(const struct image_answer *a)
{
	return a->config_size && !a->image_digest[0] && !a->manifest_digest[0] && !a->config_digest[0];
}

/* What comes with an accepted request: of an image all digests and the config. */
static bool content_is_sound(const struct image_answer *a, const struct image_request *request)
{
	switch (request->task) {
	case IMAGE_BUNDLE:
		return bundle_is_sound(a, request);
	case IMAGE_FIND:
		return list_is_sound(a);
	default:
		return a->config_size > 0;
	}
}

/* An answer to REQUEST: a word and a reason only where refused; all digests where accepted. */
static bool answer_is_sound(struct image_answer *a, const struct image_request *request)
{
	bool bundle = request->task == IMAGE_BUNDLE, list = request->task == IMAGE_FIND;
	bool accept = a->verdict == (request->task == IMAGE_DOCUMENTS ? IMAGE_LAYERS_UNREAD : IMAGE_ACCEPT);

#ifdef HRUN_MUTANT_IMAGE_LAYERS
	accept = a->verdict == IMAGE_ACCEPT || a->verdict == IMAGE_LAYERS_UNREAD;
#endif
	if (a->version != IMAGE_WIRE_VERSION || a->done > 1 ||
	    (!accept && a->verdict != IMAGE_REJECT && a->verdict != IMAGE_MALFORMED) || a->stage > IMAGE_STAGE_UNPACK ||
	    a->signature_count > IMAGE_SIGNATURES_MAX || !IS_TERMINATED(a->reason) ||
	    a->config_size > IMAGE_CONFIG_MAX || (a->config_size && (!a->done || !accept)))
		return false;
	if (!devices_are_sound(&a->devices, accept && request->drop_devices))
		return false;
	bool needed = a->done && accept;
	if (!digest_is_sound(a->image_digest, sizeof a->image_digest, needed && !list) ||
	    !digest_is_sound(a->manifest_digest, sizeof a->manifest_digest, needed && !bundle && !list) ||
	    !digest_is_sound(a->config_digest, sizeof a->config_digest, needed && !list))
		return false;
	if (needed && (a->stage != IMAGE_STAGE_NONE || a->reason[0] || !content_is_sound(a, request)))
		return false;
	for (uint32_t i = 0; i < a->signature_count; i++) {
		if (!signature_is_sound(&a->signatures[i]))
			return false;
	}
	str_remove_controls(a->reason);
	return true;
}

static int answer_question(struct conversation *c, const struct image_ask *ask)
{
	if (++c->questions > QUESTIONS_MAX)
		return no_answer(c, "hrun-image asks for too many files");
	const struct image_call *call = c->call;
	if (call->request.task == IMAGE_BUNDLE ||
	    (call->give ? call->give(call->context, c->socket, ask) : image_give(c->socket, call->fds[0], ask)) < 0)
		return no_answer(c, "hrun-image asks for something that is no file of the layout");
	return 0;
}

/* 1: the answer; 0: there will be more. */
static int take_message(struct conversation *c)
{
	union {
		struct image_answer answer;
		struct image_ask ask;
	} *message = pool_alloc(c->pool, sizeof *message);
	ssize_t n = 0;

	for (;;) {
		TRY(wait_message(c));
		n = unix_receive(c->socket, message, sizeof *message, NULL);
		/* ECONNRESET: before it had read what was sent. */
		if (n == 0 || n == -ECONNRESET) {
			c->ended = true;
			return no_answer(c, "hrun-image ended without an answer");
		}
		if (n == sizeof message->ask) {
			TRY(answer_question(c, &message->ask));
			continue;
		}
		if (n != sizeof message->answer || !answer_is_sound(&message->answer, &c->call->request))
			return no_answer(c, "hrun-image gave an answer that cannot be right");
		if (message->answer.done)
			break;
		if (c->call->progress)
			c->call->progress(c->call->context, &message->answer);
	}
	c->result->answer = message->answer;
	return 1;
}

static int take_config(struct conversation *c)
{
	size_t size = c->result->answer.config_size, at = 0;
	char *bytes = pool_alloc(c->pool, size + 1);

	if (!size)
		return 0;
	while (at < size) {
		size_t want = size - at < IMAGE_CHUNK ? size - at : IMAGE_CHUNK;
		TRY(wait_message(c));
		ssize_t n = unix_receive(c->socket, bytes + at, want, NULL);
		if (n < 0 || (size_t)n != want)
			return no_answer(c, "hrun-image ended before the whole answer");
		at += want;
	}
	c->result->config = bytes;
	c->result->config_size = size;
	return 0;
}

static int converse(struct conversation *c)
{
	const struct image_call *call = c->call;

	/* Whoever was asked before has read the keys; the layout and a stream have no place to go back to. */
	for (size_t i = 1; i < call->fd_count; i++)
		lseek(call->fds[i], 0, SEEK_SET);
	if (unix_send_all(c->socket, &call->request, sizeof call->request, call->fds, call->fd_count) < 0) {
		c->ended = true;
		return no_answer(c, "hrun-image does not take a request");
	}
	TRY(take_message(c));
	return take_config(c);
}

/* A whole answer of a program that then fails is no answer; one that is ended by us has its reason already. */
static void check_end(struct conversation *c, pid_t pid, int pidfd, bool answered)
{
	char how[64];

	if (answered || c->ended)
		proc_pidfd_wait(pidfd, 5 * MILLISECONDS);
	int status = libexec_reap(pid, pidfd);
	if (status == 0 || (!answered && !c->ended))
		return;
	if (status < 0)
		str_format(how, sizeof how, "was lost");
	else if (WIFSIGNALED(status))
		str_format(how, sizeof how, "was ended by signal %d", WTERMSIG(status));
	else
		str_format(how, sizeof how, "ended with status %d", WEXITSTATUS(status));
	no_answer(c, "hrun-image %s: the image counts as refused", how);
}

int image_verify(struct pool *pool, const struct image_call *call, struct image_result *ret, struct err *e)
{
	unsigned int seconds = call->seconds ? call->seconds : IMAGE_SECONDS;
	struct conversation c = {.call = call, .pool = pool, .result = ret};
	autofd int ours = -EBADF, pidfd = -EBADF;
	pid_t pid;

	*ret = (struct image_result){0};
	TRY(libexec_run("hrun-image", call->program_dir, &ours, &pid, &pidfd, e));
	c.socket = ours;
	c.deadline = now_ms() + (int64_t)seconds * MILLISECONDS;
	bool answered = converse(&c) >= 0;
	check_end(&c, pid, pidfd, answered);
	image_admit(pool, call, ret);
	return 0;
}
