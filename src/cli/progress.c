/* SPDX-License-Identifier: Apache-2.0 */
/*
 * progress.c - a line on the terminal while an image is verified, where that takes longer than anybody likes to wait.
 *
 * Only on a terminal, only after half a second, and gone when the work is done: what is printed next begins an empty line.
 */
#include <hrun/cli.h>
#include <hrun/cli_image.h>
#include <hrun/fd.h>
#include <hrun/str.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SILENT_MS = 500, BETWEEN_MS = 100, BAR = 24, LINE_MAX_ = 79, MEGA = 1000000 };

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The line in place of what stands there. */
static void put(struct progress *progress, const char *line)
{
	char text[2 * LINE_MAX_];
	size_t length = strlen(line);

	int n = snprintf(text, sizeof text, "\r%s%*s%s", line,
			 progress->width > length ? (int)(progress->width - length) : 0, "", length ? "" : "\r");
	/* Who does not want to see it misses nothing. */
	if (n > 0 && fd_write_all(STDERR_FILENO, text, (size_t)n) < 0)
		return;
	progress->width = length;
}

static void tell(void *context, const struct image_answer *answer)
{
	struct progress *progress = context;
	int64_t now = now_ms(), taken = now - progress->began;
	uint64_t total = answer->bytes_total, done = answer->bytes_done < total ? answer->bytes_done : total;
	char bar[BAR + 1] = "", line[LINE_MAX_ + 1];

	if (taken < SILENT_MS || now - progress->last < BETWEEN_MS || total == 0)
		return;
	progress->last = now;
	memset(bar, '.', BAR);
	memset(bar, '#', (size_t)(done / (total / BAR + 1)));
	uint64_t rate = done / (uint64_t)taken / (MEGA / 1000);
	if (str_format(line, sizeof line,
		       "[%s] %" PRIu64 " of %" PRIu64 " MB verified, %" PRIu64 " MB/s, layer %u of %u", bar,
		       done / MEGA, total / MEGA, rate, answer->layer, answer->layer_count) >= 0)
		put(progress, line);
}

void progress_begin(struct progress *progress, struct image_call *call)
{
	*progress = (struct progress){.began = now_ms()};
	if (!isatty(STDERR_FILENO))
		return;
	call->progress = tell;
	call->context = progress;
}

void progress_end(struct progress *progress, struct image_call *call)
{
	if (progress->width)
		put(progress, "");
	call->progress = NULL;
	call->context = NULL;
}
