/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - hrun-sign: one key, one signature, one answer.
 *
 * Started by hrun with an empty environment and descriptor 3, nothing else (include/hrun/sign_wire.h).  It gives up all privilege, as
 * hrun-image does, before it receives the first byte.
 */
#include "sign.h"
#include <errno.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <hrun/unix.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { SECURE_HEAP = 1 << 18, SECURE_UNIT = 16 };

#ifdef __SANITIZE_ADDRESS__
/* Who is not dumpable cannot be looked through for leaks. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

static struct signer the_signer = {.key_fd = -1, .passphrase_fd = -1};

int sign_fail(struct signer *s, int errnum, const char *format, ...)
{
	va_list list;

	if (!s->answer.reason[0]) {
		va_start(list, format);
		vsnprintf(s->answer.reason, sizeof s->answer.reason, format, list);
		va_end(list);
	}
	return -errnum;
}

static bool is_hex(const char *text, size_t size)
{
	return memchr(text, '\0', size) && strlen(text) == 64 && strspn(text, "0123456789abcdef") == 64;
}

/* Nothing but digits gets into a statement. */
static bool digests_are_sound(const struct sign_request *request)
{
	bool measured = request->verity_hex[0];

	return is_hex(request->root_hex, sizeof request->root_hex) &&
	       is_hex(request->config_hex, sizeof request->config_hex) && request->root_is_file <= 1 &&
	       (!measured || (request->root_is_file && is_hex(request->verity_hex, sizeof request->verity_hex)));
}

static int check(struct signer *s, const int *fds, size_t fd_count)
{
	const struct sign_request *request = &s->request;
	bool signs = request->task == SIGN_STATEMENT;

	if (request->version != SIGN_WIRE_VERSION)
		return sign_fail(s, EPROTO, "hrun and hrun-sign are of different builds; install both again");
	if (request->task >= SIGN_TASKS || request->key >= SIGN_KEYS || request->has_passphrase > 1 ||
	    fd_count != (size_t)signs + request->has_passphrase || (signs && !digests_are_sound(request)))
		return sign_fail(s, EPROTO, "the request is malformed");
	s->key_fd = signs ? fds[0] : -1;
	s->passphrase_fd = request->has_passphrase ? fds[signs] : -1;
	return 0;
}

static void work(struct signer *s, const int *fds, size_t fd_count)
{
	int r = check(s, fds, fd_count);

	if (r == 0)
		r = s->request.task == SIGN_KEYGEN ? private_key_make(s) : statement_sign(s);
	s->answer.version = SIGN_WIRE_VERSION;
	s->answer.error = r;
	if (r < 0) {
		OPENSSL_cleanse(s->answer.text, sizeof s->answer.text);
		s->answer.text_size = s->answer.public_size = 0;
		str_remove_controls(s->answer.reason);
	}
}

int main(int argc, char **argv)
{
	static const char name[] = "hrun-sign";
	struct signer *s = &the_signer;
	int fds[2];
	size_t fd_count = 0;

	(void)argv;
	if (program_begin(name, argc) != 0)
		return PROGRAM_NO_ANSWER;
	/* Nothing of it goes to swap space, as far as this user may lock memory. */
	CRYPTO_secure_malloc_init(SECURE_HEAP, SECURE_UNIT);
	mlock(s, sizeof *s);
	if (program_confine(name) != 0)
		return PROGRAM_NO_ANSWER;
	if (unix_receive_all(PROGRAM_SOCKET, &s->request, sizeof s->request, fds, 2, &fd_count) != sizeof s->request)
		return program_complain(name, "no request came");
	work(s, fds, fd_count);
	int r = unix_send(PROGRAM_SOCKET, &s->answer, sizeof s->answer, -1);
	OPENSSL_cleanse(s, sizeof *s);
	return r < 0 ? PROGRAM_NO_ANSWER : 0;
}
