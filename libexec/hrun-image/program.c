/* SPDX-License-Identifier: Apache-2.0 */
/*
 * program.c - how hrun-image and hrun-sign begin: alone, without an environment, and without privilege before the first byte comes.
 */
#include "image.h"
#include <hrun/fd.h>
#include <hrun/str.h>
#include <openssl/crypto.h>
#include <unistd.h>

int program_complain(const char *name, const char *what)
{
	char line[200];
	int n = str_format(line, sizeof line, "%s: %s; it is started by hrun\n", name, what);

	if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
		return PROGRAM_NO_ANSWER;
	return PROGRAM_NO_ANSWER;
}

int program_begin(const char *name, int argc)
{
	if (argc != 1 || (environ && environ[0]))
		return program_complain(name, "no arguments and no environment are expected");
	/* Its configuration file could name other algorithms, and is out of reach in a moment. */
	if (OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL) != 1)
		return program_complain(name, "OpenSSL cannot be used");
	return 0;
}

int program_confine(const char *name)
{
	const char *what;

	if (close_range(PROGRAM_SOCKET + 1, ~0U, 0) < 0 || confine(true, &what) < 0)
		return program_complain(name, "it cannot be confined");
	return 0;
}
