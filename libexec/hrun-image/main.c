/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - hrun-image: is this image what a trusted key signed, down to the last file?
 *
 * Started by hrun with an empty environment and descriptor 3, nothing else (include/hrun/image_wire.h).  It gives up all
 * privilege before it receives the first byte.  hrun believes only a whole answer: a program that ends early, for whatever
 * reason, has refused.
 */
#include "image.h"
#include <errno.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <hrun/unix.h>
#include <openssl/crypto.h>
#include <unistd.h>

enum { SOCKET = 3, EXIT_NO_ANSWER = 2, PROGRESS_BYTES = 1 << 22 };

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
	if (unix_send(SOCKET, &s->answer, sizeof s->answer, -1) < 0)
		_exit(EXIT_NO_ANSWER);
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
		stored_find(&s->pool, SOCKET, &s->request, &s->answer, &s->config);
		return;
	}
	int tree = s->request.task == IMAGE_UNPACK ? s->fds[1] : -1;
	image_judge(&s->pool, SOCKET, &s->request, s->trusts, tree, &progress, &s->answer, &s->config);
}

static int send_answer(struct session *s)
{
	s->answer.done = 1;
	s->answer.config_size = s->config.size;
	TRY(unix_send(SOCKET, &s->answer, sizeof s->answer, -1));
	for (size_t at = 0; at < s->config.size; at += IMAGE_CHUNK) {
		size_t left = s->config.size - at;
		TRY(unix_send(SOCKET, s->config.bytes + at, left < IMAGE_CHUNK ? left : IMAGE_CHUNK, -1));
	}
	return 0;
}

/* One line on stderr, for who runs it by hand; hrun gives it no stderr. */
static int complain(const char *what)
{
	char line[200];
	int n = str_format(line, sizeof line, "hrun-image: %s; it is started by hrun\n", what);

	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
		return EXIT_NO_ANSWER;
	return EXIT_NO_ANSWER;
}

int main(int argc, char **argv)
{
	static struct session s;
	const char *what;

	(void)argv;
	if (argc != 1 || (environ && environ[0]))
		return complain("no arguments and no environment are expected");
	/* Its configuration file could name other algorithms, and is out of reach in a moment. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return complain("OpenSSL cannot be used");
	if (close_range(SOCKET + 1, ~0U, 0) < 0 || confine(&what) < 0)
		return complain("it cannot be confined");
	ssize_t n = unix_receive_all(SOCKET, &s.request, sizeof s.request, s.fds, IMAGE_FDS_MAX, &s.fd_count);
	if (n != sizeof s.request)
		return complain("no request came");
	s.answer.version = IMAGE_WIRE_VERSION;
	judge(&s);
	return send_answer(&s) < 0 ? EXIT_NO_ANSWER : 0;
}
