/* SPDX-License-Identifier: Apache-2.0 */
/*
 * package.c - which version of a program is installed, without running it: what dpkg has written down.
 */
#include <hrun/doctor_look.h>
#include <hrun/str.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 512, LINES_MAX = 8 * 1000 * 1000 };

static bool is_one_of(const char *name, const char *const *names)
{
	for (; *names; names++) {
		if (str_equal(name, *names))
			return true;
	}
	return false;
}

/* "KEY: value" -> value, or NULL. */
static char *value_of(char *line, const char *key)
{
	size_t length = strlen(key);

	return strncmp(line, key, length) == 0 ? line + length : NULL;
}

/* Paragraph by paragraph: the status stands before the version. */
static const char *find(struct pool *pool, FILE *file, const char *const *names)
{
	char line[LINE_MAX_BYTES];
	bool begins = true, ours = false, installed = false;

	for (long n = 0; n < LINES_MAX && fgets(line, sizeof line, file); n++) {
		const char *value;
		bool whole = begins;
		begins = strchr(line, '\n') != NULL;
		line[strcspn(line, "\n")] = '\0';
		if (!whole)
			continue;
		if ((value = value_of(line, "Package: "))) {
			ours = is_one_of(value, names);
			installed = false;
		} else if (ours && (value = value_of(line, "Status: "))) {
			installed = str_ends(value, " installed");
		} else if (ours && installed && (value = value_of(line, "Version: "))) {
			return pool_strdup(pool, value);
		}
	}
	return NULL;
}

const char *doctor_package_version(struct pool *pool, const char *const *names)
{
	FILE *file = fopen("/var/lib/dpkg/status", "re");
	const char *version = file ? find(pool, file, names) : NULL;

	if (file)
		fclose(file);
	return version;
}
