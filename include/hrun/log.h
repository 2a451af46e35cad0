/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - one line to --log in text or JSON, and to stderr.  Called from cli/ only.
 *
 * Engines parse the log: podman unmarshals the whole file as one JSON object, so
 * a command writes exactly one line when it fails and none when it does not,
 * unless --debug asks for more.
 */
#ifndef HRUN_LOG_H
#define HRUN_LOG_H

#include <hrun/err.h>
#include <stdbool.h>

/*
 * FILE (NULL: stderr only) is opened O_CREAT|O_APPEND|O_NOFOLLOW 0644, never truncated.
 * JSON selects {"level","msg","time"} lines.  The same text goes to stderr.
 */
int log_open(const char *file, bool json, bool debug, struct err *e);

/* One line; level error.  The text loses control characters, whatever it quotes. */
void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* stderr only, never the log file. */
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Log file and stderr, only with --debug. */
bool log_has_debug(void);
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The descriptor of the log file, -1 without one. */
int log_descriptor(void);

#endif
