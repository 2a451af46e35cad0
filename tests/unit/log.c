/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - what engines read: one line, valid JSON, RFC 3339, never truncated, links not followed.
 */
#include "check.h"

#include <fcntl.h>
#include <hrun/json.h>
#include <hrun/log.h>
#include <hrun/pool.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char file[] = "/tmp/hrun-log-XXXXXX";

static size_t read_back(char *text, size_t size)
{
	FILE *in = fopen(file, "r");
	size_t n = in ? fread(text, 1, size - 1, in) : 0;

	if (in)
		fclose(in);
	text[n] = '\0';
	return n;
}

static bool matches(const char *pattern, const char *text)
{
	regex_t regex;
	bool ok = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) == 0 && regexec(&regex, text, 0, NULL, 0) == 0;

	regfree(&regex);
	return ok;
}

static void json_line(void)
{
	struct pool pool = {NULL};
	struct json_error error;
	const struct json *tree = NULL;
	struct err e;
	char text[8192];

	CHECK(log_open(file, true, false, &e) == 0);
	log_debug("not shown without --debug");
	log_error(
		"quote \" backslash \\ newline\n tab\t bell\a del\177 esc\033[31m bad \xff\xc0\xaf c1 \xc2\x9b fine \xc3\xa4");
	size_t n = read_back(text, sizeof text);
	CHECK(n > 0 && text[n - 1] == '\n' && strchr(text, '\n') == text + n - 1);
	CHECK(json_read(&pool, text, n, sizeof text, &tree, &error) == 0);
	CHECK(tree && tree->count == 3);
	const struct json *msg = tree ? json_at(tree, "msg") : NULL, *time = tree ? json_at(tree, "time") : NULL;
	CHECK(msg &&
	      strcmp(msg->text,
		     "quote \" backslash \\ newline  tab  bell? del? esc?[31m bad ??? c1 ?? fine \xc3\xa4") == 0);
	CHECK(time && matches("^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]Z$", time->text));
	CHECK(tree && strcmp(json_at(tree, "level")->text, "error") == 0);
	pool_free(&pool);
}

static void long_message(void)
{
	struct pool pool = {NULL};
	struct json_error error;
	const struct json *tree = NULL;
	struct err e;
	char text[16384], big[9000];

	memset(big, '"', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	CHECK(truncate(file, 0) == 0 && log_open(file, true, false, &e) == 0);
	log_error("%s", big);
	size_t n = read_back(text, sizeof text);
	CHECK(json_read(&pool, text, n, sizeof text, &tree, &error) == 0);
	const struct json *msg = tree ? json_at(tree, "msg") : NULL;
	CHECK(msg && strlen(msg->text) > 1000 && strcmp(msg->text + strlen(msg->text) - 3, "...") == 0);
	pool_free(&pool);
}

static void text_and_append(void)
{
	struct err e;
	char text[4096];

	CHECK(truncate(file, 0) == 0 && log_open(file, false, true, &e) == 0);
	log_debug("one");
	CHECK(log_open(file, false, true, &e) == 0);
	log_error("two");
	log_warning("stderr only");
	read_back(text, sizeof text);
	CHECK(matches("^time=\"[^\"]+Z\" level=debug msg=\"one\"\ntime=\"[^\"]+Z\" level=error msg=\"two\"\n$", text));
}

static void links(void)
{
	char name[64];
	struct err e = {0};

	snprintf(name, sizeof name, "%s.link", file);
	CHECK(symlink(file, name) == 0);
	CHECK(log_open(name, true, false, &e) < 0 && strstr(e.text, name));
	unlink(name);
	CHECK(log_open("/nowhere/log", true, false, &e) == -ENOENT);
}

int main(void)
{
	int fd = mkstemp(file);

	CHECK(fd >= 0);
	close(fd);
	/* what is printed to stderr is not judged here */
	CHECK(freopen("/dev/null", "w", stderr) != NULL);
	json_line();
	long_message();
	text_and_append();
	links();
	unlink(file);
	return failures != 0;
}
