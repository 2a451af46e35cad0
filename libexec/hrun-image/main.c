/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - hrun-image: is this image what a trusted key signed, down to the last file?
 *
 * Started by hrun with an empty environment and descriptor 3, nothing else (include/hrun/image_wire.h).  It gives up all
 * privilege before it receives the first byte.  hrun believes only a whole answer: a program that ends early, for whatever
 * reason, has refused.
 */
#include "image.h"
#include <hrun/unix.h>
#include <string.h>
#include <unistd.h>

enum { PROGRESS_BYTES = 1 << 22 };

#ifdef __SANITIZE_ADDRESS__
/* Who is not dumpable cannot be looked through for leaks. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

struct session {
	struct pool pool;
	struct image_request request;
	int fds[IMAGE_FDS_MAX];
	size_t fd_count;
	struct trust trusts[IMAGE_TRUSTS_MAX];
	struct image_answer answer;
	struct blob config;
};

static void tell_progress(void *context, uint64_t bytes_done)
{
	struct session *s = context;

	if (bytes_done < s->answer.bytes_done + PROGRESS_BYTES)
		return;
	s->answer.bytes_done = bytes_done;
	/* Nobody listens any more: there is nothing left to do. */
	if (unix_send(PROGRAM_SOCKET, &s->answer, sizeof s->answer, -1) < 0)
		_exit(PROGRAM_NO_ANSWER);
}

static int load_keys(struct session *s, struct refusal *r)
{
	const int *keys = s->fds + request_first_key(&s->request);

	for (uint32_t i = 0; i < s->request.trust_count; i++) {
		const struct image_trust *wire = &s->request.trusts[i];
		s->trusts[i].wire = wire;
		for (uint32_t k = 0; k < wire->key_count; k++) {
			if (key_load(&s->pool, keys[wire->first_fd + k], wire->key_names[k],
				     (enum image_scheme)wire->scheme, &s->trusts[i].keys[k], r) < 0)
				return refuse(r, IMAGE_STAGE_POLICY, "key `%.100s` cannot be used", wire->key_names[k]);
		}
	}
	return 0;
}

static void judge(struct session *s)
{
	const struct progress progress = {tell_progress, s, &s->answer.layer};
	struct refusal r = {0};

	if (request_check(&s->request, s->fd_count, &r) < 0 || load_keys(s, &r) < 0) {
		s->answer.verdict = IMAGE_REJECT;
		s->answer.stage = r.stage;
		memcpy(s->answer.reason, r.reason, sizeof r.reason);
		return;
	}
	if (s->request.task == IMAGE_BUNDLE) {
		bundle_judge(&s->pool, &s->request, s->trusts, s->fds, &s->answer);
		return;
	}
	if (s->request.task == IMAGE_FIND) {
		stored_find(&s->pool, PROGRAM_SOCKET, &s->request, &s->answer, &s->config);
		return;
	}
	int tree = s->request.task == IMAGE_UNPACK ? s->fds[1] : -1;
	image_judge(&s->pool, PROGRAM_SOCKET, &s->request, s->trusts, tree, &progress, &s->answer, &s->config);
}

static int send_answer(struct session *s)
{
	s->answer.done = 1;
	s->answer.config_size = s->config.size;
	TRY(unix_send(PROGRAM_SOCKET, &s->answer, sizeof s->answer, -1));
	for (size_t at = 0; at < s->config.size; at += IMAGE_CHUNK) {
		size_t left = s->config.size - at;
		TRY(unix_send(PROGRAM_SOCKET, s->config.bytes + at, left < IMAGE_CHUNK ? left : IMAGE_CHUNK, -1));
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const char name[] = "hrun-image";
	static struct session s;

	(void)argv;
	if (program_begin(name, argc) != 0 || program_confine(name) != 0)
		return PROGRAM_NO_ANSWER;
	ssize_t n = unix_receive_all(PROGRAM_SOCKET, &s.request, sizeof s.request, s.fds, IMAGE_FDS_MAX, &s.fd_count);
	if (n != sizeof s.request)
		return program_complain(name, "no request came");
	s.answer.version = IMAGE_WIRE_VERSION;
	judge(&s);
	return send_answer(&s) < 0 ? PROGRAM_NO_ANSWER : 0;
}
