/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.c - one line to --log in text or JSON, and to stderr.
 *
 * A message quotes what strangers wrote (paths, keys, a hook's output): it is
 * made one line of valid UTF-8 without control characters before it reaches a
 * terminal or an engine's JSON reader, and the line is written with one write(2),
 * so that commands that share a log file do not mix their lines.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/log.h>
#include <hrun/str.h>
#include <hrun/utc.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* conmon reads 8191 bytes of stderr; escaping at most doubles a message. */
enum { MESSAGE_SIZE = 3072, LINE_SIZE = 2 * MESSAGE_SIZE + 128 };

static struct {
	int fd; /* -1: stderr only */
	bool json, debug;
} output = {.fd = -1};

int log_open(const char *file, bool json, bool debug, struct err *e)
{
	output.json = json;
	output.debug = debug;
	if (!file)
		return 0;
	/* crun's way to write a path */
	if (str_starts(file, "file:"))
		file += strlen("file:");
	else if (str_starts(file, "journald:") || str_starts(file, "syslog:"))
		return err_set(e, ENOTSUP, "--log takes a file, not `%s`; what started hrun has its stderr", file);
	/* O_NONBLOCK: a FIFO that nobody reads is an error, not a wait for ever. */
	int flags = O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
#ifdef HRUN_MUTANT_LOG_LINK
	flags &= ~O_NOFOLLOW;
#endif
	autofd int fd = open(file, flags, 0644);
	if (fd < 0) {
		err_errno(e, "open the log file %s", file);
		return err_advise(e, "name a file that this user may write, in a directory that is there");
	}
	fd_close(&output.fd);
	output.fd = TAKE_FD(fd);
	return 0;
}

int log_descriptor(void)
{
	return output.fd;
}

/* The length of the valid, printable UTF-8 sequence at P, 0 where there is none. */
static size_t sequence_length(const unsigned char *p)
{
	size_t length = *p < 0x80 ? 1 : *p >= 0xc2 && *p < 0xe0 ? 2 : *p >= 0xe0 && *p < 0xf0 ? 3 : 4;

	if (*p < 0x20 || *p == 0x7f || (*p >= 0x80 && *p < 0xc2) || *p > 0xf4)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	/* overlong forms, surrogates, beyond U+10FFFF; and the C1 controls U+0080..U+009F */
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] >= 0x90) || (p[0] == 0xc2 && p[1] < 0xa0))
		return 0;
	return length;
}

/* Make TEXT one printable line, in place. */
static void clean(char *text)
{
	unsigned char *out = (unsigned char *)text;

	for (const unsigned char *p = out; *p;) {
		size_t length = sequence_length(p);
		if (length == 0) {
			*out++ = *p == '\n' || *p == '\t' ? ' ' : '?';
			p++;
		}
		for (; length; length--)
			*out++ = *p++;
	}
	*out = '\0';
}

/* Both formats quote as JSON does; clean text needs no other escape. */
static size_t quote(char *out, const char *text)
{
	size_t n = 0;

	out[n++] = '"';
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			out[n++] = '\\';
		out[n++] = *text;
	}
	out[n++] = '"';
	return n;
}

static void write_line(const char *level, const char *message)
{
	char line[LINE_SIZE], stamp[UTC_TEXT_SIZE], quoted[2 * MESSAGE_SIZE + 3];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	utc_text(&now, stamp, sizeof stamp);
	memcpy(stamp + strcspn(stamp, "."), "Z", sizeof "Z"); /* whole seconds, as engines know them */
	quoted[quote(quoted, message)] = '\0';
	int n = output.json ? snprintf(line, sizeof line, "{\"level\":\"%s\",\"msg\":%s,\"time\":\"%s\"}\n", level,
				       quoted, stamp)
			    : snprintf(line, sizeof line, "time=\"%s\" level=%s msg=%s\n", stamp, level, quoted);
	/* Nobody is left to be told that the log cannot be written; stderr has the text. */
	if (n > 0 && fd_write_all(output.fd, line, (size_t)n) < 0)
		return;
}

static void print(const char *prefix, const char *message)
{
	char line[MESSAGE_SIZE + 32];
	int n = snprintf(line, sizeof line, "%s%s\n", prefix, message);

	if (n > 0 && fd_write_all(STDERR_FILENO, line, (size_t)n) < 0)
		return;
}

__attribute__((format(printf, 2, 0))) static void format_message(char *message, const char *format, va_list args)
{
	int n = vsnprintf(message, MESSAGE_SIZE, format, args);

	if (n < 0)
		message[0] = '\0';
	else if (n >= MESSAGE_SIZE)
		memcpy(message + MESSAGE_SIZE - 4, "...", 4);
	clean(message);
}

/* LEVEL NULL: not for --log, which engines read for the one line of a failure. */
__attribute__((format(printf, 3, 0))) static void say(const char *level, const char *prefix, const char *format,
						      va_list args)
{
	char message[MESSAGE_SIZE];

	format_message(message, format, args);
	if (level && output.fd >= 0)
		write_line(level, message);
	print(prefix, message);
}

void log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say("error", "", format, args);
	va_end(args);
}

void log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(NULL, "warning: ", format, args);
	va_end(args);
}

bool log_has_debug(void)
{
	return output.debug;
}

void log_debug(const char *format, ...)
{
	va_list args;

	if (!output.debug)
		return;
	va_start(args, format);
	say("debug", "debug: ", format, args);
	va_end(args);
}
